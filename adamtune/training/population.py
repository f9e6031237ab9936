"""A population as plain data: a recipe and, for each member, its seed and settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from adamtune.optim.population import Coefficients
from adamtune.recipe.resolve import with_values
from adamtune.recipe.schema import Recipe
from adamtune.runs.manifest import MemberEntry

VECTOR_KEYS: Final = frozenset({"optimizer", "clip", "schedule", "training.label_smoothing", "reinforcement"})
"""Keys and sections that each member has for itself, so that members differing in them train together."""

_ADAM: Final = frozenset({"adam", "adamw"})


def is_vector_key(path: str) -> bool:
    """Whether members of one population may differ in a recipe's dotted path.

    >>> is_vector_key("optimizer.betas[0]"), is_vector_key("training.batch_size")
    (True, False)
    """
    return any(path == key or path.startswith((f"{key}.", f"{key}[")) for key in VECTOR_KEYS)


def row_settings(member: MemberEntry) -> dict[str, Any]:
    """Those of a member's settings that it has for itself in a population."""
    return {path: value for path, value in member.settings.items() if is_vector_key(path)}


def shared_settings(member: MemberEntry) -> dict[str, Any]:
    """Those that change shapes, data or length, so that a whole population has to share them."""
    return {path: value for path, value in member.settings.items() if not is_vector_key(path)}


def update_rule(name: str) -> str:
    """The rule behind an `optimizer.name`: members of one population have the same, so group them by it.

    >>> update_rule("adamw"), update_rule("adam"), update_rule("sgd")
    ('adam', 'adam', 'sgd')
    """
    return "adam" if name in _ADAM else name


@dataclass(frozen=True, slots=True)
class Population:
    """K members that are trained by one program; nothing in it is a tensor or an open file.

    Args:
        recipe: What all members share.
        members: Who they are. Their settings may touch what `VECTOR_KEYS` names alone, since a member has that
            for itself; anything else changes shapes or data. The `update_rule` of their optimizers is one.
    """

    recipe: Recipe
    members: tuple[MemberEntry, ...]

    def __post_init__(self) -> None:
        for member in self.members:
            foreign = shared_settings(member)
            assert not foreign, f"members of one population cannot differ in {list(foreign)}"
        own = self.recipe.optimizer.name
        rules = {update_rule(member.settings.get("optimizer.name", own)) for member in self.members}
        assert len(rules) <= 1, f"members of one population cannot have different optimizers: {sorted(rules)}"

    def recipes(self) -> list[Recipe]:
        """Each member's own recipe."""
        return [with_values(self.recipe, member.settings) for member in self.members]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Every member's settings as tensors of shape [K], float64.

    Args:
        coefficients: What the update rule takes.
        max_norm: Largest gradient norm; inf where there is no clipping.
        max_value: Largest element of a gradient; inf where there is no clipping.
        smoothing: Share of each target that is spread over all classes.
        warmup_steps: Steps of linear warmup, 0 for none.
        lr_decay: Code of the decay, an index into `schedule.DECAYS`.
    """

    coefficients: Coefficients
    max_norm: Tensor
    max_value: Tensor
    smoothing: Tensor
    warmup_steps: Tensor
    lr_decay: Tensor

    @classmethod
    def of(cls, recipes: list[Recipe], total_steps: int) -> Numbers:
        """The numbers of these members for a training of `total_steps` updates."""
        from adamtune.training.schedule import DECAYS, warmup_steps

        def column(values: list[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float64)

        optimizers = [recipe.optimizer for recipe in recipes]
        decoupled = [optimizer.name == "adamw" for optimizer in optimizers]
        return cls(
            coefficients=Coefficients(
                lr=column([o.lr for o in optimizers]),
                beta1=column([o.betas[0] for o in optimizers]),
                beta2=column([o.betas[1] for o in optimizers]),
                eps=column([o.eps for o in optimizers]),
                weight_decay=column(
                    [o.weight_decay if apart else 0.0 for o, apart in zip(optimizers, decoupled, strict=True)]
                ),
                l2=column([0.0 if apart else o.weight_decay for o, apart in zip(optimizers, decoupled, strict=True)]),
            ),
            max_norm=column([r.clip.max_norm or math.inf for r in recipes]),
            max_value=column([r.clip.max_value or math.inf for r in recipes]),
            smoothing=column([r.training.label_smoothing for r in recipes]),
            warmup_steps=column([warmup_steps(r.schedule.warmup, total_steps) for r in recipes]),
            lr_decay=column([DECAYS.index(r.schedule.decay) for r in recipes]),
        )

    def keep(self, rows: Tensor) -> Numbers:
        """The numbers of these rows alone."""
        return Numbers(
            coefficients=self.coefficients.rows(rows),
            max_norm=self.max_norm[rows],
            max_value=self.max_value[rows],
            smoothing=self.smoothing[rows],
            warmup_steps=self.warmup_steps[rows],
            lr_decay=self.lr_decay[rows],
        )
