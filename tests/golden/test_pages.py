"""What each command shows, line for line; look at the difference before you rewrite a text."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from rich.console import RenderableType

from adamtune.errors import Problem
from adamtune.report.compare import compare_page
from adamtune.report.lr_range import lr_range_page
from adamtune.report.pages import baseline_page, diagnosis_page
from adamtune.report.problems import draw_problems
from adamtune.report.remedy import remedy_page
from adamtune.report.sweeps import sweep_page
from adamtune.report.tune import tune_page

ERRORS = draw_problems(
    [
        Problem(
            "unknown key optimizer.weight_decya",
            where="recipes/digits.yaml:17",
            expected="name, lr, betas, eps, weight_decay",
            hint="did you mean: weight_decay",
        ),
        Problem("interrupted", kept="what was trained is kept", hint="run: adamtune sweep --knob lr"),
    ]
)
PAGES: dict[str, Callable[[ModuleType], RenderableType]] = {
    "baseline-healthy": lambda r: baseline_page(r.baseline()),
    "baseline-sick": lambda r: baseline_page(r.baseline(n_lost=1, findings=(r.TOO_LOW, r.CLIPPED))),
    "baseline-lost": lambda r: baseline_page(r.baseline(n_lost=3, findings=(r.TOO_LOW,))),
    "sweep-accepted": lambda r: sweep_page(r.sweep()),
    "sweep-kept": lambda r: sweep_page(r.sweep("kept")),
    "sweep-lost": lambda r: sweep_page(r.sweep(lost=True)),
    "lr-range": lambda r: lr_range_page(r.lr_range()),
    "lr-range-lost": lambda r: lr_range_page(r.lr_range(lost=True)),
    "tune-accepted": lambda r: tune_page(r.tuning()),
    "tune-kept": lambda r: tune_page(r.tuning("kept")),
    "tune-plan": lambda r: tune_page(r.tuning(dry=True)),
    "remedy-cured": lambda r: remedy_page(r.raced()),
    "remedy-kept": lambda r: remedy_page(r.raced("kept")),
    "remedy-by-hand": lambda r: remedy_page(r.raced("by hand")),
    "compare": lambda r: compare_page(r.compared()),
    "diagnosis": lambda r: diagnosis_page(r.diagnosis(), r.run()),
    "errors": lambda _: ERRORS,
}


@pytest.mark.parametrize("width", [100, 80])
@pytest.mark.parametrize("name", PAGES)
def test_page_looks_as_it_did(
    name: str,
    width: int,
    results: ModuleType,
    same_as: Callable[[str, str], None],
    draw: Callable[[RenderableType, int], str],
) -> None:
    """A page changes only when somebody has looked at the change."""
    same_as(f"{name}-{width}", draw(PAGES[name](results), width))


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_into_80_columns_and_needs_no_colour(
    name: str, results: ModuleType, draw: Callable[[RenderableType, int], str]
) -> None:
    """Nothing is cut off in a narrow terminal, and nothing is said by colour alone.

    Lines that are there to be copied stay whole, however long they are.
    """
    text = draw(PAGES[name](results), 80)
    copied = ("run:", "next:", "or:", "recipe:", "study:")
    assert all(len(line) <= 80 for line in text.splitlines() if not line.strip().startswith(copied))
    assert "\x1b" not in text
    assert "…" not in text
