"""Texts as a user sees them: fixed width, no colour."""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console, RenderableType

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def results() -> ModuleType:
    """The made-up results of `results.py`."""
    spec = importlib.util.spec_from_file_location("golden_results", HERE / "results.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def draw() -> Callable[[RenderableType, int], str]:
    """Draws a page as it looks in a file of that width."""

    def drawn(page: RenderableType, width: int) -> str:
        file = io.StringIO()
        Console(file=file, width=width, highlight=False, markup=False, emoji=False).print(page, crop=False)
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"

    return drawn


@pytest.fixture
def same_as() -> Callable[[str, str], None]:
    """Compares a text with its golden file; with ADAMTUNE_REWRITE_GOLDEN=1 writes the file in its place."""

    def check(name: str, text: str) -> None:
        path = HERE / "texts" / f"{name}.txt"
        if os.environ.get("ADAMTUNE_REWRITE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check
