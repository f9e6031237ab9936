"""What each command shows, line for line; look at the difference before you rewrite a text."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from adamtune.errors import Problem
from adamtune.report.pages import baseline_page, diagnosis_page, sweep_page
from adamtune.report.problems import draw_problems


def _results() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_results", Path(__file__).parent / "results.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


R = _results()

PAGES = {
    "baseline-healthy": baseline_page(R.baseline()),
    "baseline-sick": baseline_page(R.baseline(n_lost=1, findings=(R.TOO_LOW, R.CLIPPED))),
    "baseline-lost": baseline_page(R.baseline(n_lost=3, findings=(R.TOO_LOW,))),
    "sweep-accepted": sweep_page(R.sweep()),
    "sweep-kept": sweep_page(R.sweep("kept")),
    "sweep-lost": sweep_page(R.sweep(lost=True)),
    "diagnosis": diagnosis_page(R.diagnosis(), R.run()),
    "errors": draw_problems(
        [
            Problem(
                "unknown key optimizer.weight_decya",
                where="recipes/digits.yaml:17",
                expected="name, lr, betas, eps, weight_decay",
                hint="did you mean: weight_decay",
            ),
            Problem("interrupted", kept="what was trained is kept", hint="run: adamtune sweep --knob lr"),
        ]
    ),
}


@pytest.mark.parametrize("width", [100, 80])
@pytest.mark.parametrize("name", PAGES)
def test_page_looks_as_it_did(name, width, same_as, draw):
    """A page changes only when somebody has looked at the change."""
    same_as(f"{name}-{width}", draw(PAGES[name], width))


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_into_80_columns_and_says_nothing_by_colour_alone(name, draw):
    text = draw(PAGES[name], 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "…" not in text
