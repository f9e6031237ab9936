"""A tuning while it runs, on stderr: the stages, the population that trains, the time left."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.live import Live
from rich.text import Text

from adamtune.report.numbers import duration
from adamtune.report.progress import describe
from adamtune.report.tune import stages_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

    from adamtune.training.progress import Listener, Progress
    from adamtune.tuning.whole.tune_results import Standing, Teller

_REDRAW_EVERY_S: Final = 0.2


@contextlib.contextmanager
def watch_tuning(console: Console, *, silent: bool = False) -> Iterator[tuple[Listener, Teller]]:
    """Two listeners, for the population that trains and for the whole, that show on `console` how it goes.

    Args:
        console: Usually stderr; on a terminal a table that is drawn anew, elsewhere a line for each stage.
        silent: Show nothing.
    """
    if silent:
        yield (lambda progress: None), (lambda standing: None)  # noqa: ARG005 - listeners that do not listen
    elif not console.is_terminal:
        lines = _Lines(console)
        yield (lambda progress: None), lines.tell  # noqa: ARG005 - a line for each stage is enough for a log
    else:
        with Live(console=console, transient=True, redirect_stdout=False, auto_refresh=False) as live:
            view = _View(live)
            yield view.listen, view.tell


class _Lines:
    """A line whenever a stage begins or ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: dict[str, str] = {}

    def tell(self, standing: Standing) -> None:
        for row in standing.stages:
            if row.state != "waiting" and self._told.get(row.name) != row.state:
                self._told[row.name] = row.state
                words = f": {row.words}" if row.words else ""
                left = f", about {duration(standing.left_s)} left" if row.state == "running" else ""
                self._console.print(f"{row.name}: {row.state}{words}{left}", soft_wrap=True)


class _View:
    """The table of stages, and under it the population that trains."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._progress: Progress | None = None
        self._standing: Standing | None = None
        self._drawn = 0.0

    def listen(self, progress: Progress) -> None:
        self._progress = progress

    def tell(self, standing: Standing) -> None:
        known = self._standing is not None and self._standing.stages == standing.stages
        self._standing = standing
        if not known or time.monotonic() - self._drawn >= _REDRAW_EVERY_S:
            self._drawn = time.monotonic()
            self._live.update(self._page(standing), refresh=True)

    def _page(self, standing: Standing) -> RenderableType:
        lines: list[RenderableType] = [stages_table(standing.stages), Text()]
        if self._progress is not None:
            now = self._progress
            done = f"{now.stage}: step {now.step} of {now.total_steps}, {describe(now)}"
            lines.append(Text(done, "cyan"))
        lines.append(Text(f"{duration(standing.spent_s)} spent, about {duration(standing.left_s)} left", "dim"))
        return Group(*lines)
