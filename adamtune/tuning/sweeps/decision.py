"""Whether a change is taken: compared on fresh seeds, more of them while the answer is open."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from adamtune.runs.record import Record
from adamtune.tuning.results import Improvement, Measure
from adamtune.tuning.statistics import paired_improvement

LOOKS: Final = (8, 16, 32)
"""Pairs of fresh seeds after which the comparison is looked at."""
SPENT: Final[Mapping[int, tuple[float, ...]]] = {1: (0.05,), 2: (0.02, 0.03), 3: (0.01, 0.015, 0.025)}
"""Error rate of each look, by how many are planned. They sum to 5%, so that all looks together are wrong about a knob
that does nothing in at most 5 of 100 sweeps (Bonferroni's inequality); the later looks, with more seeds behind them,
may spend more, as O'Brien and Fleming 1979 have it. A plain 95% interval that is looked at three times is wrong in
up to 11 of 100."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the winner is taken, and why in words."""

    decision: Literal["accepted", "kept"]
    why: str
    improvement: Improvement | None = None


@dataclass(frozen=True, slots=True)
class Duel:
    """Two points to be compared.

    Args:
        before: The current point, in words.
        after: The one that may take its place, in words.
        min_gain: Share of the current loss that a gain must exceed.
        measure: What people are shown of a loss.
    """

    before: str
    after: str
    min_gain: float
    measure: Measure


Pair = tuple[Sequence[Record], Sequence[Record]]
"""The last lines of both points on the same seeds, the current point's first."""


def planned_looks(affordable: int) -> tuple[int, ...]:
    """The looks of a comparison that may come to so many pairs; the first one is always made.

    >>> planned_looks(6), planned_looks(16), planned_looks(99)
    ((8,), (8, 16), (8, 16, 32))
    """
    return tuple(n for n in LOOKS if n <= max(affordable, LOOKS[0]))


def decide(
    duel: Duel,
    seeds: Sequence[int],
    more: Callable[[Sequence[int]], Pair],
    looks: Sequence[int],
    goes_on: Callable[[int], bool],
) -> Decision:
    """Compares two points on fresh seeds until the answer is clear or the looks are used up.

    Args:
        duel: Who is compared.
        seeds: Fresh ones, as many as the last look needs.
        more: Trains both points on some of them.
        looks: Pairs after which to look, ascending; from `planned_looks`.
        goes_on: Told how many more pairs the next look needs, says whether there is time for them.
    """
    before: list[Record] = []
    after: list[Record] = []
    decision = None
    for look, n in enumerate(looks):
        if decision is not None and not goes_on(n - len(before)):
            break
        one, other = more(seeds[len(before) : n])
        before += one
        after += other
        decision, is_open = judge(
            duel, before, after, seeds[:n], f"{n} fresh seeds", alpha=SPENT[len(looks)][look], looks=look + 1
        )
        if not is_open:
            break
    assert decision is not None
    return decision


def judge(
    duel: Duel,
    before: Sequence[Record],
    after: Sequence[Record],
    seeds: Sequence[int],
    on: str,
    *,
    alpha: float = 0.05,
    looks: int = 1,
) -> tuple[Decision, bool]:
    """What the pairs so far say, and whether more of them could still say otherwise.

    Args:
        duel: Who is compared.
        before: Last lines of the current point, one a seed.
        after: Last lines of the other, in the same order.
        seeds: The seeds.
        on: What was compared, in words.
        alpha: Error rate of this look.
        looks: How often was looked, this time included.
    """
    lost, lost_before = (sum(not finished(record) for record in records) for records in (after, before))
    if lost:
        return Decision("kept", f"{duel.after} diverged on {lost} of {on}"), False
    if lost_before:
        return _judged_by_wins(duel, before, after, f"{duel.before} diverged on {lost_before} of {on}", alpha)
    olds, news = ([record.signals["val_loss"] for record in records] for records in (before, after))
    found = paired_improvement(olds, news, seeds, alpha=alpha, looks=looks)
    return _judged(duel, found, on, statistics.fmean(olds))


def _judged_by_wins(
    duel: Duel, before: Sequence[Record], after: Sequence[Record], lost: str, alpha: float
) -> tuple[Decision, bool]:
    """What can be said where the current point has diverged, so that there is no difference to take a mean of.

    A seed on which it diverged is one that the other has won, like one on which its loss is higher.

    Source:
        The two-sided sign test, Arbuthnott 1710.
    """
    from scipy.stats import binomtest

    wins = sum(
        not finished(one) or one.signals["val_loss"] > other.signals["val_loss"]
        for one, other in zip(before, after, strict=True)
    )
    won = f"{lost}, {duel.after} on none and is better on {wins} of {len(after)}"
    if 2 * wins > len(after) and binomtest(wins, len(after)).pvalue <= alpha:
        return Decision("accepted", won), False
    return Decision("kept", f"{won}: that can be chance"), True


def finished(record: Record) -> bool:
    """Whether a member came to its end with a loss that can be compared."""
    return record.state == "complete" and math.isfinite(record.signals.get("val_loss", math.nan))


def _judged(duel: Duel, found: Improvement, on: str, before: float) -> tuple[Decision, bool]:
    low, high = found.ci95
    least = duel.min_gain * abs(before)  # a return is minus what is called its loss
    gain = _gain(found.mean, before, duel.measure)
    if low > 0 and found.mean > least:
        return Decision("accepted", f"{gain} on {on}; the 95% interval excludes zero", found), False
    if high < 0:
        return Decision("kept", f"{duel.after}, the winner of the search, is worse on {on}", found), False
    if low > 0:
        why = f"{gain} on {on}: real, but below the {_percent(duel.min_gain)} that is worth a change"
        return Decision("kept", why, found), high >= least
    if high < least:
        why = f"no gain on {on} that is worth a change: {_percent(duel.min_gain)} or more can be ruled out"
        return Decision("kept", why, found), False
    return Decision("kept", f"no difference that {on} can show; {duel.before} stays", found), True


def _gain(mean: float, before: float, measure: Measure) -> str:
    if measure == "val loss":
        if before == 0:
            return "a val loss of 0"
        return f"{100 * mean / before:.2g}% lower val loss"
    return f"{mean:.3g} higher return than {-before:.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:g}%"
