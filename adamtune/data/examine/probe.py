"""What a probe is: it measures one thing about finished data; the rules judge what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from adamtune.data.examine.subject import Subject

PROBES_FOLDER: Final = "adamtune.data.examine.probes"
LABELLED: Final = frozenset({"classification", "regression"})

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Probe:
    """One measurement. A file of `data/examine/probes/` defines one and ends in `PROBE: Probe = ...`.

    Args:
        name: Key of its facts in the examination.
        tasks: Which tasks it makes sense for.
        cheap: Whether it costs so little that it is done before every training too.
        look: Plain data that JSON can hold, or None where there is nothing to measure. Rows are numbers in
            the source, columns their names or numbers. Facts say of how many rows they are.
        clears: What was looked at and found to be in order, by the rule that would have complained; a
            sentence whose braces take the facts.
    """

    name: str
    tasks: frozenset[str]
    cheap: bool
    look: Callable[[Subject], Facts | None]
    clears: Mapping[str, str]
