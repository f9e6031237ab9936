"""Where the training stands, on stderr: a bar in a terminal, a line now and then in a log file."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING, Final

from adamtune.report.numbers import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from adamtune.training.progress import Listener, Progress

_LINE_EVERY_S: Final = 10.0  # often enough to see that it lives, seldom enough for a log file
_REDRAW_EVERY_S: Final = 0.1  # training may report every step; drawing each would cost more than the step


@contextlib.contextmanager
def watch(console: Console, *, silent: bool = False) -> Iterator[Listener]:
    """A listener that shows on `console` how the training inside the context goes.

    Args:
        console: Usually stderr; whether it is a terminal decides between bar and lines.
        silent: Show nothing.
    """
    if silent:
        yield lambda progress: None  # noqa: ARG005 - a listener that does not listen
    elif console.is_terminal:
        with _bar(console) as listen:
            yield listen
    else:
        yield _Lines(console)


class _Pace:
    """When a stage began, and so how long it will still take."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.stage: str | None = None
        self._began = (0.0, 0)

    def enter(self, progress: Progress) -> bool:
        """Take note of a report; True where it opens a new stage."""
        if progress.stage == self.stage:
            return False
        self.stage = progress.stage
        self._began = (self._clock(), progress.step)
        return True

    def left(self, progress: Progress) -> str:
        """Time left at the pace so far, in words; empty while there is no pace."""
        began, first_step = self._began
        made = progress.step - first_step
        if made <= 0 or progress.step >= progress.total_steps:
            return ""
        seconds = (self._clock() - began) / made * (progress.total_steps - progress.step)
        return f"{duration(seconds)} left"


def describe(progress: Progress) -> str:
    """Members and best loss in a few words.

    >>> from adamtune.training.progress import Progress
    >>> describe(Progress("lr", 40, 100, 5, 6, 0.3))
    '5 of 6 members train, best val loss 0.3000'
    """
    members = f"{progress.running} of {progress.members} members train"
    if not math.isfinite(progress.best_val_loss):
        return members
    return f"{members}, best {_shown(progress)}"


def _short(progress: Progress) -> str:
    """The same where it stands beside a bar."""
    members = f"{progress.running}/{progress.members} members"
    return f"{members}, {_shown(progress)}" if math.isfinite(progress.best_val_loss) else members


def _shown(progress: Progress) -> str:
    if progress.measure == "return":
        return f"return {-progress.best_val_loss:.1f}"
    return f"val loss {progress.best_val_loss:.4f}"


class _Lines:
    """A listener that writes a line at the start and end of each stage, and one every ten seconds between."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._pace = _Pace(clock)
        self._last = -math.inf
        self._ended = False

    def __call__(self, progress: Progress) -> None:
        ends = progress.step >= progress.total_steps
        if self._pace.enter(progress):
            self._ended = False
        elif self._ended or (not ends and self._clock() - self._last < _LINE_EVERY_S):
            return
        self._last, self._ended = self._clock(), ends
        left = self._pace.left(progress)
        words = [f"{progress.stage}: step {progress.step} of {progress.total_steps}", describe(progress)]
        self._console.print(", ".join([*words, left] if left else words), soft_wrap=True)


@contextlib.contextmanager
def _bar(console: Console) -> Iterator[Listener]:
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn("{task.fields[stage]}", markup=False),
        rich_progress.BarColumn(bar_width=None),
        rich_progress.TextColumn("{task.fields[steps]}"),
        rich_progress.TextColumn("{task.fields[words]}", markup=False),
        rich_progress.TextColumn("{task.fields[left]}", style="dim"),
    )
    pace = _Pace(time.monotonic)
    # Gone when the work is done: what it said is in the result. stdout is not its business.
    bar = rich_progress.Progress(*columns, console=console, transient=True, expand=True, redirect_stdout=False)
    task = bar.add_task("", total=None, stage="preparing", steps="", words="", left="")
    drawn = -math.inf

    def listen(progress: Progress) -> None:
        nonlocal drawn
        opens = pace.enter(progress)
        if not opens and progress.step < progress.total_steps and time.monotonic() - drawn < _REDRAW_EVERY_S:
            return
        drawn = time.monotonic()
        if opens:
            bar.reset(task)
        bar.update(
            task,
            total=max(progress.total_steps, 1),
            completed=progress.step,
            stage=progress.stage,
            steps=f"{progress.step}/{progress.total_steps} steps",
            words=_short(progress),
            left=pace.left(progress),
        )

    with bar:
        yield listen
