"""Whether a change is taken: the looks, what each comparison comes to, and how often all of them together are wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import pytest

from adamtune.runs.record import Record, State
from adamtune.tuning.statistics import paired_improvement
from adamtune.tuning.sweeps.decision import LOOKS, SPENT, Decision, Duel, decide, judge, planned_looks

DUEL = Duel("0.001", "0.003", min_gain=0.01, measure="val loss")
NOISE = (0.004, -0.003, 0.001, -0.002, 0.003, -0.004, 0.002, -0.001)


def lines(losses: Sequence[float], state: State = "complete") -> list[Record]:
    return [Record(n, 60, 1.0, state, {"val_loss": loss}) for n, loss in enumerate(losses)]


def around(mean: float, n: int = 8, noise: float = 1.0) -> list[float]:
    return [mean + noise * NOISE[i % len(NOISE)] for i in range(n)]


def judged(before: list[Record], after: list[Record], duel: Duel = DUEL) -> tuple[Decision, bool]:
    return judge(duel, before, after, range(len(before)), "8 fresh seeds")


@pytest.mark.parametrize("affordable", [0, 7, 8, 15, 16, 31, 32, 999])
def test_looks_are_as_many_as_can_be_afforded_and_one_at_the_least(affordable: int) -> None:
    looks = planned_looks(affordable)
    assert looks == tuple(n for n in LOOKS if n <= affordable) or looks == (8,)
    assert looks[0] == LOOKS[0]


def test_the_looks_together_spend_five_percent_however_many_are_planned() -> None:
    assert set(SPENT) == set(range(1, len(LOOKS) + 1))
    for n, spent in SPENT.items():
        assert len(spent) == n
        assert sum(spent) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("gain", "noise", "decision", "open_or_closed", "says"),
    [
        (0.05, 1.0, "accepted", "closed", "5% lower val loss on 8 fresh seeds"),
        (-0.05, 1.0, "kept", "closed", "is worse"),
        (0.005, 0.1, "kept", "closed", "below the 1%"),
        (0.009, 1.0, "kept", "open", "below the 1%"),
        (0.0, 1.0, "kept", "closed", "can be ruled out"),
        (0.0, 9.0, "kept", "open", "no difference that 8 fresh seeds can show; 0.001 stays"),
        (0.02, 9.0, "kept", "open", "no difference"),
    ],
)
def test_what_pairs_say_is_decided_or_left_open(
    gain: float, noise: float, decision: str, open_or_closed: str, says: str
) -> None:
    """Paired: seeds differ by far more than the gain, and the noise of the differences alone counts."""
    seeds = [0.3 * math.sin(n) for n in range(8)]
    before = [1.0 + seed - sum(seeds) / 8 for seed in seeds]
    after = [one - gain + noise * shift for one, shift in zip(before, NOISE, strict=True)]
    found, still = judged(lines(before), lines(after))
    assert (found.decision, "open" if still else "closed") == (decision, open_or_closed)
    assert says in found.why
    assert found.improvement is not None
    assert found.improvement.mean == pytest.approx(gain, abs=1e-12)


def test_what_diverges_anywhere_is_never_taken_and_what_replaces_it_only_if_that_is_no_chance() -> None:
    whole, lost = lines(around(1.0)), lines([*around(1.0, 7), math.nan])
    assert judged(whole, lost)[0].why == "0.003 diverged on 1 of 8 fresh seeds"
    assert judged(whole, lost)[0].decision == "kept"
    found, still = judged(lost, whole)
    assert (found.decision, still) == ("kept", True), "one seed of eight proves nothing where the others agree"
    assert "that can be chance" in found.why
    found, still = judged(lost, lines(around(0.5)))
    assert (found.decision, still) == ("accepted", False)
    assert found.why == "0.001 diverged on 1 of 8 fresh seeds, 0.003 on none and is better on 8 of 8"
    assert judged(lines([math.nan] * 8), whole)[0].decision == "accepted"
    assert judged(lost, lines(around(2.0)))[0].decision == "kept", "worse on all others"
    assert judged(lost, lost)[0].decision == "kept"
    stopped = [*lines(around(0.1, 7)), *lines([0.1], "diverged")]
    assert judged(whole, stopped)[0].decision == "kept", "what a lost member says last counts nothing"
    assert not any(judged(*pair)[1] for pair in ((whole, lost), (lost, lost)))


def test_a_return_counts_as_better_where_it_is_higher() -> None:
    duel = Duel("0.001", "0.003", min_gain=0.01, measure="return")
    found, _ = judged(lines(around(-100.0)), lines(around(-150.0)), duel)
    assert (found.decision, found.why) == (
        "accepted",
        "50 higher return than 100 on 8 fresh seeds; the 95% interval excludes zero",
    )
    assert judged(lines(around(-100.0)), lines(around(-100.5, noise=2.0)), duel)[0].decision == "kept"


def test_losses_of_zero_are_compared() -> None:
    """Separable data bring a float32 cross entropy to 0 exactly."""
    assert judged(lines([0.0] * 8), lines([0.0] * 8))[0].decision == "kept"
    assert judged(lines([0.0] * 8), lines(around(0.5)))[0].decision == "kept"


def test_one_pair_shows_nothing() -> None:
    assert judged(lines([1.0]), lines([0.1]))[0].decision == "kept"


class Trained:
    """Stands for training: gives losses by seed, and remembers what it was asked for."""

    def __init__(self, before: Callable[[int], float], after: Callable[[int], float]) -> None:
        self.losses, self.asked = (before, after), list[list[int]]()

    def __call__(self, seeds: Sequence[int]) -> tuple[list[Record], list[Record]]:
        self.asked.append(list(seeds))
        one, other = (lines([loss(seed) for seed in seeds]) for loss in self.losses)
        return one, other


def test_a_clear_answer_ends_the_comparison_at_the_first_look() -> None:
    train = Trained(lambda s: 1 + NOISE[s % 8], lambda s: 0.9 + NOISE[-s % 8])
    found = decide(DUEL, range(32), train, LOOKS, lambda _: True)
    assert (found.decision, train.asked) == ("accepted", [list(range(8))])
    assert found.improvement is not None
    assert (found.improvement.n, found.improvement.looks) == (8, 1)


def test_an_open_answer_goes_on_with_new_seeds_alone_until_the_looks_are_used_up() -> None:
    train = Trained(lambda _: 1.0, lambda s: 1 + 20 * NOISE[s % 8])
    needed: list[int] = []

    def goes_on(n: int) -> bool:
        needed.append(n)
        return True

    found = decide(DUEL, range(100, 132), train, LOOKS, goes_on)
    assert [len(seeds) for seeds in train.asked] == [8, 8, 16]
    assert [*chain.from_iterable(train.asked)] == list(range(100, 132))
    assert needed == [8, 16]
    assert found.decision == "kept"
    assert "32 fresh seeds" in found.why
    assert found.improvement is not None
    assert (found.improvement.n, found.improvement.looks) == (32, 3)
    alone = paired_improvement(
        [1.0] * 32, [1 + 20 * NOISE[s % 8] for s in range(100, 132)], range(100, 132), alpha=0.025
    )
    assert found.improvement.ci95 == pytest.approx(alone.ci95), "the last look spends what is left for it"


def test_without_time_for_more_an_open_answer_stays_what_it_is() -> None:
    train = Trained(lambda _: 1.0, lambda s: 1 + 20 * NOISE[s % 8])
    found = decide(DUEL, range(32), train, LOOKS, lambda _: False)
    assert len(train.asked) == 1
    assert "8 fresh seeds" in found.why


def test_the_first_look_is_made_without_asking_for_time() -> None:
    train = Trained(lambda _: 1.0, lambda _: 0.5)
    assert decide(DUEL, range(8), train, (8,), lambda _: False).decision == "accepted"


REPEATS = 1500


def wrong_share(spent: Sequence[float] | None) -> float:
    """How often knobs that do nothing are called something, better or worse, over all looks.

    A plain interval at each look has the same seeds and the same rule, with 5% spent every time.
    """
    rng = np.random.default_rng(20)
    duel = Duel("old", "new", min_gain=0.0, measure="val loss")
    wrong = 0
    for differences in rng.normal(0.0, 0.1, size=(REPEATS, LOOKS[-1])):
        train = Trained(lambda _: 1.0, lambda seed, d=differences: 1.0 - d[seed])  # type: ignore[misc]
        if spent is None:
            found = decide(duel, range(LOOKS[-1]), train, LOOKS, lambda _: True)
        else:
            for n, alpha in zip(LOOKS, spent, strict=True):
                found, is_open = judge(duel, *train(range(n)), range(n), f"{n}", alpha=alpha)
                if not is_open:
                    break
        wrong += found.improvement is not None and not found.improvement.ci95[0] <= 0 <= found.improvement.ci95[1]
    return wrong / REPEATS


def test_a_knob_that_does_nothing_is_called_something_in_at_most_five_of_a_hundred_sweeps() -> None:
    margin = 3 * math.sqrt(0.05 * 0.95 / REPEATS)
    assert wrong_share(None) <= 0.05 + margin


def test_a_plain_interval_looked_at_three_times_does_not_keep_its_five_percent() -> None:
    margin = 3 * math.sqrt(0.05 * 0.95 / REPEATS)
    assert wrong_share((0.05, 0.05, 0.05)) > 0.05 + margin
