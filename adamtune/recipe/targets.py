"""What `python: my_data.py:load` and `python: package.module:function` name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_FILE: Final = re.compile(r"(?P<file>[^:\x00]+\.py):(?P<function>[A-Za-z_]\w*)")
_MODULE: Final = re.compile(r"(?P<module>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*):(?P<function>[A-Za-z_]\w*)")
PATTERN: Final = r"^([^:\x00]+\.py|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*):[A-Za-z_]\w*$"
"""Both forms, for programs that know JavaScript's regular expressions alone."""


@dataclass(frozen=True, slots=True)
class Target:
    """A function in a file or in an installed module; one of `file` and `module` is empty."""

    function: str
    file: str = ""
    module: str = ""


def parse_target(text: str) -> Target | None:
    """The function that a target names, or None where it is not a target.

    >>> parse_target("my_data.py:load")
    Target(function='load', file='my_data.py', module='')
    >>> parse_target("my_data.py") is None
    True
    """
    if match := _FILE.fullmatch(text):
        return Target(match["function"], file=match["file"])
    if match := _MODULE.fullmatch(text):
        return Target(match["function"], module=match["module"])
    return None
