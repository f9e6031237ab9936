"""Results as plain data: what `--json` writes.

The results' own field names are the public names, so nothing is renamed here; the tests hold them to it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adamtune.diagnosis.result import Diagnosis
    from adamtune.tuning.results import BaselineResult, SweepResult


def to_json(payload: Mapping[str, Any]) -> str:
    """Strict JSON: numbers that are not finite become null, since JSON has none."""
    return json.dumps(plain(payload), indent=2, allow_nan=False, ensure_ascii=False)


def plain(value: Any) -> Any:
    """The same data in nothing but dicts, lists, strings, finite numbers, booleans and None.

    >>> plain({"a": (1.0, float("nan")), 3: {"b": True}})
    {'a': [1.0, None], '3': {'b': True}}
    """
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    # numpy's numbers and arrays know how to become Python's
    return plain(value.tolist()) if hasattr(value, "tolist") else str(value)


def baseline_payload(result: BaselineResult) -> dict[str, Any]:
    """A baseline's fields; the seeds' curves stay in the run directory, where all signals are."""
    payload: dict[str, Any] = plain(asdict(result))
    for seed in payload["seeds"]:
        del seed["curve"], seed["train_curve"]
    return payload


def sweep_payload(result: SweepResult) -> dict[str, Any]:
    """A sweep's fields, with the study's name and storage together under `study`.

    A value is a number or text; where knobs were searched together, an object with the value of each.
    """
    fields = asdict(result)
    knobs, points = fields.pop("knobs"), (fields.pop("baseline"), fields.pop("best"))
    paths, units = fields.pop("paths"), fields.pop("units")
    trials = [{"value": _value(knobs, trial.pop("point")), **trial} for trial in fields.pop("trials")]
    payload: dict[str, Any] = plain(
        fields
        | {"knob": "+".join(knobs), "path": ", ".join(paths), "unit": ", ".join(filter(None, units)), "trials": trials}
        | {"baseline_value": _value(knobs, points[0]), "best_value": _value(knobs, points[1])}
    )
    payload["study"] = {"name": payload.pop("study_name"), "storage": payload.pop("study_storage")}
    return payload


def _value(knobs: Sequence[str], point: Sequence[Any]) -> Any:
    return point[0] if len(point) == 1 else dict(zip(knobs, point, strict=True))


def diagnosis_payload(diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis's fields: what lies in `diagnosis.json`."""
    payload: dict[str, Any] = plain(diagnosis.as_dict())
    return payload
