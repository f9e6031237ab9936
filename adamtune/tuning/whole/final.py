"""The last comparison: the recipe as it was, as it is now, and the boring defaults, on seeds that nothing has seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from typing import Final as Constant

from adamtune.runs.manifest import MemberEntry
from adamtune.runs.record import Record
from adamtune.training.progress import Listener
from adamtune.tuning.remedies.defaults import defaults_for
from adamtune.tuning.results import Improvement
from adamtune.tuning.session import Session
from adamtune.tuning.statistics import estimate, paired_improvement
from adamtune.tuning.sweeps.decision import Decision, Duel, decide
from adamtune.tuning.whole.tune_results import Entrant

FINAL_FROM: Constant = 20_000
"""Distance of these seeds from the search's: beyond those on which each sweep confirmed its own winner."""
GIVEN, TUNED, DEFAULTS = "as given", "tuned", "defaults"


class Final:
    """The comparison at work in a run.

    Args:
        session: The run.
        changes: What tuning changed, by dotted key; may be empty.
        first: Number of the first new member of the run.
        listen: Is told where training stands.
    """

    def __init__(self, session: Session, changes: Mapping[str, Any], first: int, listen: Listener) -> None:
        recipe = session.loaded.recipe
        self._session, self._listen, self._next = session, listen, first
        self._seed = recipe.training.seed
        self._groups: dict[str, Mapping[str, Any]] = {GIVEN: {}}
        if changes:
            self._groups[TUNED] = changes
        defaults = defaults_for(recipe)
        if defaults and defaults != changes:
            self._groups[DEFAULTS] = defaults
        self._seeds: list[int] = []
        self._last: dict[str, list[Record]] = {name: [] for name in self._groups}

    @property
    def n_groups(self) -> int:
        """Recipes that are compared."""
        return len(self._groups)

    def decide(self, duel: Duel, looks: Sequence[int], goes_on: Callable[[int], bool]) -> Decision:
        """Whether the tuned recipe is better than the given one; trains all of them on the same seeds."""
        fresh = [self._seed + FINAL_FROM + n for n in range(looks[-1])]
        if TUNED not in self._groups:
            self._train(fresh[: looks[0]])
            return Decision("kept", "no setting was found that is better than what the recipe has")

        def more(seeds: Sequence[int]) -> tuple[Sequence[Record], Sequence[Record]]:
            self._train(seeds)
            return self._last[GIVEN][-len(seeds) :], self._last[TUNED][-len(seeds) :]

        return decide(duel, fresh, more, looks, goes_on)

    def _train(self, seeds: Sequence[int]) -> None:
        groups = {}
        for name, settings in self._groups.items():
            groups[name] = [MemberEntry(self._next + n, seed, settings, role="confirm") for n, seed in enumerate(seeds)]
            self._next += len(seeds)
        members = [member for group in groups.values() for member in group]
        self._session.train(members, "fresh seeds", self._listen, score_test=True)
        records = self._session.read().records
        self._seeds += seeds
        for name, group in groups.items():
            self._last[name] += [records[member.number][-1] for member in group]

    def entrants(self) -> tuple[Entrant, ...]:
        """How each of them did."""
        return tuple(self._entrant(name) for name in self._groups)

    def _entrant(self, name: str) -> Entrant:
        ended = [record for record in self._last[name] if record.state == "complete"]
        lost = len(self._last[name]) - len(ended)

        def of(signal: str) -> list[float]:
            values = [record.signals[signal] for record in ended if signal in record.signals]
            return [value for value in values if math.isfinite(value)]

        test, accuracy = of("test_loss"), of("test_accuracy")
        return Entrant(
            name,
            estimate(of("val_loss")),
            estimate(test) if test else None,
            estimate(accuracy) if accuracy else None,
            lost,
        )

    def test_improvement(self) -> Improvement | None:
        """The paired improvement of the test loss; None where it cannot be had."""
        pairs = [
            (seed, one.signals["test_loss"], other.signals["test_loss"])
            for seed, one, other in zip(self._seeds, self._last[GIVEN], self._last.get(TUNED, []), strict=False)
            if all(r.state == "complete" and math.isfinite(r.signals.get("test_loss", math.nan)) for r in (one, other))
        ]
        if not pairs:
            return None
        seeds, before, after = zip(*pairs, strict=True)
        return paired_improvement(before, after, seeds)
