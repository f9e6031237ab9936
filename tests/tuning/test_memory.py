"""How much memory training may take, and what is done where that is too little."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adamtune.errors import UsageError
from adamtune.runs.manifest import MemberEntry
from adamtune.tuning.memory import UNITS, free_bytes, parse_size, parts
from adamtune.tuning.requests import SweepRequest
from adamtune.tuning.results import SweepResult
from adamtune.tuning.sweeps.sweep import run_sweep

SETS = ("training.steps=30", "training.eval_every=10", "model.hidden=[9]", "training.strategy=batched")


@given(st.integers(1, 10**6), st.sampled_from(sorted(UNITS)))
def test_a_size_is_a_number_and_a_unit(number: int, unit: str) -> None:
    assert parse_size(f"{number} {unit.upper()}") == number * UNITS[unit]


@pytest.mark.parametrize("text", ["", "2", "GB", "0GB", "-1GB", "2 parsecs", "1e3MB", "nanGB"])
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        parse_size(text)


def test_what_is_free_is_less_than_a_petabyte() -> None:
    free = free_bytes(torch.device("cpu"))
    assert free is None or 2**20 < free < 2**50


@given(st.lists(st.integers(1, 5), max_size=12), st.integers(1, 9))
def test_parts_hold_whole_trials_and_no_more_members_than_fit(sizes: list[int], most: int) -> None:
    trials = [trial for trial, size in enumerate(sizes) for _ in range(size)]
    members = [MemberEntry(number, 0, {}, trial) for number, trial in enumerate(trials)]
    found = list(parts(members, most))
    assert [member for part in found for member in part] == members
    for part in found:
        assert len(part) <= most or len({member.trial for member in part}) == 1
    owners = [{member.trial for member in part} for part in found]
    assert sum(map(len, owners)) == len(sizes), "no trial is in two parts"


def sweep(runs_dir: Path, memory: int | None) -> SweepResult:
    request = SweepRequest(
        recipe="digits-mlp", knobs=("lr",), values=(1e-4, 1e-3, 1e-2), sets=SETS, runs_dir=runs_dir, memory=memory,
        confirm=False, prune=False,
    )  # fmt: skip
    return run_sweep(request, lambda _: None)


def test_what_does_not_fit_is_trained_in_parts_with_the_same_results(tmp_path: Path) -> None:
    whole, parted = sweep(tmp_path / "whole", None), sweep(tmp_path / "parted", 1)
    for one, other in zip(whole.trials, parted.trials, strict=True):
        assert one.point == other.point
        assert one.val_loss.mean == pytest.approx(other.val_loss.mean, rel=1e-4)
    strategies = [(run.run_dir / "manifest.json").read_text().count('"step_ms"') for run in (whole, parted)]
    assert strategies == [1, 3], "one population, or one for each value"
