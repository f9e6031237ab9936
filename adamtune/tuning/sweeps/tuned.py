"""The recipe that came out of a sweep, as a file."""

from __future__ import annotations

from pathlib import Path

from adamtune.recipe.resolve import dump_recipe, with_values
from adamtune.runs import directory
from adamtune.tuning.session import Session
from adamtune.tuning.sweeps.decision import Decision
from adamtune.tuning.sweeps.space import Point, Space


def write_tuned(
    session: Session, space: Space, current: Point, best: Point, decision: Decision, *, adopt: bool
) -> Path:
    """Writes the sweep's own `tuned.yaml` and, where a change was accepted, the recipe's best so far.

    Args:
        session: The sweep's run.
        space: Its knobs.
        current: Where it started.
        best: What it chose.
        decision: Whether that is taken.
        adopt: Whether it may become the best so far.

    Returns:
        The file to go on from.
    """
    accepted = decision.decision == "accepted"
    recipe = session.loaded.recipe
    changes = []
    for knob, old, new in zip(space.knobs, current, best, strict=True):
        if accepted and old != new:
            changes.append(f"{knob.path}: {knob.words(old)} -> {knob.words(new)}")
        else:
            changes.append(f"{knob.path} stays {knob.words(old)}")
    if accepted:
        recipe = with_values(recipe, space.settings(best))
    text = dump_recipe(recipe, header=f"{session.path.name}: {'; '.join(changes)}\n{decision.why}")
    return write_recipe(session.path, text, best_so_far=accepted and adopt)


def write_recipe(run_dir: Path, text: str, *, best_so_far: bool) -> Path:
    """Writes a run's `tuned.yaml`, and the same as the best so far of its recipe if it is; each is never half written.

    Returns:
        The file to go on from.
    """
    tuned = run_dir / directory.TUNED
    for folder in [run_dir, *([run_dir.parent] if best_so_far else [])]:
        tuned = folder / directory.TUNED
        scratch = folder / f".{directory.TUNED}"
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(tuned)
    return tuned
