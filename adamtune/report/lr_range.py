"""What `lr-range` shows: the suggestion, the curve, the places that have a name, what to type next; and its JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.text import Text

from adamtune.diagnosis.words import count
from adamtune.report import numbers
from adamtune.report.lines import copyable
from adamtune.report.lr_chart import IDLE, LOST, MEDIAN, SPREAD, LrChart
from adamtune.report.payloads import plain
from adamtune.report.tables import plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from adamtune.tuning.ranges.lr_range_result import LrRangeResult

LETTERS: Final = {"now": "N", "starts": "S", "fastest": "F", "best": "B", "breaks": "X", "suggested": "T"}
"""What marks a place in the picture; where two fall on one lr, the later one is seen."""
_LONG: Final = 3.0  # from here on a whole training is so much longer that its best lr may well be another


def lr_range_payload(result: LrRangeResult) -> dict[str, Any]:
    """The fields of the result, with each learning rate's median loss beside its seeds'."""
    payload: dict[str, Any] = plain(asdict(result))
    for shown, point in zip(payload["points"], result.points, strict=True):
        shown["loss"] = plain(point.loss)
    return payload


def lr_range_page(result: LrRangeResult) -> RenderableType:
    """Suggestion, curve, marks in plain words, what to bear in mind, the next commands."""
    tried = f"{count(len(result.points), 'learning rate')} x {count(len(result.seeds), 'seed')}"
    words = [f"{tried} x {_steps(result)} in {numbers.duration(result.wall_s)}", f"from {result.source}"]
    words += ["an unfinished run was continued"] if result.resumed else []
    head = Text.assemble(("lr-range ", "bold"), f"{result.name}: ", _answer(result))
    parts: list[RenderableType] = [
        Group(head, Text("; ".join(words)), Text(f"executed: {result.strategy}"), copyable(f"run: {result.run_dir}")),
        _picture(result),
        marks_table(result),
    ]
    if notes := _notes(result):
        parts.append(Text("\n".join(notes), "yellow"))
    parts.append(_next(result))
    spaced = [item for part in parts for item in (Text(), part)]
    return Group(*spaced[1:])


def _steps(result: LrRangeResult) -> str:
    if result.steps == result.total_steps:
        return f"{count(result.steps, 'step')}, the whole training,"
    return f"{result.steps} of {count(result.total_steps, 'step')}"


def _answer(result: LrRangeResult) -> tuple[str, str]:
    marks = result.marks
    if marks.suggested is None:
        return ("no learning rate with which every seed learns", "bold red")
    return (f"start from {numbers.setting(marks.suggested)}", "bold green")


def _shown(result: LrRangeResult, loss: float) -> float:
    return -loss if result.measure == "return" else loss


def _idle(result: LrRangeResult) -> float:
    """Loss of what knows nothing."""
    known = [loss for loss in (result.start_loss, result.constant_loss) if math.isfinite(loss)]
    return min(known, default=math.nan)


def _places(result: LrRangeResult) -> dict[str, float]:
    """Learning rates that have a name, in the order of the names; the recipe's own one if it lies within."""
    marks, lrs = result.marks, [point.lr for point in result.points]
    found = {name: getattr(marks, name) for name in ("starts", "fastest", "best", "breaks", "suggested")}
    own = {"now": result.current} if lrs[0] <= result.current <= lrs[-1] else {}
    return own | {name: lr for name, lr in found.items() if lr is not None}


def _picture(result: LrRangeResult) -> RenderableType:
    if all(not math.isfinite(loss) for point in result.points for loss in point.losses):
        return Text("no finite loss to draw: every seed of every learning rate diverged", "red")
    return Group(_chart(result), _legend(result))


def _chart(result: LrRangeResult) -> LrChart:
    lrs = [point.lr for point in result.points]
    letters = {lr: LETTERS[name] for name, lr in _places(result).items()}
    losses = [[_shown(result, loss) for loss in point.losses] for point in result.points]
    return LrChart(lrs, losses, _shown(result, _idle(result)), letters, cut=result.measure != "return")


