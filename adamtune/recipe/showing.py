"""Text of a user within a message: on one line, not endless, and without what would move a terminal's cursor."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 60


def one_line(text: str, longest: int = LONGEST) -> str:
    r"""The text with its white space as single spaces, a ? for what cannot be printed, cut to `longest` characters.

    >>> one_line("a\n  b\x1b[2J")
    'a b?[2J'
    >>> one_line("abcdefghij", 7)
    'abcd...'
    """
    text = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
