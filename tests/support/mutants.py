"""Recipes after accidents: what fingers, editors and merge tools do to a file, by a fixed seed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

BITS = [
    *("null", "true", "no", "~", "[]", "{}", "''", "'20'", ".nan", ".inf", "-1", "0", "1.0", "1e999", "9" * 50, "3e-4"),
    *(
        "[1, 2]",
        "[a, [b]]",
        "{a: 1}",
        "{a: {b: {c: 1}}}",
        "*a",
        "&a x",
        "<<: *a",
        "!!python/object:os.system x",
        "!x 1",
    ),
    *(
        "../../etc/passwd",
        "~/x.csv",
        "x.py:f",
        "os:system",
        "2024-01-01",
        "0x1F",
        "1_000",
        "é",
        "\x00",
        "\u2028",
        "---",
    ),
    *("'", '"', "{", "[", "]", ":", "- a", "? a", "|", ">", "%", "@", "`", "# no", "\t", "float16", "constant", "mlp"),
]


def mutants(texts: dict[str, str], count: int, *, seed: int, most: int) -> Iterator[str]:
    """Texts after one or a few accidents each.

    Args:
        texts: Recipes by name; each has its turn, and lends its lines to the others.
        count: How many.
        seed: Of the accidents.
        most: Accidents that a text has at most.
    """
    chance = random.Random(seed)  # noqa: S311 - the same accidents each time
    lines = [line for text in texts.values() for line in text.splitlines() if ":" in line and line[0] != "#"]
    names = sorted(texts)
    for number in range(count):
        text = [line for line in texts[names[number % len(names)]].splitlines() if line[:1] != "#"]
        for _ in range(chance.randint(1, most)):
            _accident(text, lines, chance)
        yield "\n".join(text) + "\n"


def _accident(text: list[str], others: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(text))
    key, colon, value = text[at].partition(":")
    bit = chance.choice(BITS)
    kind = chance.choice(
        ["delete", "double", "swap", "retype", "lend", "borrow", "rename", "insert", "indent", "scale"]
    )
    if kind == "delete" and len(text) > 1:
        del text[at]
    elif kind == "double":
        text.insert(chance.randrange(len(text)), text[at])
    elif kind == "swap":
        other = chance.randrange(len(text))
        text[at], text[other] = text[other], text[at]
    elif kind == "retype":
        text[at] = f"{key}: {bit}"
    elif kind == "lend":
        text[at] = f"{key}:{chance.choice(others).partition(':')[2]}"
    elif kind == "borrow":
        text.insert(at, chance.choice(others))
    elif kind == "rename" and len(key.strip()) > 1:
        place = chance.randrange(len(key) - len(key.lstrip()), len(key))
        text[at] = key[:place] + chance.choice(["", "x", "_", key[place] * 2]) + key[place + 1 :] + colon + value
    elif kind == "scale":
        text[at] = re.sub(r"[0-9]", lambda _: chance.choice("123456789"), text[at], count=1)
    elif kind == "insert":
        place = chance.randrange(len(text[at]) + 1)
        text[at] = text[at][:place] + bit + text[at][place:]
    else:
        text[at] = chance.choice(["  ", " ", "\t"]) + text[at]
