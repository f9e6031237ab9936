"""Whether a quick model predicts labels that it has not seen, better than labels in random order."""

from __future__ import annotations

from typing import Final

import numpy as np

from adamtune.data.examine.probe import LABELLED, Facts, Probe
from adamtune.data.examine.quick import above_chance
from adamtune.data.examine.subject import Subject

_SHUFFLES: Final = 100
_FEWEST: Final = 40
_MOST_OUTPUTS: Final = 200


def _look(subject: Subject) -> Facts | None:
    rows = subject.sample.at(subject.model_places) if subject.has_labels else None
    if rows is None or len(rows) < _FEWEST or not 0 < subject.encoded(rows.y[:1]).shape[1] <= _MOST_OUTPUTS:
        return None
    model = subject.quick_model
    explained = model.explained()
    facts = {
        "n_rows": len(rows),
        "explained": explained,
        "above_chance": above_chance(explained, model.explained_by_chance(_SHUFFLES)),
    }
    if subject.task == "classification":
        right = model.predictions.argmax(axis=1) == rows.y
        facts |= {"accuracy": float(right.mean()), "majority": float(np.bincount(rows.y).max() / len(rows))}
    return facts


PROBE: Probe = Probe(
    name="learnable",
    tasks=LABELLED,
    cheap=False,
    look=_look,
    clears={"random-labels": "a quick model predicts labels that it has not seen ({n_rows:,} rows, cross-validated)"},
)
