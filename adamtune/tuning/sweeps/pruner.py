"""The rule for stopping early in the form that Optuna asks for. Importing it imports Optuna."""

from __future__ import annotations

from collections.abc import Sequence

from optuna import Study
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial

from adamtune.tuning.sweeps.rungs import beaten


class RungPruner(BasePruner):
    """Stops trials that `beaten` names, by what the study says of every trial that has come to the same step.

    Optuna's own pruners compare with finished trials, or with those that were asked about before; here all members
    of a population stand at a rung at once, and the answer must not depend on whose turn is first.
    """

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether a trial is to stop where it reported last."""
        step = trial.last_step
        if step is None:
            return False
        trials = study.get_trials(deepcopy=False)
        return trial.number in beaten({t.number: found for t in trials if (found := losses_at(t, step)) is not None})


def attribute(step: int) -> str:
    """Name of the user attribute that holds the losses of a trial's seeds at a rung."""
    return f"val_losses_at_step_{step}"


def losses_at(trial: FrozenTrial, step: int) -> Sequence[float] | None:
    """The validation losses of a trial's seeds at a rung; None where it did not come so far."""
    losses = trial.user_attrs.get(attribute(step))
    return None if losses is None else [float(loss) for loss in losses]
