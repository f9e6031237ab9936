"""The evidence of a diagnosis, drawn."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from adamtune.cli.app import run
from adamtune.diagnosis.catalogue import load_rules
from adamtune.report.evidence import LIMIT, SIGNAL, SignalChart
from adamtune.runs.record import SIGNALS

Shown = pytest.CaptureFixture[str]
numbers = st.floats(allow_nan=False, allow_infinity=False)


def drawn(chart: SignalChart, width: int = 100) -> str:
    file = io.StringIO()
    Console(file=file, width=width).print(chart)
    return file.getvalue()


@settings(max_examples=40, deadline=None)
@given(values=st.lists(numbers, min_size=2, max_size=15), limit=st.floats(), width=st.integers(60, 120))
def test_chart_survives_any_signal_and_stays_in_its_width(values: list[float], limit: float, width: int) -> None:
    lines = drawn(SignalChart("stale", [(7 * n, value) for n, value in enumerate(values)], limit), width).splitlines()
    assert max(map(len, lines)) <= width
    assert any(SIGNAL in line for line in lines[1:-1])


def test_threshold_is_a_line_of_its_own_and_the_signal_is_explained() -> None:
    text = drawn(SignalChart("dead_units", [(0, 0.0), (10, 0.9)], 0.5, " of member 3"))
    assert f"dead_units of member 3: {SIGNALS['dead_units'][:30]}" in text
    assert f"{LIMIT} threshold, 0.5" in text
    assert LIMIT * 20 in text
    assert "threshold" not in drawn(SignalChart("dead_units", [(0, 0.0), (10, 0.9)], math.nan))


def test_rules_picture_signals_that_exist() -> None:
    assert {name for rule in load_rules() for name in rule.pictured} <= SIGNALS.keys()


def write_run(path: Path, **signals: list[float]) -> Path:
    path.mkdir(parents=True)
    n = len(next(iter(signals.values())))
    lines = [{"step": 10 * i, **{name: values[i] for name, values in signals.items()}} for i in range(n)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_plot_draws_what_a_finding_was_judged_by_and_json_stays_as_it_is(tmp_path: Path, capsys: Shown) -> None:
    losses = [1.0, *[0.95] * 11]
    path = write_run(
        tmp_path / "run", train_loss=losses, val_loss=losses, batch_loss_ema=losses, dead_units=[0.1, *[0.9] * 11]
    )
    assert run(["diagnose", str(path)]) == 0
    plain = capsys.readouterr().out
    assert run(["diagnose", str(path), "--plot"]) == 0
    plotted = capsys.readouterr().out
    assert "dead-relu" in plain
    assert "threshold, 0.5" not in plain
    assert "threshold, 0.5" in plotted
    assert "moving average" not in plain
    assert "loss of batches, moving average" in plotted
    assert "val loss" in plotted
    answers = []
    for words in ([], ["--plot"]):
        assert run(["diagnose", str(path), "--json", *words]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]


def test_plot_of_a_healthy_run_shows_the_loss_alone(tmp_path: Path, capsys: Shown) -> None:
    falling = [0.7**n for n in range(12)]
    path = write_run(tmp_path / "run", train_loss=falling, val_loss=falling)
    assert run(["diagnose", str(path), "--plot"]) == 0
    shown = capsys.readouterr().out
    assert "healthy" in shown
    assert "threshold" not in shown
    assert "val loss" in shown
