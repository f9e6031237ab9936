"""Names of classes that differ in nothing but spaces, case or writing, and numbers that stand apart."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any, Final

from adamtune.data.examine.probe import Facts, Probe
from adamtune.data.examine.subject import Subject

_COMPARED: Final = 300
"""Classes above which names are not compared letter by letter: it costs the square of their number."""
_LIKE: Final = 0.85
_LETTERS: Final = 5
_RARE: Final = 0.1


def _look(subject: Subject) -> Facts | None:
    names = subject.report.class_names
    counts = [sum(group) for group in zip(*subject.report.class_counts.values(), strict=True)]
    if not names or len(counts) != len(names):
        return None
    return {
        "n_classes": len(names),
        "same": _same(names, counts),
        "similar": _similar(names, counts) if len(names) <= _COMPARED else [],
        "numbers": _numbers(names, counts),
    }


def _same(names: Sequence[str], counts: Sequence[int]) -> list[dict[str, Any]]:
    """Groups of names that a person would read as one."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        groups[_plain(name)].append(number)
    return [_told(group, names, counts) for group in groups.values() if len(group) > 1]


def _plain(name: str) -> str:
    """A name without what only its writing adds; a number by its value.

    >>> _plain(" Cat") == _plain("cat"), _plain("1.0") == _plain("1"), _plain("class_1") == _plain("class 2")
    (True, True, False)
    """
    text = re.sub(r"[\s_\-]+", " ", unicodedata.normalize("NFKC", name)).strip().casefold()
    try:
        # a minus has just become a space: "-1" is asked for as it was written
        return repr(float(name)) if text else text
    except ValueError:
        return text


def _similar(names: Sequence[str], counts: Sequence[int]) -> list[dict[str, Any]]:
    """A rare name that looks like a slip of the pen for a common one."""
    plain = [_plain(name) for name in names]
    words = [n for n, name in enumerate(plain) if len(name) >= _LETTERS and not re.search(r"\d", name)]
    found = []
    for one, other in combinations(words, 2):
        rare, common = sorted((one, other), key=lambda n: counts[n])
        if plain[one] == plain[other] or counts[rare] > _RARE * counts[common]:
            continue
        if SequenceMatcher(None, plain[one], plain[other], autojunk=False).ratio() >= _LIKE:
            found.append(_told([rare, common], names, counts))
    return found


def _told(group: Sequence[int], names: Sequence[str], counts: Sequence[int]) -> dict[str, Any]:
    return {"names": [names[n] for n in group], "counts": [counts[n] for n in group]}


def _numbers(names: Sequence[str], counts: Sequence[int]) -> dict[str, Any] | None:
    """Labels that are whole numbers: where they begin, what is missing, and one that stands apart."""
    if not all(re.fullmatch(r"-?\d{1,9}", name) for name in names):
        return None
    values = [int(name) for name in names]
    low, high = min(values), max(values)
    return {
        "lowest": low,
        "highest": high,
        "n_missing": high - low + 1 - len(set(values)),
        "apart": _apart(dict(zip(values, counts, strict=True))),
    }


def _apart(counts: dict[int, int]) -> dict[str, int] | None:
    """The one number outside a row of at least three that follow each other, with how many rows have it."""
    for value in (min(counts), max(counts)):
        others = sorted(counts.keys() - {value})
        in_a_row = len(others) > 2 and others[-1] - others[0] == len(others) - 1
        sentinel = value < 0 and others[:1] == [0]
        if in_a_row and (sentinel or min(abs(value - others[0]), abs(value - others[-1])) > 1):
            return {"label": value, "rows": counts[value]}
    return None


PROBE: Probe = Probe(
    name="label_names",
    tasks=frozenset({"classification"}),
    cheap=True,
    look=_look,
    clears={
        "label-names": "names of {n_classes:,} classes, compared without case and spaces",
        "label-gaps": "labels without a number that stands apart",
    },
)
