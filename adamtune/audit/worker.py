"""The child process of an audit: loads the class, drives it, and writes what it sees, line by line.

`python -m adamtune.audit.worker FILE` reads its request from stdin and writes one JSON object a line to FILE, each
before foreign code gets the next chance to hang or to end the process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from adamtune.audit.arguments import Arguments, arguments_of
from adamtune.audit.drive import Subject, record, told
from adamtune.audit.scenario import MATRICES, Scenario
from adamtune.audit.source import folds_corrections
from adamtune.audit.target import load_class
from adamtune.errors import Problem, UsageError

Write = Callable[[dict[str, Any]], None]


def main() -> None:
    """Does what the request says, and leaves every answer in the file."""
    request = json.load(sys.stdin)
    sys.dont_write_bytecode = True  # nothing is left beside the user's file
    torch.set_num_threads(1)
    with open(sys.argv[1], "a", encoding="utf-8", buffering=1) as file:  # noqa: PTH123 - a file given by number works too

        def write(line: dict[str, Any]) -> None:
            file.write(json.dumps(line) + "\n")

        try:
            _work(request, write)
        except UsageError as error:
            problem = error.problems[0]
            write({"event": "refused", "problem": {n: getattr(problem, n) for n in problem.__slots__}})


def _work(request: dict[str, Any], write: Write) -> None:
    write({"event": "loading"})
    cls = load_class(request["target"])
    arguments = _arguments(cls, request)
    write(
        {
            "event": "loaded",
            "name": cls.__name__,
            "bases": [base.__name__ for base in cls.__mro__],
            "own_settings": arguments.own,
            "folds_corrections": folds_corrections(cls),
        }
    )
    first = Scenario.of(request["scenarios"][0])
    write({"event": "begins", "scenario": first.name})
    subject, shown = _first_try(cls, arguments, first)
    write({"event": "recorded", **shown})
    if "error" in shown:
        return
    subject.arguments = _completed(subject, first)
    for data in request["scenarios"][1:]:
        write({"event": "begins", "scenario": data["name"]})
        write({"event": "recorded", **record(subject, Scenario.of(data))})
    write({"event": "done"})


def _first_try(cls: type[Optimizer], arguments: Arguments, scenario: Scenario) -> tuple[Subject, dict[str, Any]]:
    """The class in the parameters that it can be audited in, and what it showed in the scenario.

    Where nothing works, the error of the first try counts.
    """
    subject = Subject(cls, arguments)
    shown = record(subject, scenario)
    if "error" in shown:
        for other in (Subject(cls, arguments, "float32"), Subject(cls, arguments, tensors=MATRICES)):
            again = record(other, scenario)
            if "error" not in again:
                return other, {**again, "first_error": shown["error"]["what"]}
    return subject, shown


def _completed(subject: Subject, scenario: Scenario) -> Arguments:
    """The arguments with what an instance's groups say of settings that the signature hides."""
    params = [torch.nn.Parameter(torch.ones(shape)) for shape in subject.tensors]
    return subject.arguments.completed(subject.create(list(params), scenario).param_groups[0])


def _arguments(cls: type, request: dict[str, Any]) -> Arguments:
    name = cls.__name__
    try:
        arguments = arguments_of(cls, request["kwargs"])
    except TypeError as error:
        expected = f"what {name} takes: {', '.join(_parameters(cls))}"
        raise UsageError(Problem(f"{name}: {told(error)['what'].partition(': ')[2]}", "--kwargs", expected)) from error
    if arguments.missing:
        words = " ".join(f"--kwargs {word}=..." for word in arguments.missing)
        what = f"{name} needs {', '.join(arguments.missing)}, and an audit cannot guess that"
        raise UsageError(Problem(what, request["target"], hint=f"try: {words}"))
    return arguments


def _parameters(cls: type) -> list[str]:
    import inspect

    return list(inspect.signature(cls).parameters)[1:]


if __name__ == "__main__":
    main()
