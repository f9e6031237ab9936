"""Reading what an examination of the data found, whatever of it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from adamtune.diagnosis.view import MemberView, as_number

_NAMED: Final = 5


def examined(view: MemberView, *names: str) -> Mapping[str, Any]:
    """The facts under these names of the data's `examination`; empty where nobody looked.

    >>> examined(MemberView(data={"examination": {"order": {"n_rows": 7}}}), "order")
    {'n_rows': 7}
    """
    found: Any = view.data.get("examination")
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def fact(facts: Mapping[str, Any], name: str) -> float:
    """A measured number; nan where there is none."""
    return as_number(facts.get(name))


def whole(facts: Mapping[str, Any], name: str) -> int:
    """A count; 0 where there is none."""
    number = fact(facts, name)
    return int(number) if number == number and abs(number) < 1e15 else 0  # noqa: PLR0124 - nan is unequal to itself


def listed(value: Any) -> Sequence[Any]:
    """A list, or nothing."""
    return value if isinstance(value, list | tuple) else ()


def entries_of(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list."""
    return [item for item in listed(value) if isinstance(item, Mapping)]


def row_name(view: MemberView, row: Any, split: Any) -> str:
    """A row by its number; with its split where rows are counted within their splits."""
    return f"{split} {row}" if split and view.data.get("split") == "given" else str(row)


def named(values: Sequence[Any], total: int | None = None) -> str:
    """The first few of a list in words, and how many there are beyond.

    >>> named([3, 7]), named(["a", "b", "c", "d", "e", "f"]), named([3, 7], total=12)
    ('3, 7', 'a, b, c, d, e and 1 more', '3, 7 and 10 more')
    """
    more = max(len(values), total or 0) - min(len(values), _NAMED)
    return ", ".join(map(str, values[:_NAMED])) + (f" and {more} more" if more > 0 else "")
