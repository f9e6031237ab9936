"""Errors in words and as data."""

from __future__ import annotations

from adamtune.errors import Problem
from adamtune.report.problems import draw_problems, problem_payload


def test_first_line_of_a_problem_stands_alone() -> None:
    text = draw_problems([Problem("unknown key lrr", "r.yaml:3", "lr", "did you mean: lr")]).plain
    assert text.splitlines() == ["error: r.yaml:3: unknown key lrr", "  expected: lr", "  did you mean: lr"]


def test_every_problem_is_shown() -> None:
    text = draw_problems([Problem("one"), Problem("two", kept="all is kept")]).plain
    assert text == "error: one\nerror: two\n  all is kept"


def test_payload_names_every_part() -> None:
    payload = problem_payload(Problem("one", where="here"))
    assert payload == {
        "where": "here",
        "what": "one",
        "expected": None,
        "hint": None,
        "kept": None,
        "message": "here: one",
    }
