"""Results as plain data for `--json`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.report.payloads import baseline_payload, plain, to_json
from adamtune.tuning.results import BaselineResult, Estimate, SeedRow

words = st.text(max_size=5)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | words
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=7
)


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


@given(st.dictionaries(words, trees, max_size=3))
def test_json_is_strict_for_any_data(payload: dict[str, Any]) -> None:
    """Every JSON reader takes it: no NaN, no Infinity."""
    json.loads(to_json(payload), parse_constant=refuse)


@given(st.dictionaries(words, trees, max_size=3))
def test_plain_data_stay_as_they_are(payload: dict[str, Any]) -> None:
    assert plain(plain(payload)) == plain(payload)


def test_numpy_and_paths_become_plain() -> None:
    given = {"a": np.float32(0.5), "b": np.array([1.0, math.nan]), "c": Path("runs"), "d": (np.int64(3), {7})}
    assert plain(given) == {"a": 0.5, "b": [1.0, None], "c": "runs", "d": [3, [7]]}


def test_public_names_of_a_baseline_hold() -> None:
    """Scripts read these names; a renamed field is a broken promise."""
    estimate = Estimate(0.1, math.nan, (math.nan, math.nan), 1)
    seed = SeedRow(0, 0, "complete", 9, "", {"val_loss": 0.1}, "healthy", ((0, 2.0),), ((0, 2.0),))
    finding = Finding(
        "collapse", "warning", "it fell", {"a": math.inf}, (Remedy({"optimizer.lr": 1e-4}, "why", "cmd"),)
    )
    result = BaselineResult(
        run_dir=Path("runs/x/001-baseline"),
        recipe={"name": "x"},
        verdict="collapse",
        findings=(finding,),
        metrics={"val_loss": estimate},
        seeds=(seed,),
        steps=9,
        wall_s=1.0,
        strategy="loop",
        constant_loss=math.nan,
        resumed=False,
        next_command="adamtune diagnose runs/x/001-baseline",
    )
    payload = baseline_payload(result)
    assert {"run_dir", "recipe", "verdict", "findings", "metrics", "steps", "wall_s", "strategy"} <= set(payload)
    assert payload["metrics"]["val_loss"] == {"mean": 0.1, "std": None, "ci95": [None, None], "n": 1}
    assert payload["findings"] == [
        {
            "rule": "collapse",
            "severity": "warning",
            "message": "it fell",
            "evidence": {"a": None},
            "remedies": [{"set": {"optimizer.lr": 1e-4}, "why": "why", "command": "cmd"}],
        }
    ]
    assert "curve" not in payload["seeds"][0]
