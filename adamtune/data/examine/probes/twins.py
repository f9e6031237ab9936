"""Rows with equal features, and whether their labels are equal too."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from adamtune.data.examine.probe import LABELLED, Facts, Probe
from adamtune.data.examine.rows import SPLITS, Rows, twins
from adamtune.data.examine.subject import Subject
from adamtune.data.source import Array

_GROUPS: Final = 50
_APART: Final = 0.5
"""Standard deviations of the target that equal rows must differ by to contradict each other."""


def _look(subject: Subject) -> Facts | None:
    if not subject.has_labels or not subject.finite.any():
        return None
    rows = subject.everything.at(subject.finite)
    groups = twins(subject.hashes[subject.finite])
    spread = rows.y.astype(np.float64).std(axis=0) if subject.task == "regression" else None
    contradicting = [group for group in groups if _differ(rows.y[group], spread)]
    return {
        "n_rows": len(rows),
        "n_twins": sum(map(len, groups)),
        "n_conflicting": sum(map(len, contradicting)),
        "n_compared": len(subject.sample),
        "conflict_of_twins": _share_apart(rows, groups, spread),
        "conflict_of_neighbours": _neighbours_apart(subject, spread),
        "groups": [_told(rows.at(group), subject) for group in _by_first_row(rows, contradicting)[:_GROUPS]],
    }


def _differ(y: Array, spread: Array | None) -> bool:
    if spread is None:
        return bool((y != y[0]).any())
    return bool((y.max(axis=0) - y.min(axis=0) > _APART * spread).any())


def _share_apart(rows: Rows, groups: list[Array], spread: Array | None) -> float:
    """Share of pairs (a row and its next twin) whose labels differ."""
    if not groups:
        return 0.0
    one, other = (np.concatenate([group[ends] for group in groups]) for ends in (slice(None, -1), slice(1, None)))
    return _apart(rows.y[one], rows.y[other], spread)


def _neighbours_apart(subject: Subject, spread: Array | None) -> float:
    """The same for each sampled row and the row most like it that is not its twin: what is natural here."""
    sample = subject.sample
    if len(sample) < 2:
        return 0.0
    return _apart(sample.y, sample.y[subject.nearest[:, 0]], spread)


def _apart(one: Array, other: Array, spread: Array | None) -> float:
    """Share of pairs whose labels differ; targets, by more than half of their spread."""
    if spread is None:
        return float(np.mean(one != other))
    return float(np.mean((np.abs(one - other) > _APART * spread).any(axis=1)))


def _by_first_row(rows: Rows, groups: list[Array]) -> list[Array]:
    """Groups and their rows in the order of the source."""
    ordered = [group[np.argsort(rows.numbers[group], kind="stable")] for group in groups]
    return sorted(ordered, key=lambda group: int(rows.numbers[group[0]]))


def _told(rows: Rows, subject: Subject) -> dict[str, Any]:
    """Rows of one group by number and, of a classification, their labels: targets may have been scaled."""
    facts: dict[str, Any] = {
        "rows": [int(number) for number in rows.numbers],
        "splits": [SPLITS[split] for split in rows.split],
    }
    if subject.task == "classification":
        facts["labels"] = [subject.report.class_names[label] for label in rows.y]
    return facts


PROBE: Probe = Probe(
    name="twins",
    tasks=LABELLED,
    cheap=True,
    look=_look,
    clears={"conflicting-dupes": "labels of rows with equal features ({n_twins:,} of {n_rows:,} rows have a twin)"},
)
