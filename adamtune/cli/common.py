"""The options that every command has, written once."""

# No `from __future__ import annotations` here: typer reads the annotations of `Common` as they are.

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

from typer import Option

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Common:
    """The values of the options that every command has; each field is one option."""

    sets: Annotated[
        list[str],
        Option("--set", metavar="KEY=VALUE", help="Change one recipe value; may be repeated."),
    ]
    runs_dir: Annotated[
        Path,
        Option(metavar="DIR", envvar="ADAMTUNE_RUNS_DIR", help="Where runs are kept."),
    ]
    seed: Annotated[
        int | None,
        Option(metavar="N", min=0, help="First seed, in place of the recipe's training.seed."),
    ]
    new: Annotated[
        bool,
        Option("--new", help="Start a new run even where an unfinished one could go on."),
    ]
    trust_code: Annotated[
        bool,
        Option(
            "--trust-code",
            envvar="ADAMTUNE_TRUST_CODE",
            help="Allow the recipe's python: targets to run.",
        ),
    ]
    as_json: Annotated[
        bool,
        Option("--json", help="Write one JSON object to stdout; all else to stderr."),
    ]
    quiet: Annotated[bool, Option("--quiet", "-q", help="No progress on stderr.")]

    @property
    def about_training(self) -> list[str]:
        """Names of the given options that are about training alone."""
        given = {"--set": self.sets, "--seed": self.seed is not None, "--new": self.new}
        return [name for name, value in given.items() if value]

    @property
    def request(self) -> dict[str, Any]:
        """The same under the names of `adamtune.tuning.requests.Request`."""
        return {
            "sets": tuple(self.sets),
            "runs_dir": self.runs_dir,
            "seed": self.seed,
            "trusted": self.trust_code,
            "new": self.new,
            "argv": ("adamtune", *sys.argv[1:]),
        }


DEFAULTS: dict[str, Any] = {
    "sets": [],
    "runs_dir": Path("runs"),
    "seed": None,
    "new": False,
    "trust_code": False,
    "as_json": False,
    "quiet": False,
}


def with_common(command: Callable[Concatenate[Common, P], int]) -> Callable[..., int]:
    """The command with the common options at the end of its signature, for typer to read.

    Args:
        command: Takes a `Common` first, then its own arguments and options.
    """
    own = list(inspect.signature(command).parameters.values())[1:]
    shared = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS[field.name], annotation=field.type
        )
        for field in fields(Common)
    ]

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        values = {field.name: kwargs.pop(field.name) for field in fields(Common)}
        return command(Common(**values), *args, **kwargs)  # type: ignore[arg-type]

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + shared
    run.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run
