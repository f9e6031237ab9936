"""A recipe as a person would write it: sections in their usual order, and the reasons beside the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from adamtune.recipe.resolve import inline
from adamtune.recipe.showing import one_line
from adamtune.starter.propose import Choice

_COLUMN: Final = 34
"""Where comments begin, unless a value is longer."""


def recipe_text(choices: Sequence[Choice], head: Sequence[str]) -> str:
    """YAML that loads, with a comment beside each value that has a reason.

    Args:
        choices: Settings; those of one section stand together, in the order of the first of each.
        head: Lines of comment above it.
    """
    lines = [f"# {one_line(line, 200)}" for line in head]
    sections = list(dict.fromkeys(choice.key.partition(".")[0] for choice in choices))
    for section in sections:
        own = [choice for choice in choices if choice.key.partition(".")[0] == section]
        if own[0].key == section:
            lines.append(_line(section, own[0].value, own[0].why))
            continue
        lines.append(f"{section}:")
        for choice in own:
            key = choice.key.partition(".")[2]
            if choice.asked:
                lines += _question(key, choice)
            else:
                lines.append(_line(f"  {key}", choice.value, choice.why))
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any, why: str) -> str:
    text = f"{key}: {inline(value)}"
    return f"{text:<{_COLUMN}}  # {one_line(why, 200)}" if why else text


def _question(key: str, choice: Choice) -> list[str]:
    return [
        "  # Names rather than sizes? Then take the # away:",
        f"  # {key}: {inline(choice.value)}",
        f"  #   {one_line(choice.why, 200)}",
    ]
