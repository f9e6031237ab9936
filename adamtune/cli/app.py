"""The `adamtune` command: finds the commands, runs one, and turns every ending into words and an exit code."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

import typer

import adamtune
from adamtune.cli.command import Command
from adamtune.cli.endings import ending, interrupted
from adamtune.registry import entries

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def build() -> typer.Typer:
    """The command line with every command of `cli/commands/`."""
    app = typer.Typer(
        name="adamtune",
        add_completion=False,
        rich_markup_mode=None,
        no_args_is_help=False,
        pretty_exceptions_enable=False,
        context_settings=_HELP,
    )
    app.callback(help=adamtune.__doc__, epilog="Start here: adamtune baseline digits-mlp")(_overview)
    for command in commands():
        app.command(command.name, epilog=f"Example: {command.example}", context_settings=_HELP)(command.run)
    return app


def commands() -> tuple[Command, ...]:
    """Every command there is, in the order in which one meets them."""
    return tuple(sorted(entries("adamtune.cli.commands", "COMMAND", Command), key=lambda command: command.place))


def _show_version(value: bool) -> None:  # noqa: FBT001 - typer calls it with the flag's value
    if value:
        typer.echo(f"adamtune {adamtune.__version__}")
        raise typer.Exit


def _overview(
    version: bool = typer.Option(  # noqa: FBT001 - typer reads the flag here; its callback acts
        False, "--version", callback=_show_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    pass


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing but a bug in this file is raised."""
    argv = list(argv) or ["--help"]
    try:
        code = _dispatch(argv)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place that tells a user's error from a bug
        return ending(error, argv, [command.name for command in commands()])
    # typer turns Ctrl-C inside a command into this exit code.
    return interrupted(argv) if code == INTERRUPTED else int(code or 0)


def _dispatch(argv: list[str]) -> Any:
    group: Any = typer.main.get_command(build())
    if argv[0] in group.commands:
        # Straight to the command: on its way through the group typer would load pydantic, even for --help.
        command, name = group.commands[argv[0]], f"adamtune {argv[0]}"
        return command.main(args=argv[1:], prog_name=name, standalone_mode=False)
    return group.main(args=argv, prog_name="adamtune", standalone_mode=False)


def main() -> None:
    """Entry point of the `adamtune` command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without the table's characters shows ?, and goes on
    code = run(sys.argv[1:])
    # Else all that torch brought along is looked through for garbage once more at the end, which takes half a second.
    gc.freeze()
    sys.exit(code)
