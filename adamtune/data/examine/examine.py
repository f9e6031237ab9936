"""Every probe on one dataset: measured facts, under the probes' names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from adamtune.data.dataset import Dataset
from adamtune.data.examine.probe import PROBES_FOLDER, Facts, Probe
from adamtune.data.examine.subject import Subject
from adamtune.registry import entries

EXAMINATION: Final = "examination"
"""Key under which the facts stand in a run's `data.json`, beside the data report."""


def probes() -> tuple[Probe, ...]:
    """Every probe of the folder, in the order of the file names."""
    return entries(PROBES_FOLDER, "PROBE", Probe)


def examine(dataset: Dataset, task: str, *, cheap: bool = False) -> dict[str, Facts]:
    """What the probes found, by their names; plain data, to be judged by the data rules.

    Args:
        dataset: Finished splits, as training would get them.
        task: The recipe's task; a probe that makes no sense for it is left out.
        cheap: Only the probes that cost little enough to be made before every training.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # it has no types

    subject = Subject(dataset, task)
    wanted = [probe for probe in probes() if task in probe.tasks and (probe.cheap or not cheap)]
    # one thread: matrices are small, and two libraries' thread pools on the same cores wait for each other
    with threadpool_limits(limits=1):
        found = {probe.name: probe.look(subject) for probe in wanted}
    return {name: facts for name, facts in found.items() if facts is not None}


def cleared(facts: Mapping[str, Facts]) -> Iterator[tuple[str, str]]:
    """What was looked at, in words, by the rule that would have complained had anything been wrong."""
    for probe in probes():
        if probe.name in facts:
            told: dict[str, Any] = dict(facts[probe.name])
            yield from ((rule, words.format_map(told)) for rule, words in probe.clears.items())
