"""Where a command's words go: results to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import adamtune

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

    from rich.console import Console, RenderableType

    from adamtune.cli.common import Common
    from adamtune.training.progress import Listener

LOG_WIDTH = 100  # columns where nobody's terminal says how wide it is; tables are laid out for it


def console(file: TextIO) -> Console:
    """A console that draws for `file`: coloured on a terminal, plain and 100 columns wide in a file or pipe."""
    from rich.console import Console

    class PatientConsole(Console):
        """Stops writing, and nothing else, when the reader has gone (`| head`)."""

        def on_broken_pipe(self) -> None:
            self.quiet = True
            _point_at_nothing(file)

    # COLUMNS is what a user sets to have it otherwise; rich reads it by itself where no width is given.
    width = None if file.isatty() or "COLUMNS" in os.environ else LOG_WIDTH
    return PatientConsole(file=file, width=width, highlight=False, markup=False, emoji=False)


def _point_at_nothing(file: TextIO) -> None:
    """What is still buffered for `file` goes nowhere, so that the interpreter does not complain at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


class Output:
    """One command's way to the user.

    Args:
        command: Its name, for the JSON.
        as_json: One JSON object on stdout instead of tables.
        quiet: No progress.
    """

    def __init__(self, command: str, *, as_json: bool, quiet: bool) -> None:
        self.command = command
        self.as_json = as_json
        self.quiet = quiet

    @contextlib.contextmanager
    def working(self) -> Iterator[Listener]:
        """A listener for the work that is done inside; whatever that work prints goes to stderr."""
        from adamtune.report.progress import watch

        # The bar first: what is printed meanwhile then appears above it.
        with watch(console(sys.stderr), silent=self.quiet or self.as_json) as listen, only_results_on_stdout():
            yield listen

    @classmethod
    def of(cls, command: str, common: Common) -> Output:
        """The output that the common options ask for."""
        return cls(command, as_json=common.as_json, quiet=common.quiet)

    def note(self, text: str) -> None:
        """One line on stderr."""
        console(sys.stderr).print(f"note: {text}", soft_wrap=True)

    def note_unused(self, common: Common) -> None:
        """Say of each option that is about training that it changes nothing where nothing is trained."""
        for option in common.about_training:
            self.note(f"{option} changes nothing here: nothing is trained")

    def answer(self, payload: Mapping[str, Any], page: RenderableType, *, code: int = 0, reason: str = "") -> int:
        """Show a result, and the reason of an exit code other than 0; returns that code.

        Args:
            payload: The result as plain data, without the keys that every answer has.
            page: The same drawn.
            code: Exit code.
            reason: Why it is not 0, in words.
        """
        if self.as_json:
            head = {"command": self.command, "adamtune_version": adamtune.__version__}
            write_json({**head, **payload, "exit_code": code, "reason": reason or None})
        else:
            console(sys.stdout).print(page, crop=False)
        if reason:
            console(sys.stderr).print(f"{self.command}: {reason}", soft_wrap=True)
        return code


def write_json(payload: Mapping[str, Any]) -> None:
    """Write one strict JSON object to stdout; numbers that are not finite become null."""
    from adamtune.report.payloads import to_json

    try:
        sys.stdout.write(to_json(payload) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _point_at_nothing(sys.stdout)


@contextlib.contextmanager
def only_results_on_stdout() -> Iterator[None]:
    """Send what libraries, plug-ins and child processes print meanwhile to stderr.

    A `print` in a user's own data function must not end up in the middle of a table or of the JSON.
    Child processes inherit file descriptor 1, so it is that which is turned, where stdout has it.
    """
    with contextlib.redirect_stdout(sys.stderr), contextlib.ExitStack() as undo:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.__stdout__.flush()  # type: ignore[union-attr]
            kept, errors = os.dup(1), sys.__stderr__.fileno()  # type: ignore[union-attr]
            undo.callback(os.close, kept)
            os.dup2(errors, 1)
            undo.callback(os.dup2, kept, 1)
        yield