def _legend(result: LrRangeResult) -> Text:
    parts = [Text.assemble((MEDIAN, "cyan"), f" {result.measure}, median of the seeds")]
    if len(result.seeds) > 1:
        parts.append(Text.assemble((SPREAD, "yellow"), " lowest to highest"))
    idle = _idle(result)
    if math.isfinite(idle):
        parts.append(Text(f"{IDLE} knows nothing, {_shown(result, idle):.4g}"))
    if any(math.isnan(point.loss) for point in result.points):
        parts.append(Text.assemble((LOST, "red"), " diverged"))
    return Text("   ").join([*parts, Text("x: lr")])


def marks_table(result: LrRangeResult) -> Table:
    """One row for each place that has a name, ascending by lr: its letter, its lr, its loss, what it is."""
    losses = {point.lr: _shown(result, point.loss) for point in result.points}
    rows = sorted((lr, name) for name, lr in _places(result).items())
    finite = [losses[lr] for lr, _ in rows if math.isfinite(losses.get(lr, math.nan))]
    places = numbers.decimals(finite)
    words = _words(result)
    table = plain_table()
    table.add_column("")
    table.add_column("", no_wrap=True)
    table.add_column("lr", justify="right", no_wrap=True)
    table.add_column(result.measure, justify="right", no_wrap=True)
    table.add_column("")
    texts = numbers.settings([lr for lr, _ in rows])
    for text, (lr, name) in zip(texts, rows, strict=True):
        style = {"suggested": "bold green", "breaks": "red"}.get(name, "")
        loss = numbers.one(losses.get(lr, math.nan), places)
        table.add_row(LETTERS[name], name, text, loss, words[name], style=style)
    return table


def _words(result: LrRangeResult) -> dict[str, str]:
    low, high = result.marks.good or (math.nan, math.nan)
    middle = "the best: none beside it is as good" if low == high else "the middle of what is about as good as the best"
    valley = "" if low == high else f"; from {numbers.setting(low)} to {numbers.setting(high)} about as good"
    return {
        "now": f"the recipe's own lr, {_standing(result)}",
        "starts": "from here up to the best, every seed learns",
        "fastest": "here a larger lr gains most",
        "best": ("highest" if result.measure == "return" else "lowest") + valley,
        "breaks": f"{_broken(result)}: stay well below",
        "suggested": middle,
    }


def _standing(result: LrRangeResult) -> str:
    """Where the recipe's own lr lies among the marks."""
    marks = result.marks
    if marks.good is None or marks.starts is None:
        return "for comparison"
    if marks.breaks is not None and result.current >= marks.breaks:
        return "which breaks"
    if result.current < marks.starts:
        return "with which not every seed learns in this time"
    if result.current < marks.good[0]:
        return "which learns, but slowly"
    return "among the good ones" if result.current <= marks.good[1] else "which learns, but lies above the good ones"


def _broken(result: LrRangeResult) -> str:
    """What goes wrong at the lr that breaks."""
    point = next((point for point in result.points if point.lr == result.marks.breaks), None)
    if point is None:
        return ""
    n = len(point.losses)
    least = result.marks.least_fall or 0.0
    idle = sum(math.isfinite(fall) and fall < least for fall in point.falls)
    parts = [f"{idle} of {count(n, 'seed')} learned nothing"] if idle else []
    parts += [f"{point.n_diverged} of {count(n, 'seed')} diverged"] if point.n_diverged else []
    return ", ".join(parts)


def _notes(result: LrRangeResult) -> list[str]:
    """What a careful reader would ask."""
    marks, lrs = result.marks, [point.lr for point in result.points]
    notes: list[str] = []
    if marks.best is None:
        return notes
    if result.total_steps >= _LONG * result.steps:
        times = result.total_steps / result.steps
        notes.append(f"the recipe's own training is {times:.2g} times as long: its best lr may well be lower")
    if marks.breaks is None:
        notes.append(f"nothing breaks up to {numbers.setting(lrs[-1])}: go on with a larger --high")
    if marks.starts == lrs[0]:
        notes.append(f"every seed learns from {numbers.setting(lrs[0])} on: go on with a smaller --low")
    return notes


def _next(result: LrRangeResult) -> RenderableType:
    lines: list[tuple[str, str]] = [("next: ", result.next_command)]
    if result.baseline_command:
        lines.append(("or:   ", result.baseline_command))
    return Group(*(copyable((word, "bold"), (command, "bold cyan")) for word, command in lines if command))
