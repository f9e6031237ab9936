"""From a run directory to what the rules look at: one view per member."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from adamtune.diagnosis.view import MemberView, as_number
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run
from adamtune.runs.record import Record

_LAST_INDEX = re.compile(r"^(.*)\[(\d+)\]$")


def member_view(run: Run, entry: MemberEntry) -> MemberView:
    """One member of a run as the rules see it; what the run does not tell stays empty."""
    records = _one_per_step(run.records.get(entry.number, ()))
    settings = with_settings(run.recipe or {}, entry.settings)
    last = records[-1] if records else None
    return MemberView(
        task=_task(settings, records),
        settings=settings,
        data=run.data,
        steps=tuple(record.step for record in records),
        epochs=tuple(record.epoch for record in records),
        signals=_columns(records),
        state=last.state if last else "running",
        reason=last.reason if last else "",
        total_steps=entry.total_steps or run.total_steps,
        constant_loss=as_number(run.data.get("constant_loss")),
        broken=tuple(
            (record.step, name)
            for record in records
            for name, value in record.signals.items()
            if not math.isfinite(_float(value))
        ),
    )


def data_view(data: Mapping[str, Any], recipe: Mapping[str, Any] | None = None) -> MemberView:
    """A view without a history, for judging the data before anything was trained."""
    settings = dict(recipe or {})
    return MemberView(
        task=str(settings.get("task", "")),
        settings=settings,
        data=data,
        constant_loss=as_number(data.get("constant_loss")),
    )


def with_settings(recipe: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe's plain data with dotted paths set, as one member was trained.

    >>> with_settings({"optimizer": {"betas": [0.9, 0.999]}}, {"optimizer.betas[0]": 0.8})
    {'optimizer': {'betas': [0.8, 0.999]}}
    """
    merged = copy.deepcopy(dict(recipe))
    for path, value in settings.items():
        _set(merged, path, value)
    return merged


def _set(target: dict[str, Any], path: str, value: Any) -> None:
    *folders, name = path.split(".")
    for folder in folders:
        inner = target.get(folder)
        target[folder] = dict(inner) if isinstance(inner, Mapping) else {}
        target = target[folder]
    indexed = _LAST_INDEX.match(name)
    if indexed is None:
        target[name] = value
        return
    values = target.get(indexed[1])
    if isinstance(values, list) and int(indexed[2]) < len(values):
        values[int(indexed[2])] = value


def _one_per_step(records: Sequence[Record]) -> list[Record]:
    """Ascending, the last word on each step: a resumed run may have written a step twice."""
    by_step = {record.step: record for record in records}
    return [by_step[step] for step in sorted(by_step)]


def _columns(records: Sequence[Record]) -> dict[str, tuple[float, ...]]:
    names = sorted({name for record in records for name in record.signals})
    # A log's reader gives floats already; looking at each of them once more would take most of a diagnosis.
    return {name: tuple(_float(record.signals.get(name, math.nan)) for record in records) for name in names}


def _float(value: Any) -> float:
    return value if type(value) is float else as_number(value)


def _task(settings: Mapping[str, Any], records: Sequence[Record]) -> str:
    named = settings.get("task")
    if isinstance(named, str):
        return named
    measured = {name for record in records for name in record.signals}
    return "classification" if measured & {"train_accuracy", "val_accuracy"} else ""
