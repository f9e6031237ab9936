"""Histories as a run directory would hold them, made in the test that needs them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from adamtune.diagnosis.view import MemberView
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run
from adamtune.runs.record import Record, State

RECIPE: Mapping[str, Any] = {
    "name": "toy",
    "task": "classification",
    "data": {"source": "sklearn/digits", "normalize": "none", "normalize_target": "none"},
    "model": {"kind": "mlp", "hidden": [32], "dropout": 0.0},
    "training": {"epochs": 20, "batch_size": 64},
    "optimizer": {"name": "adamw", "lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01},
    "clip": {"max_norm": None},
    "schedule": {"warmup": 0, "decay": "none"},
}

MakeView = Callable[..., MemberView]
MakeRun = Callable[..., Run]


def falling(to: float, lines: int = 21, start: float = 1.0) -> list[float]:
    """A loss that falls geometrically, as that of a healthy run does."""
    return [start * (to / start) ** (n / (lines - 1)) for n in range(lines)]


@pytest.fixture
def curve() -> Callable[..., list[float]]:
    return falling


def _records(number: int, signals: Mapping[str, Sequence[float]], state: State, reason: str) -> tuple[Record, ...]:
    lines = max((len(values) for values in signals.values()), default=0)
    return tuple(
        Record(
            member=number,
            step=17 * line,
            epoch=float(line),
            state=state if line == lines - 1 else "running",
            signals={name: values[line] for name, values in signals.items() if line < len(values)},
            reason=reason if line == lines - 1 else "",
        )
        for line in range(lines)
    )


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A run of members, each given as its settings and its signals."""

    def make(*members: Mapping[str, Any], recipe: Any = RECIPE, data: Any = None, command: str = "baseline") -> Run:
        entries, records = [], {}
        for number, member in enumerate(members):
            entries.append(
                MemberEntry(
                    number, member.get("seed", number), member.get("settings", {}), member.get("trial"), "baseline"
                )
            )
            records[number] = _records(
                number, member.get("signals", {}), member.get("state", "complete"), member.get("reason", "")
            )
        steps = max((lines[-1].step for lines in records.values() if lines), default=0)
        facts = {"constant_loss": 1.0} if data is None else data
        return Run(tmp_path / "run dir", command, recipe, facts, {}, tuple(entries), records, steps, finished=True)

    return make


@pytest.fixture
def make_view(make_run: MakeRun) -> MakeView:
    """One member of such a run, as the rules see it."""
    from adamtune.diagnosis.views import member_view

    def make(signals: Mapping[str, Sequence[float]], **rest: Any) -> MemberView:
        member = {key: rest.pop(key) for key in ("settings", "state", "reason") if key in rest}
        run = make_run({"signals": signals, **member}, **rest)
        return member_view(run, run.members[0])

    return make


@pytest.fixture
def nan() -> float:
    return math.nan
