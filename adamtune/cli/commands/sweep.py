"""`adamtune sweep`: one knob from the current best, confirmed on fresh seeds."""

# typer reads the annotations at run time, so they stay as they are.

from typing import Annotated

from typer import Option

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output
from adamtune.cli.sharing import Memory, Workers, in_bytes
from adamtune.cli.starting import Start
from adamtune.errors import Problem, UsageError

Knobs = Annotated[
    list[str],
    Option(
        "--knob",
        metavar="KNOB",
        help="Which knob, such as lr; may be repeated. See: adamtune knobs.",
        show_default=False,
    ),
]
Values = Annotated[
    str | None, Option("--values", metavar="A,B,C", help="Try exactly these values.", show_default=False)
]
NoConfirm = Annotated[bool, Option("--no-confirm", help="Decide on the search's own seeds, without fresh ones.")]
NoPrune = Annotated[bool, Option("--no-prune", help="Train every value to the end, the clearly beaten ones too.")]
Proposer = Annotated[
    str,
    Option("--sampler", metavar="gp|tpe|qmc", help="What proposes values between the best one's neighbours."),
]
MinGain = Annotated[
    float, Option("--min-gain", metavar="SHARE", min=0.0, max=1.0, help="Least gain that is worth a change.")
]

Storage = Annotated[
    str | None,
    Option(
        "--storage",
        metavar="URL",
        help="A database for the study; whoever runs the same command with it shares the work.",
        show_default=False,
    ),
]


@with_common
def sweep(
    common: Common,
    *,
    start: Start = None,
    knob: Knobs = [],  # noqa: B006 - typer copies it, and None would be no list
    values: Values = None,
    no_confirm: NoConfirm = False,
    no_prune: NoPrune = False,
    sampler: Proposer = "gp",
    min_gain: MinGain = 0.01,
    workers: Workers = 1,
    memory: Memory = None,
    storage: Storage = None,
) -> int:
    """Tune one knob, or several together, and keep only what fresh seeds confirm.

    The range is widened while the best value lies on its edge, then refined around the best. Values that
    are clearly beaten are stopped early. The winner and the starting value are trained again on seeds that
    the search never saw, more of them while the answer is open; the difference is accepted if its 95%
    interval excludes zero and the gain is above 1%.
    """
    from adamtune.report.payloads import sweep_payload
    from adamtune.report.sweeps import sweep_page

    output = Output.of("sweep", common)
    names = known_knobs(knob)
    named = None if values is None else named_values(values, names)

    from adamtune.tuning.requests import SweepRequest
    from adamtune.tuning.sweeps.proposals import SAMPLERS
    from adamtune.tuning.sweeps.sweep import run_sweep

    proposer = next((known for known in SAMPLERS if known == sampler), None)
    if proposer is None:
        raise UsageError(Problem(f"there is no sampler {sampler!r}", "--sampler", ", ".join(SAMPLERS)))
    request = SweepRequest(
        recipe=start,
        knobs=names,
        values=named,
        confirm=not no_confirm,
        prune=not no_prune,
        sampler=proposer,
        min_gain=min_gain,
        storage=storage,
        workers=workers,
        memory=in_bytes(memory),
        **common.request,
    )
    with output.working() as listen:
        result = run_sweep(request, listen)
    lost = all(trial.state == "diverged" for trial in result.trials)
    n = len(result.trials)
    reason = f"none of {n} values of {', '.join(names)} finished on all seeds, so nothing can be chosen" if lost else ""
    return output.answer(sweep_payload(result), sweep_page(result), code=4 if lost else 0, reason=reason)


def known_knobs(given: list[str]) -> tuple[str, ...]:
    """The knobs that were asked for, each once.

    Raises:
        UsageError: None, or one that does not exist.
    """
    from adamtune.tuning.sweeps.knobs import find_knob, load_knobs

    if not given:
        names = ", ".join(load_knobs())
        raise UsageError(Problem("missing option --knob", "adamtune sweep", expected=names, hint="try: --knob lr"))
    return tuple(dict.fromkeys(find_knob(name).name for name in given))


def named_values(text: str, knobs: tuple[str, ...]) -> tuple[float | str, ...]:
    """What `--values` says of the one knob.

    Raises:
        UsageError: There are several knobs, or a part is no value of the knob.
    """
    from adamtune.tuning.sweeps.knobs import find_knob
    from adamtune.tuning.sweeps.values import parse_values

    if len(knobs) > 1:
        what = f"values for {len(knobs)} knobs at once: {', '.join(knobs)}"
        hint = f"try: --knob {knobs[0]}, or no --values"
        raise UsageError(Problem(what, where="--values", expected="one --knob beside it", hint=hint))
    return parse_values(text, find_knob(knobs[0]))


COMMAND: Command = Command(name="sweep", run=sweep, example="adamtune sweep digits-mlp --knob lr", place=20)
