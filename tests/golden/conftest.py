"""Texts as a user sees them: fixed width, no colour."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

TEXTS = Path(__file__).parent / "texts"


def drawn(page: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    console.print(page)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.fixture
def same_as() -> Callable[[str, str], None]:
    """Compares a text with its golden file; with ADAMTUNE_REWRITE_GOLDEN=1 writes the file in its place."""

    def check(name: str, text: str) -> None:
        path = TEXTS / f"{name}.txt"
        if os.environ.get("ADAMTUNE_REWRITE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture
def draw() -> Callable[..., str]:
    return drawn
