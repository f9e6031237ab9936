"""What `tune` means to do, and what each part of it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from adamtune.recipe.resolve import get_value
from adamtune.recipe.schema import Recipe
from adamtune.tuning.sweeps.decision import LOOKS
from adamtune.tuning.sweeps.grid import first_grid
from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.search import JOINT_REFINED, JOINT_ROUNDS, JOINT_START, REFINED

Kind = Literal["check", "baseline", "remedies", "sweep", "final"]

ORDER: Final = ("lr", "lr_decay", "beta1", "eps", "beta2", "weight_decay", "warmup", "clip")
"""Knobs in the order in which they are worth their time. Of Adam's own the Deep Learning Tuning Playbook has lr first,
beta1 with 10 trials, eps with 25, beta2 with many more. The decay of lr costs four trials and often brings more than
all of those."""
POLICY_ORDER: Final = ("lr", "entropy", "clip", "lr_decay", "beta1", "eps", "beta2")
"""The same for a policy, whose entropy and clipping matter more; it is no matter of weight decay."""
TOGETHER: Final = ("lr", "lr_decay", "warmup", "beta1", "beta2", "weight_decay")
"""Knobs that are searched together once lr alone has found its place, where there are trials and time enough: a large
lr pays only with a warmup or a decay, a strong weight decay only with a large lr, and one knob at a time finds neither.
Measured on digits-mlp from the same lr: test loss 0.132 after 340 trainings (three searches), against 0.148 after 400
one knob at a time (four). Elsewhere, and for a policy, whose return is too noisy for so many at once, each knob has
its own sweep, and lr is swept again at the end: its best value hangs on all the others."""
PRUNED_SHARE: Final = 0.75
"""What is left of the work of a prunable knob's sweep: on the shipped recipes stopping early saved 20 to 35%."""

FINAL_MEMBERS: Final = 3 * LOOKS[0]
"""Networks that the last comparison takes at the least: the recipe as it was, as it is now, and the defaults."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the plan.

    Args:
        name: What it is called.
        kind: What is done.
        n_values: Values that are compared.
        n_members: Networks' worth of training that it takes, about.
        knobs: Of a sweep, its knobs.
    """

    name: str
    kind: Kind
    n_values: int
    n_members: float
    knobs: tuple[str, ...] = ()

    @property
    def n_least(self) -> float:
        """Networks without which it need not begin: a joint search makes as many rounds as there is time for."""
        return self.n_members if len(self.knobs) < 2 else self.n_members / 2


def plan(recipe: Recipe, *, trials: int | None, networks: float = math.inf) -> list[Stage]:
    """The stages for a recipe, in their order; remedies are not foreseen, since most recipes need none.

    Args:
        recipe: What to tune.
        trials: Values that may be tried in all sweeps together; None for no limit. The first sweep is always made.
        networks: Networks that there is time to train.
    """
    policy = recipe.task == "reinforcement"
    head = [] if policy else [Stage("check", "check", 0, 0)]
    head.append(Stage("baseline", "baseline", 1, recipe.training.seeds))
    last = Stage("confirmation", "final", 2, FINAL_MEMBERS)
    joint = [] if policy else _together(recipe)
    needed = sum(stage.n_members for stage in [*head, *joint, last])
    if joint and needed <= networks and sum(stage.n_values for stage in joint) <= (trials or math.inf):
        return [*head, *joint, last]
    stages: list[Stage] = []
    for stage in _one_by_one(recipe, POLICY_ORDER if policy else ORDER):
        if stages and trials is not None and stage.n_values > trials - sum(earlier.n_values for earlier in stages):
            break
        stages.append(stage)
    return [*head, *stages, last]


def _together(recipe: Recipe) -> list[Stage]:
    """First lr alone, which all else hangs on, then what interacts with it, then the rest."""
    knobs = tuple(name for name in TOGETHER if not find_knob(name).idle_with(recipe))
    n_values = 1 + len(knobs) * (JOINT_START + JOINT_ROUNDS * JOINT_REFINED)
    n_members = n_values * recipe.training.seeds + (2 + len(knobs)) * LOOKS[0]
    rest = [name for name in ORDER if name not in knobs and not find_knob(name).idle_with(recipe)]
    joint = Stage("together", "sweep", n_values, n_members, knobs)
    return [_sweep(recipe, "lr"), joint, *(_sweep(recipe, name) for name in rest)]


def _one_by_one(recipe: Recipe, order: Sequence[str]) -> list[Stage]:
    alone = [_sweep(recipe, name) for name in order if not find_knob(name).idle_with(recipe)]
    return [*alone, replace(_sweep(recipe, "lr"), name="lr again")]


def _sweep(recipe: Recipe, name: str) -> Stage:
    knob = find_knob(name)
    current = knob.value_of(get_value(recipe, knob.path))
    n_values = len(first_grid(knob, current)) + (0 if knob.scale == "choice" else REFINED)
    share = PRUNED_SHARE if knob.prunable else 1.0
    n_members = n_values * recipe.training.seeds * share + 2 * LOOKS[0]
    return Stage(name, "sweep", n_values, n_members, (name,))


def seconds(stages: Sequence[Stage], per_member_s: float) -> float:
    """Seconds that stages take, about."""
    return sum(stage.n_members for stage in stages) * per_member_s
