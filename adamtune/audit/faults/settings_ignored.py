"""A setting is taken and not used.

What it is: a number written into the code, `self.lr` or `self.defaults` in place of `group["lr"]`, or only the first
group looked at.
Why it matters: lr schedulers write to `param_groups`, so a schedule does nothing; groups without weight decay, or with
an lr of their own, are trained like the first.
Source: the contract of `torch.optim.Optimizer`: each group's own settings count.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from adamtune.audit.fault import Fault, Stage, Variant
from adamtune.audit.film import Array, Flags
from adamtune.audit.formula import Walk

_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "lr": ("lr",),
    "betas": ("beta1", "beta2"),
    "beta1": ("beta1",),
    "beta2": ("beta2",),
    "eps": ("eps",),
    "weight_decay": ("weight_decay",),
}


_HARD_CODED: Final[tuple[tuple[str, Stage], ...]] = (
    ("lr", "core"),
    ("betas", "core"),
    ("beta1", "core"),
    ("beta2", "core"),
    ("eps", "eps"),
)


def _by_default(*names: str) -> Callable[[Walk], None]:
    def settings(walk: Walk) -> None:
        for name in names:
            setattr(walk, name, np.full_like(walk.lr, walk.film.defaults[name]))

    return settings


def _of_first_group(*names: str) -> Callable[[Walk], None]:
    def settings(walk: Walk) -> None:
        for name in names:
            values = getattr(walk, name)
            setattr(walk, name, np.full_like(values, values[walk.group == 0][0]))

    return settings


def _as_constructed(walk: Walk) -> None:
    walk.lr = walk.film.lr[0]


def _first_group_alone(walk: Walk) -> tuple[Array, Flags]:
    return walk.recorded(walk.step), walk.present & (walk.group == 0)


def _subsets() -> list[tuple[str, ...]]:
    words = ("lr", "betas", "eps", "weight_decay")
    return [subset for size in range(1, 5) for subset in itertools.combinations(words, size)]


FAULT: Fault = Fault(
    id="settings_ignored",
    probe="settings",
    title="a setting is ignored",
    why="what the user sets is not what trains; lr schedulers and groups without weight decay work through "
    "param_groups alone",
    mend='for group in self.param_groups: lr = group["lr"]; beta1, beta2 = group["betas"]; ...   # in each step',
    variants=(
        *(
            Variant(
                stage,
                f"uses its default {word} whatever it is told",
                {"settings": _by_default(*_OF[word])},
            )
            for word, stage in _HARD_CODED
        ),
        *(
            Variant(
                "groups",
                f"uses the first group's {' and '.join(subset)} for all groups",
                {"settings": _of_first_group(*(name for word in subset for name in _OF[word]))},
            )
            for subset in _subsets()
        ),
        Variant("groups", "updates the first group alone", {"gradient": _first_group_alone}),
        Variant("lr-change", "goes on with the lr it was constructed with", {"settings": _as_constructed}),
    ),
)
