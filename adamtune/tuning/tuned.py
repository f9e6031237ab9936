"""The recipe that came out of a sweep, as a file."""

from __future__ import annotations

from pathlib import Path

from adamtune.recipe.resolve import dump_recipe, with_values
from adamtune.runs import directory
from adamtune.tuning.decision import Decision
from adamtune.tuning.session import Session
from adamtune.tuning.space import Point, Space


def write_tuned(session: Session, space: Space, current: Point, best: Point, decision: Decision) -> Path:
    """Writes the sweep's own `tuned.yaml` and, where a change was accepted, the recipe's best so far.

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
    tuned = session.path / directory.TUNED
    tuned.write_text(text, encoding="utf-8")
    if not accepted:
        return tuned
    best_so_far = session.path.parent / directory.TUNED
    scratch = best_so_far.with_name(f".{directory.TUNED}")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(best_so_far)
    return best_so_far
