"""Passages of a held-out text that training has seen."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from adamtune.data.examine.probe import Facts, Probe
from adamtune.data.examine.rows import LISTED, Rows
from adamtune.data.examine.subject import Subject
from adamtune.data.source import Array

_TOKENS: Final = 48
"""Length of a passage in tokens; shorter ones recur in any language."""
_LEAST: Final = 16
_ASKED: Final = 2000
_MOST_TOKENS: Final = 10_000_000
_BASE: Final = np.array([0x9E3779B97F4A7C15], dtype=np.uint64)  # an array, since it is to wrap round in silence


def _look(subject: Subject) -> Facts | None:
    everything = subject.everything
    train = everything.of("train")
    length = min(_TOKENS, everything.x.shape[1])
    if length < _LEAST or not len(train):
        return None
    stream = _stream(train.x, train.y)[:_MOST_TOKENS]
    asked = {name: _some(rows) for name in ("val", "test") if len(rows := everything.of(name))}
    begin = {name: _passages(rows.x[:, :length], length)[:, 0] for name, rows in asked.items()}
    seen = _found(_passages(stream, length), np.unique(np.concatenate(list(begin.values()))))
    facts: dict[str, Any] = {"tokens": length, "n_train": len(train), "n_searched": len(stream)}
    for name, rows in asked.items():
        known = np.isin(begin[name], seen)
        facts[name] = {
            "n_rows": len(rows),
            "share": float(known.mean()),
            "rows": [int(number) for number in rows.numbers[known][:LISTED]],
        }
    return facts


def _some(rows: Rows) -> Rows:
    return rows.at(np.sort(np.random.default_rng(9).permutation(len(rows))[:_ASKED]))


def _found(hashes: Array, wanted: Array) -> Array:
    """Those of the wanted hashes, ascending, that occur: the many are looked up in the few, and never sorted."""
    places = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
    return np.asarray(wanted[np.unique(places[wanted[places] == hashes])])


def _stream(x: Array, y: Array) -> Array:
    """Windows that follow each other as one text again; the last token of each is the first of the next."""
    follows = len(x) > 1 and bool((x[1:, 0] == y[:-1, -1]).mean() > 0.9)
    return x.reshape(-1) if follows else np.concatenate([x, y[:, -1:]], axis=1).reshape(-1)


def _passages(tokens: Array, length: int) -> Array:
    """The hash of every passage of so many tokens, uint64 [..., N - length + 1].

    A polynomial in an odd base modulo 2**64 over a random number for each token (Karp & Rabin 1987); that
    of twice the length follows from two of the length, so that its cost grows with the logarithm.
    """
    if tokens.shape[-1] < length:
        return np.zeros((*tokens.shape[:-1], 0), dtype=np.uint64)
    alphabet = np.random.default_rng(10).integers(0, 2**64, int(tokens.max(initial=0)) + 1, dtype=np.uint64)
    power, factor, span = alphabet[tokens], _BASE, 1
    done, covered = np.zeros_like(power), 0
    while covered < length:
        if length & span:  # the passage of `covered` tokens goes on with one of `span` tokens
            done, covered = _joined(done, power, covered, factor), covered + span
        if covered < length:
            power, factor, span = _joined(power, power, span, factor), factor * factor, span * 2
    return done


def _joined(first: Array, second: Array, offset: int, factor: Array) -> Array:
    """Hashes of a passage and the one behind it, `factor` being the base to the power of the second's length."""
    n = second.shape[-1] - offset
    return first[..., :n] * factor + second[..., offset : offset + n]


PROBE: Probe = Probe(
    name="windows",
    tasks=frozenset({"language-model"}),
    cheap=False,
    look=_look,
    clears={"train-val-leak": "passages of {tokens} tokens of val and test, in {n_searched:,} tokens of training text"},
)
