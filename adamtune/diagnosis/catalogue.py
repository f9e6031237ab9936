"""Which rules there are, and what each of them says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adamtune.diagnosis.limits import load_limits
from adamtune.diagnosis.rule import Rule
from adamtune.registry import entries

RULES_FOLDER = "adamtune.diagnosis.rules"


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """One rule as a list of rules shows it.

    Args:
        id: Its public id.
        meaning: What it detects, in a few words.
        cause: `data`, `specification`, `optimizer` or `dynamics`.
        thresholds: In force, overrides included.
        explains: Ids of the rules whose findings are symptoms of this one.
    """

    id: str
    meaning: str
    cause: str
    thresholds: Mapping[str, float]
    explains: tuple[str, ...]


def load_rules() -> tuple[Rule, ...]:
    """Every rule of the folder, in the order of the file names."""
    return entries(RULES_FOLDER, "RULE", Rule)  # type: ignore[type-abstract] # only for isinstance


def list_rules() -> tuple[RuleInfo, ...]:
    """Every rule's own account of itself, causes before symptoms."""
    rules = load_rules()
    limits = load_limits(rules)
    return tuple(
        RuleInfo(
            id=rule.id,
            meaning=rule.meaning,
            cause=rule.cause.name.lower(),
            thresholds=limits[rule.id],
            explains=tuple(sorted(rule.explains)),
        )
        for rule in sorted(rules, key=lambda rule: (rule.cause, rule.id))
    )
