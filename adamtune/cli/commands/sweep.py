"""`adamtune sweep`: one knob from the current best, confirmed on fresh seeds."""

# typer reads the annotations at run time, so they stay as they are.

import math
from typing import Annotated

from typer import Argument, Option

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output
from adamtune.errors import Problem, UsageError

Start = Annotated[
    str | None,
    Argument(
        metavar="RECIPE_OR_RUN_DIR",
        help="Where to start from; without it, the newest accepted result or baseline in the runs folder.",
        show_default=False,
    ),
]
Knobs = Annotated[
    list[str],
    Option("--knob", metavar="KNOB", help="Which knob, such as lr; see: adamtune knobs.", show_default=False),
]
Values = Annotated[
    str | None, Option("--values", metavar="A,B,C", help="Try exactly these values.", show_default=False)
]
NoConfirm = Annotated[bool, Option("--no-confirm", help="Decide on the search's own seeds, without fresh ones.")]


@with_common
def sweep(
    common: Common,
    *,
    start: Start = None,
    knob: Knobs = [],  # noqa: B006 - typer copies it, and None would be no list
    values: Values = None,
    no_confirm: NoConfirm = False,
) -> int:
    """Tune one knob, and keep only what fresh seeds confirm.

    The range is widened while the best value lies on its edge, then refined around the best. The
    winner and the starting value are trained again on seeds that the search never saw; the
    difference is accepted if its 95% interval excludes zero and the gain is above 1%.
    """
    from adamtune.report.pages import sweep_page
    from adamtune.report.payloads import sweep_payload

    output = Output.of("sweep", common)
    name = one_knob(knob)
    numbers = None if values is None else parse_values(values)

    from adamtune.tuning.requests import SweepRequest
    from adamtune.tuning.sweep import run_sweep

    request = SweepRequest(recipe=start, knob=name, values=numbers, confirm=not no_confirm, **common.request)
    with output.working() as listen:
        result = run_sweep(request, listen)
    lost = all(trial.state != "complete" for trial in result.trials)
    n = len(result.trials)
    reason = f"none of {n} values of {name} finished on all seeds, so nothing can be chosen" if lost else ""
    return output.answer(sweep_payload(result), sweep_page(result), code=4 if lost else 0, reason=reason)


def one_knob(given: list[str]) -> str:
    """The one knob that was asked for.

    Raises:
        UsageError: None, more than one, or one that does not exist.
    """
    from adamtune.tuning.knobs import find_knob, load_knobs

    if not given:
        names = ", ".join(load_knobs())
        raise UsageError(Problem("missing option --knob", "adamtune sweep", expected=names, hint="try: --knob lr"))
    found = [find_knob(name).name for name in given]
    if len(found) > 1:
        raise UsageError(
            Problem(
                f"{len(found)} knobs at once: {', '.join(found)}",
                where="--knob",
                expected="one knob; the next one then starts from what this one found",
                hint=f"try: --knob {found[0]}",
            )
        )
    return found[0]


def parse_values(text: str) -> tuple[float, ...]:
    """The numbers of `--values`, in the order given, each once.

    >>> parse_values("1e-3, 3e-4,0.001")
    (0.001, 0.0003)

    Raises:
        UsageError: A part is no finite number, or there is none.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    numbers = {part: _number(part) for part in parts}
    bad = [part for part, value in numbers.items() if not math.isfinite(value) and part not in _OFF]
    if bad or not parts:
        raise UsageError(
            *(
                Problem(
                    f"{part!r} is not a number",
                    "--values",
                    "numbers with commas between",
                    "try: --values 1e-4,3e-4,1e-3",
                )
                for part in bad or [text]
            )
        )
    return tuple(dict.fromkeys(numbers.values()))


_OFF = frozenset({"off", "null"})
"""A limit that is not there, such as that of the knob clip."""


def _number(text: str) -> float:
    if text in _OFF:
        return math.inf
    try:
        return float(text)
    except ValueError:
        return math.nan


COMMAND: Command = Command(name="sweep", run=sweep, example="adamtune sweep digits-mlp --knob lr", place=20)
