"""From a finding to its remedies: every remedy that may cure it, with the command that tries it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import command_line
from adamtune.recipe.optimizers import known_optimizer
from adamtune.registry import entries

REMEDIES_FOLDER = "adamtune.diagnosis.remedies"


class Prescriber:
    """The remedies of the folder, by the fault that they may cure."""

    def __init__(self) -> None:
        self._cures = entries(REMEDIES_FOLDER, "REMEDY", Cure)  # type: ignore[type-abstract] # only for isinstance

    def with_remedies(
        self, finding: Finding, view: MemberView, run_dir: Path | None, settings: Mapping[str, Any]
    ) -> Finding:
        """The finding with what to change, the likeliest first.

        Args:
            finding: A fault; remedies that its rule gave itself come first.
            view: The member that shows it most clearly.
            run_dir: The run, so that the command can name its recipe; None leaves commands empty.
            settings: In what the member differs from the run's recipe; the command repeats it.
        """
        proposed = (*finding.remedies, *self._proposals(finding, view))
        kept = _distinct(remedy for remedy in proposed if _changes_something(remedy, view))
        return replace(finding, remedies=tuple(_with_command(remedy, view, run_dir, settings) for remedy in kept))

    def _proposals(self, finding: Finding, view: MemberView) -> Iterable[Remedy]:
        fitting = sorted((cure for cure in self._cures if finding.rule in cure.cures), key=_place(finding.rule))
        for cure in fitting:
            remedy = cure.propose(view, finding)
            if remedy is not None:
                yield remedy


def _place(rule_id: str) -> Any:
    return lambda cure: (cure.cures[rule_id], cure.id)


def _changes_something(remedy: Remedy, view: MemberView) -> bool:
    """Whether it sets something new, to values that a recipe may have: odd histories may give odd numbers."""
    if not remedy.set or not all(map(_is_usable, remedy.set.values())) or not _is_read(remedy, view):
        return False
    return any(not _same(view.setting(path), value) for path, value in remedy.set.items())


def _is_read(remedy: Remedy, view: MemberView) -> bool:
    """Whether the member's optimizer knows of the settings; SGD has no betas."""
    known = known_optimizer(view.setting("optimizer.name"))
    unread = {f"optimizer.{key}" for key in known.unread} if known is not None else set()
    return not any(path.partition("[")[0] in unread for path in remedy.set)


def _is_usable(value: Any) -> bool:
    return not isinstance(value, float) or (math.isfinite(value) and value > 0)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    numbers = as_number(one), as_number(other)
    return bool(one == other) or (not any(map(math.isnan, numbers)) and math.isclose(*numbers, rel_tol=1e-6))


def _distinct(remedies: Iterable[Remedy]) -> list[Remedy]:
    kept: list[Remedy] = []
    for remedy in remedies:
        if all(dict(remedy.set) != dict(other.set) for other in kept):
            kept.append(remedy)
    return kept


def _with_command(remedy: Remedy, view: MemberView, run_dir: Path | None, settings: Mapping[str, Any]) -> Remedy:
    if run_dir is None or not view.settings:
        return remedy
    replaced = {path.partition("[")[0] for path in remedy.set}
    own = {path: value for path, value in settings.items() if path.partition("[")[0] not in replaced}
    sets = {**own, **remedy.set}
    return replace(remedy, command=command_line("adamtune", "baseline", str(run_dir / "recipe.yaml"), sets=sets))
