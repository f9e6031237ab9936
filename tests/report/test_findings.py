"""Findings, drawn."""

from __future__ import annotations

import io
import shlex

import pytest
from rich.console import Console

from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.report.findings import draw_findings, evidence_text, set_argument


def drawn(*findings: Finding) -> str:
    file = io.StringIO()
    Console(file=file, width=100).print(draw_findings(findings))
    return file.getvalue()


def test_no_finding_is_said_in_words() -> None:
    assert "no findings" in drawn()


def test_finding_shows_numbers_remedy_and_command() -> None:
    remedy = Remedy(
        {"clip.max_norm": 1.0, "optimizer.lr": 1e-4}, "smaller steps", "adamtune baseline r --set clip.max_norm=1"
    )
    text = drawn(Finding("collapse", "warning", "the loss rose to 3.1", {"end_over_best": 7.25}, (remedy,)))
    assert all(part in text for part in ("warning", "collapse", "the loss rose to 3.1", "end over best", "7.25"))
    assert "--set optimizer.lr=0.0001" in text
    assert text.count("clip.max_norm=") == 1


def test_words_in_brackets_are_no_markup() -> None:
    """A path or a message with [brackets] is shown as it is."""
    text = drawn(Finding("collapse", "warning", "member [red]0[/red] of [3]", {"row[0]": "[bold]"}))
    assert "member [red]0[/red] of [3]" in text
    assert "[bold]" in text


@pytest.mark.parametrize("value", [[0.8, 0.999], 3e-4, None, "cosine", True])
def test_set_argument_is_one_word_for_a_shell(value: object) -> None:
    (word,) = shlex.split(set_argument("optimizer.betas", value))
    assert word.startswith("optimizer.betas=")


def test_long_evidence_is_cut_with_its_true_length() -> None:
    assert evidence_text(list(range(1000))).endswith("... (1000 in all)")
    assert evidence_text([]) == ""
    assert evidence_text(None) == "-"
