"""Whether rows that are alike have the same label, more often than labels in random order would."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from adamtune.data.examine.probe import LABELLED, Facts, Probe
from adamtune.data.examine.quick import above_chance
from adamtune.data.examine.rows import SPLITS
from adamtune.data.examine.subject import NEIGHBOURS, Subject, standardised
from adamtune.data.source import Array

_SHUFFLES: Final = 60
_FEWEST: Final = 30


def _look(subject: Subject) -> Facts | None:
    if not subject.has_labels or len(subject.sample) < _FEWEST:
        return None
    facts: dict[str, Any] = {"n_rows": len(subject.sample), "k": NEIGHBOURS, "all": _measured(subject, None)}
    for place, name in enumerate(SPLITS):
        mine = np.flatnonzero(subject.sample.split == place)
        if len(mine) >= _FEWEST:
            facts[name] = _measured(subject, mine)
    return facts


def _measured(subject: Subject, mine: Array | None) -> dict[str, Any]:
    """Agreement of these rows with the rows nearest to them; where some rows are named only theirs are shuffled."""
    y = subject.sample.y if subject.task == "classification" else standardised(subject.sample.y)
    rows = np.arange(len(y)) if mine is None else mine
    nearest, rng = subject.nearest[rows], np.random.default_rng(6)
    found = _agreement(y, rows, nearest)
    shuffled = []
    for _ in range(_SHUFFLES):
        other = y.copy()
        other[rows] = y[rng.permutation(rows)]
        shuffled.append(_agreement(other, rows, nearest))
    chance = np.array(shuffled)
    typical = float(chance.mean())
    return {
        "n_rows": len(rows),
        "agreement": found,
        "chance": typical,
        "corrected": (found - typical) / (1 - typical) if typical < 1 else 0.0,
        "above_chance": above_chance(found, chance),
    }


def _agreement(y: Array, rows: Array, nearest: Array) -> float:
    """Share of neighbours with the same label; of a regression the correlation with the neighbours' mean."""
    if y.ndim == 1:
        return float(np.mean(y[nearest] == y[rows, None]))
    mine, theirs = standardised(y[rows]), standardised(y[nearest].mean(axis=1))
    return float(np.mean(mine * theirs))


PROBE: Probe = Probe(
    name="agreement",
    tasks=LABELLED,
    cheap=True,
    look=_look,
    clears={},
)
