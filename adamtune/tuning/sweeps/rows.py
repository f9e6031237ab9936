"""What a search tried, as the rows of a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from adamtune.diagnosis.result import Diagnosis
from adamtune.tuning.results import TrialRow
from adamtune.tuning.statistics import estimate
from adamtune.tuning.sweeps.search import Search, Trial
from adamtune.tuning.sweeps.space import Point


def rows(search: Search, good: Collection[Point], diagnosis: Diagnosis) -> tuple[TrialRow, ...]:
    """One row a point, ascending where points can be ordered.

    Args:
        search: What was tried.
        good: The points that are as good as the best.
        diagnosis: Of the run, with a verdict on each trial.
    """
    verdicts = {found.trial: found.verdict for found in diagnosis.trials}
    trials = list(search.trials.values())
    if not any(isinstance(value, str) for trial in trials for value in trial.point):
        trials.sort(key=lambda trial: trial.point)
    return tuple(
        TrialRow(
            number=trial.number,
            point=trial.point,
            state="diverged" if trial.n_diverged else "pruned" if trial.pruned else "complete",
            step=min(record.step for record in trial.last),
            val_loss=estimate(trial.losses),
            n_diverged=trial.n_diverged,
            # What was pruned was given no time to be judged by; what others have trained they have judged.
            verdict="" if trial.pruned else verdicts.get(trial.number, trial.verdict),
            is_baseline=trial.point == search.current,
            as_good=trial.point in good,
        )
        for trial in trials
    )


def saved(trials: Iterable[Trial], total_steps: int) -> float:
    """Share of the search's steps that were not made since members were stopped early; diverged ones do not count."""
    whole = [record for trial in trials for record in trial.last if record.state != "diverged"]
    unmade = sum(total_steps - record.step for record in whole if record.state == "pruned")
    return unmade / (total_steps * len(whole)) if whole and total_steps else 0.0
