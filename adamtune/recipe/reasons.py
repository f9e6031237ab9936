"""Why some values are refused, where a bare range would leave one wondering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Test = Callable[[float], bool]


def _is(number: float) -> Test:
    return lambda value: value == number


def _above(number: float) -> Test:
    return lambda value: value > number


_TOO_MANY: Final[tuple[Test, str]] = (_above(10**9), "a whole number from 1 to 1,000,000,000")

_REASONS: Final[Mapping[str, tuple[tuple[Test, str], ...]]] = {
    "training.epochs": (_TOO_MANY,),
    "training.steps": (_TOO_MANY,),
    "training.batch_size": (_TOO_MANY,),
    "training.eval_every": (_TOO_MANY,),
    "training.accumulate": (
        (_is(0), "a whole number of batches whose gradients make one update, at least 1; 1 is as usual"),
        _TOO_MANY,
    ),
    "training.early_stopping": (
        (_is(0), "a whole number of evaluations of at least 1, or null: never stop before the end"),
        _TOO_MANY,
    ),
    "training.label_smoothing": (
        (_is(1), "a share from 0 (none) to below 1; at 1.0 nothing of the labels would be left"),
        (_above(1), "a share from 0 (none) to below 1; 0.1 is 10%"),
    ),
    "data.context": (_TOO_MANY,),
    "reinforcement.eval_episodes": (_TOO_MANY,),
    "reinforcement.discount": (
        (_above(1), "a number from 0 to 1; above 1 the rewards of a long episode add up without bound"),
    ),
    "optimizer.lr": ((_is(0), "a number above 0; at 0 no weight ever moves"),),
    "optimizer.betas[0]": (
        (_is(1), "a number in [0, 1); at 1.0 no gradient ever enters the first moment, so nothing moves"),
        (lambda _: True, "a number in [0, 1)"),
    ),
    "optimizer.betas[1]": (
        (_is(1), "a number in [0, 1); at 1.0 the second moment never moves and its bias correction divides by zero"),
        (lambda _: True, "a number in [0, 1)"),
    ),
    "optimizer.eps": ((_is(0), "a number above 0; at 0 a weight whose gradients are all zero becomes 0/0"),),
    "clip.max_norm": ((_is(0), "a number above 0, or null: no clipping; at 0 every gradient would be cut to nothing"),),
    "clip.max_value": (
        (_is(0), "a number above 0, or null: no clipping; at 0 every gradient would be cut to nothing"),
    ),
    "schedule.warmup": (
        (_is(1), "a whole number of steps, or a fraction of all steps below 1; at 1.0 the full lr would never be used"),
        (_above(10**9), "a number of steps from 0 to 1,000,000,000, or a fraction of all steps below 1"),
        (_above(1), "a fraction of all steps below 1, or a number of steps without a decimal point"),
    ),
    "data.split.val": (
        (_is(0), "a share above 0 and below 1; every decision is made on the validation split"),
        (_above(1), "a share of all examples, above 0 and below 1; 0.2 is 20%"),
    ),
    "data.split.test": ((_above(1), "a share of all examples, from 0 to below 1; 0.2 is 20%"),),
}


def reason(path: str, value: Any) -> str | None:
    """What was expected and why, for a number at this key path; None where the field's own words do.

    >>> reason("optimizer.betas[0]", 1.5)
    'a number in [0, 1)'
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "a number in [0, 1)" if path.startswith("optimizer.betas[") else None
    return next((words for test, words in _REASONS.get(path, ()) if test(value)), None)
