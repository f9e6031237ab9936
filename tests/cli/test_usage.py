"""Mistakes on the command line, told as all mistakes are."""

from __future__ import annotations

import json

import pytest

from adamtune.cli.app import run

MISTAKES = {
    "swep": ["unknown command swep", "did you mean: sweep"],
    "tunes x": ["unknown command tunes", "baseline, sweep, lr-range, tune, compare", "did you mean: tune"],
    "baseline": ["adamtune baseline: missing argument RECIPE", "run: adamtune baseline --help"],
    "baseline r --sett a=1": ["unknown option --sett", "did you mean: --set"],
    "baseline r --seed one": ["--seed is one", "expected: a valid integer"],
    "baseline r --seed=-1": ["--seed is -1", "greater than or equal to 0"],
    "baseline r --fail-on bad": ["--fail-on is bad", "expected: warning, critical"],
    "baseline r --set": ["--set", "requires an argument"],
    "baseline r s": ["unexpected extra argument"],
    "--json baseline r": ["unknown option --json", "a command first, then its options"],
    "sweep r": ["missing option --knob", "batch_size, beta1, beta2, clip, dropout", "try: --knob lr"],
    "sweep r --knob lrr": ["lrr", "did you mean: lr"],
    "sweep r --knob lr --knob eps --values 1": ["--values: values for 2 knobs at once: lr, eps", "try: --knob lr"],
    "sweep r --knob lr --sampler cma": ["--sampler: there is no sampler 'cma'", "gp, tpe, qmc"],
    "sweep r --knob lr_decay --values cosin": ["--values: cosin is no value for lr_decay", "cosine, linear"],
    "sweep r --knob batch_size --values 7.5": ["--values: 7.5 is no value for batch_size", "whole numbers"],
    "sweep r --knob lr --values 1,x": ["--values: 'x' is not a number", "try: --values"],
    "sweep r --knob lr --values nan": ["--values: 'nan' is not a number"],
    "sweep r --knob lr --values ,": ["--values: ',' is not a number"],
    "lr-range r --low 1 --high 0.1": ["--low: --low 1 is not below --high 0.1", "try: --low 0.001 --high 0.1"],
    "lr-range r --high inf": ["--high: inf is no learning rate to try", "a number from 1e-08 to 100"],
    "lr-range r --points 4 --steps 3": ["--points: 4 points", "5 to 400", "--steps: 3 steps", "at least 10"],
    "lr-range r --points many": ["--points is many"],
    "lr-range r --lowest 1": ["unknown option --lowest", "did you mean: --low"],
    "diagnose /nowhere": ["error: /nowhere: "],
}


@pytest.mark.parametrize("line", MISTAKES)
def test_mistake_is_told_with_what_was_expected(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    shown = capsys.readouterr()
    assert bool(shown.out) == ("--json" in line)
    assert shown.err.startswith("error: ")
    assert [part for part in MISTAKES[line] if part not in shown.err] == []
    assert "Traceback" not in shown.err
    assert "Usage:" not in shown.err


@pytest.mark.parametrize("line", [line for line in MISTAKES if "--json" not in line])
def test_mistake_under_json_is_one_object(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*line.split(), "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"command", "adamtune_version", "error", "exit_code"}
    assert answer["exit_code"] == 2
    assert answer["command"] == line.split(maxsplit=1)[0]
    assert all(problem["message"] for problem in answer["error"]["problems"])
