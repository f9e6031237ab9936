"""What an audited class is put through, as plain data that both sides of the pipe understand."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from adamtune.audit.film import Array, Flags

Settings = dict[str, float]

Shapes = tuple[tuple[int, ...], ...]

SHAPES: Final[Shapes] = ((5,), (3, 4), (7,))
MATRICES: Final[Shapes] = ((2, 3), (3, 4), (5, 2))
"""For classes that take nothing else."""
LONG: Final = 1000


@dataclass(frozen=True)
class Scenario:
    """One life of one instance: parameters, gradients and settings, step by step.

    Args:
        name: By which the judging side asks for it.
        settings: What the constructor is told, by the names `lr`, `beta1`, `beta2`, `eps`, `weight_decay`; what the
            class cannot be told is left at its default.
        groups: Settings of each parameter group on top of those; every group holds all `tensors`.
        sizes: Smallest and largest typical size of a gradient's elements, spread evenly over the powers of ten.
        at_zero: Whether parameters start at 0, where movements are exact, or at about 1.
        n_steps: Updates.
        absent: `(step, tensor)` pairs in which `.grad` is None.
        in_place: Whether the next gradient is written into the same tensor instead of a new one.
        lr_factors: `(step, factor)` pairs: from that step on lr is this many times what the constructor was told.
        load_before: Step before which the state is saved and loaded into a new instance.
        dtype: Type of the parameters; empty for the type in which the class is audited.
        constant: The same gradient at each step and parameters put back to 0 before it; only the first and the last
            step are recorded.
        seed: Of gradients and parameters.
        tensors: Shapes of the tensors of one group.
    """

    name: str
    settings: Settings = field(default_factory=dict)
    groups: tuple[Settings, ...] = ({},)
    sizes: tuple[float, float] = (0.1, 3.0)
    at_zero: bool = False
    n_steps: int = 8
    absent: tuple[tuple[int, int], ...] = ()
    in_place: bool = False
    lr_factors: tuple[tuple[int, float], ...] = ()
    load_before: int | None = None
    dtype: str = ""
    constant: bool = False
    seed: int = 0
    tensors: Shapes = SHAPES

    @property
    def shapes(self) -> Shapes:
        """Shapes of all tensors, group after group."""
        return self.tensors * len(self.groups)

    @property
    def group_of(self) -> list[int]:
        """The group of each tensor."""
        return [group for group in range(len(self.groups)) for _ in self.tensors]

    @property
    def numels(self) -> list[int]:
        """Elements of each tensor."""
        return [math.prod(shape) for shape in self.shapes]

    def start(self) -> Array:
        """The parameters at the start, shape [N]; none of those at about 1 is near 0."""
        n = sum(self.numels)
        if self.at_zero or self.constant:
            return np.zeros(n)
        random = np.random.default_rng([self.seed, 1])
        start: Array = random.uniform(0.5, 1.5, n) * random.choice([-1.0, 1.0], n)
        return start

    def gradients(self, dtype: str) -> Array:
        """The gradients as a class in that type sees them, shape [T, N].

        Each element has its own typical size; its gradients vary about that and turn their sign now and then, so that
        averages of g, of its square and of its size all differ.
        """
        n = sum(self.numels)
        random = np.random.default_rng([self.seed, 2])
        low, high = np.log(self.sizes)
        typical = np.exp(random.uniform(low, high, n)) * random.choice([-1.0, 1.0], n)
        if self.constant:
            return np.broadcast_to(_as(typical, dtype), (self.n_steps, n))
        turns = random.choice([1.0, 1.0, 1.0, -1.0], (self.n_steps, n))
        return _as(typical * random.uniform(0.4, 1.6, (self.n_steps, n)) * turns, dtype)

    def present(self) -> Flags:
        """Whether each tensor has a gradient in each step, shape [T, tensors]."""
        flags = np.ones((self.n_steps, len(self.shapes)), dtype=bool)
        for step, tensor in self.absent:
            flags[step, tensor] = False
        return flags

    def lr_factor(self, step: int) -> float:
        """By what lr is multiplied in that step."""
        return next((factor for start, factor in reversed(self.lr_factors) if start <= step), 1.0)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)

    @classmethod
    def of(cls, data: dict[str, Any]) -> Scenario:
        """The scenario that `as_dict` wrote."""
        pairs = {name: tuple(tuple(pair) for pair in data[name]) for name in ("absent", "lr_factors", "tensors")}
        return cls(**{**data, **pairs, "groups": tuple(data["groups"]), "sizes": tuple(data["sizes"])})


def _as(values: Array, dtype: str) -> Array:
    return values.astype(np.float64 if dtype == "float64" else np.float32).astype(np.float64)


NO_EPS: Final = 1e-14
"""So small that it does not matter where it stands: below 1e-6 of sqrt(v) even where it is added to v."""
PLAIN: Final[Settings] = {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "eps": NO_EPS, "weight_decay": 0.0}

SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario("own", n_steps=6),
    Scenario("core", PLAIN),
    Scenario("core-2", PLAIN | {"lr": 0.03, "beta1": 0.9, "beta2": 0.999}, seed=1),
    Scenario("eps", PLAIN | {"eps": 1e-2}, sizes=(1e-3, 1.0), at_zero=True, seed=2),
    Scenario("own-eps", {"lr": 0.01, "weight_decay": 0.0}, sizes=(1e-10, 1e-6), at_zero=True, n_steps=6, seed=3),
    Scenario("weight-decay", PLAIN | {"weight_decay": 0.1}, n_steps=6, seed=4),
    Scenario("weight-decay-2", PLAIN | {"lr": 0.03, "weight_decay": 0.3}, n_steps=6, seed=5),
    Scenario("absent", PLAIN, n_steps=9, absent=((0, 1), (1, 1), (2, 1), (5, 1), (3, 2), (4, 2)), seed=6),
    Scenario(
        "groups",
        PLAIN | {"weight_decay": 0.1},
        groups=({}, {"lr": 0.04}, {"beta1": 0.5, "beta2": 0.7}, {"eps": 0.1}, {"weight_decay": 1.0}),
        n_steps=5,
        seed=7,
    ),
    Scenario("lr-change", PLAIN | {"weight_decay": 0.1}, lr_factors=((3, 0.1), (6, 0.5)), seed=8),
    Scenario("in-place", PLAIN, in_place=True, seed=9),
    Scenario("reload", PLAIN, load_before=4, seed=10),
    Scenario("unbroken", PLAIN, seed=10),
    Scenario("again", PLAIN),
    Scenario("long-float32", {"weight_decay": 0.0}, n_steps=LONG, constant=True, dtype="float32", seed=11),
    Scenario("bfloat16", {"weight_decay": 0.0}, n_steps=2, dtype="bfloat16", seed=12),
)
BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}
