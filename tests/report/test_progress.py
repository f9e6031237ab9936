"""Where the training stands, on stderr."""

from __future__ import annotations

import io
import math

from rich.console import Console

from adamtune.report.progress import _Lines, describe, watch
from adamtune.training.progress import Progress


def at(step: int, stage: str = "baseline", best: float = 0.5) -> Progress:
    return Progress(stage, step, 100, 2, 3, best)


def file_console(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=120, force_terminal=terminal, highlight=False), file


def test_log_file_gets_first_and_last_line_of_each_stage() -> None:
    console, file = file_console()
    with watch(console) as listen:
        for stage in ("lr", "lr, refined"):
            for step in range(101):
                listen(at(step, stage))
    lines = file.getvalue().splitlines()
    assert [line.partition(",")[0] for line in lines[:1]] == ["lr: step 0 of 100"]
    assert len(lines) == 4


def test_log_file_gets_a_line_every_ten_seconds_with_the_time_left() -> None:
    console, file = file_console()
    now = [0.0]
    listen = _Lines(console, clock=lambda: now[0])
    for step in range(51):
        now[0] = step
        listen(at(step))
    lines = file.getvalue().splitlines()
    assert [line.split()[2] for line in lines] == ["0", "10", "20", "30", "40", "50"]
    assert lines[-1].endswith("50.0 s left")


def test_last_report_repeated_is_not_written_twice() -> None:
    console, file = file_console()
    listen = _Lines(console, clock=lambda: 0.0)
    for _ in range(3):
        listen(at(100))
    assert len(file.getvalue().splitlines()) == 1


def test_silent_watch_writes_nothing() -> None:
    console, file = file_console(terminal=True)
    with watch(console, silent=True) as listen:
        listen(at(50))
    assert not file.getvalue()


def test_terminal_gets_a_bar_that_is_gone_at_the_end() -> None:
    console, file = file_console(terminal=True)
    with watch(console) as listen:
        listen(at(0))
        listen(at(100))
    text = file.getvalue()
    assert "100/100 steps" in text
    assert text.endswith("\x1b[2K")


def test_loss_not_yet_known_is_not_shown() -> None:
    assert describe(at(0, best=math.nan)) == "2 of 3 members train"


def test_stage_in_brackets_is_no_markup() -> None:
    console, file = file_console(terminal=True)
    with watch(console) as listen:
        listen(at(3, stage="[red]lr[/red]"))
    assert "[red]lr[/red]" in file.getvalue()
