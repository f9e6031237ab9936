"""What one evaluation says of each member: its signals, whether it ends here, and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adamtune.runs.manifest import MemberEntry
from adamtune.runs.record import Record, State
from adamtune.training.guard import Lost
from adamtune.training.rows import Rows
from adamtune.training.signals import Window
from adamtune.training.stopping import Lowest
from adamtune.training.strategies.strategy import Scores


@dataclass(frozen=True, slots=True)
class End:
    """How a member ends at an evaluation: `complete`, `diverged` or `pruned`, and why in words where that needs any."""

    state: State
    reason: str = ""


def score_columns(split: str, scores: Scores) -> dict[str, Tensor]:
    """A split's scores under their public names, each [K]."""
    columns = {f"{split}_loss": scores.loss}
    return columns if scores.accuracy is None else columns | {f"{split}_accuracy": scores.accuracy}


def endings(
    table: Mapping[str, Sequence[float]],
    step: int,
    lowest: Lowest | None,
    must_be_finite: Sequence[str],
    *,
    last: bool,
) -> dict[int, End]:
    """The rows that end here.

    Args:
        table: Signals of this evaluation by name, one for each row.
        step: Updates made so far.
        lowest: Tells who has run out of patience; None where nobody stops early.
        must_be_finite: Signals without which a member that ends is of no use.
        last: Whether training ends here for everybody.
    """
    stopped = lowest.out_of_patience() if lowest is not None else ()
    ends = {}
    for row in range(len(table["val_loss"])):
        if not last and not (stopped and stopped[row]):
            continue
        broken = _why_lost(table, row, step, must_be_finite)
        if broken:
            ends[row] = End("diverged", broken)
        elif last or lowest is None:
            ends[row] = End("complete")
        else:
            ends[row] = End("complete", lowest.words(row))
    return ends


def _why_lost(table: Mapping[str, Sequence[float]], row: int, step: int, names: Sequence[str]) -> str:
    """Why a member that came to its end is of no use: the guard looks before an update, not after the last."""
    broken = [name for name in names if not math.isfinite(table[name][row])]
    return f"{broken[0]} is {table[broken[0]][row]} after the last step, at step {step}" if broken else ""


def final_signals(
    ends: Mapping[int, End], rows: Rows, lowest: Lowest | None, score_test: Callable[[], dict[str, Tensor]]
) -> dict[int, dict[str, float]]:
    """What the last lines of members say beside, or instead of, what others do; by row.

    Rows of members that complete hold, from here on, the weights that they keep.

    Args:
        ends: The rows that end here.
        rows: All members' state; may be changed as said.
        lowest: Whose step goes onto the line, and whose weights and scores count where weights are kept.
        score_test: Gives the columns of the test split; empty where that is not to be seen.
    """
    if not ends:
        return {}
    complete = [row for row, end in ends.items() if end.state == "complete"]
    kept: dict[str, Tensor] = {}
    if lowest is not None and lowest.weights and complete:
        lowest.bring_back(rows, torch.tensor(complete))
        kept = lowest.scores() | {"param_norm": torch.linalg.vector_norm(rows.params, dim=1)}
    shared = score_test() | ({} if lowest is None else {"best_step": lowest.step.double()})
    return {
        row: {name: float(values[row]) for name, values in (shared | (kept if row in complete else {})).items()}
        for row in ends
    }


def lost_line(member: MemberEntry, lost: Lost, columns: Mapping[str, Tensor], *, step: int, epoch: float) -> Record:
    """The last line of a member that diverged between two evaluations, from signals of that step, each [K]."""
    signals = {name: float(values[lost.row]) for name, values in columns.items()}
    return Record(member.number, step, epoch, state="diverged", signals=signals, reason=lost.reason)


def lines(
    members: Sequence[MemberEntry],
    table: Mapping[str, Sequence[float]],
    final: Mapping[int, Mapping[str, float]],
    ends: Mapping[int, End],
    *,
    step: int,
    epoch: float,
) -> list[Record]:
    """One record a row.

    Args:
        members: Who stands in which row.
        table: Signals by name, one for each row.
        final: What a row's last line says beside them, or instead.
        ends: The rows that end here.
        step: Updates made so far.
        epoch: Passes over the training split so far.
    """
    going_on = End("running")
    records = []
    for row, member in enumerate(members):
        signals = {
            name: _short(values[row]) if "/" in name else values[row]
            for name, values in table.items()
            if not Window.unmeasured(name, values[row])
        }
        signals.update(final.get(row, {}))
        end = ends.get(row, going_on)
        records.append(Record(member.number, step, epoch, state=end.state, signals=signals, reason=end.reason))
    return records


def _short(value: float) -> float:
    """A number of a single layer to four digits: there are many of them in a line."""
    return float(f"{value:.4g}")
