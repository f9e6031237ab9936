"""`adamtune lr-range`: where learning starts, is fastest, is best, and breaks."""

# typer reads the annotations at run time, so they stay as they are.

from typing import TYPE_CHECKING, Annotated

from typer import Option

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output
from adamtune.cli.starting import Start

if TYPE_CHECKING:
    from adamtune.tuning.ranges.lr_range_result import LrRangeResult

Low = Annotated[float, Option(metavar="LR", help="Smallest learning rate.")]
High = Annotated[float, Option(metavar="LR", help="Largest learning rate.")]
Points = Annotated[int, Option(metavar="N", help="How many, evenly spaced on a log scale.")]
Steps = Annotated[int, Option(metavar="N", help="Updates with each; never more than the recipe's own training has.")]


@with_common
def lr_range(
    common: Common, *, start: Start = None, low: Low = 1e-7, high: High = 10.0, points: Points = 41, steps: Steps = 200
) -> int:
    """Try dozens of learning rates at once: where learning starts, where it is best, where it breaks.

    Every learning rate trains its own members, one a seed, side by side and for a short while, at one lr
    throughout. The rates at which learning starts, is fastest, is best and breaks are marked, and one is
    suggested to start a sweep from. Nothing is accepted and no recipe changes.
    """
    from adamtune.report.lr_range import lr_range_page, lr_range_payload
    from adamtune.tuning.ranges.lr_range import run_lr_range
    from adamtune.tuning.ranges.lr_range_request import LrRangeRequest

    output = Output.of("lr-range", common)
    request = LrRangeRequest(recipe=start, low=low, high=high, points=points, steps=steps, **common.request)
    with output.working() as listen:
        result = run_lr_range(request, listen)
    reason = _why_nothing(result)
    return output.answer(lr_range_payload(result), lr_range_page(result), code=4 if reason else 0, reason=reason)


def _why_nothing(result: "LrRangeResult") -> str:
    if result.marks.best is not None:
        return ""
    n = len(result.points)
    if all(point.n_diverged for point in result.points):
        return f"with each of {n} learning rates some seed diverged, so there is none to start from"
    return f"with none of {n} learning rates did every seed learn, so there is none to start from"


COMMAND: Command = Command(
    name="lr-range", run=lr_range, example="adamtune lr-range digits-mlp --points 21 --steps 100", place=25
)
