"""What `tune` means to do, and what each part of it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from adamtune.recipe.resolve import get_value
from adamtune.recipe.schema import Recipe
from adamtune.tuning.sweeps.decision import LOOKS
from adamtune.tuning.sweeps.grid import first_grid
from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.search import REFINED

Kind = Literal["check", "baseline", "remedies", "sweep", "final"]

ORDER: Final = ("lr", "lr_decay", "beta1", "eps", "beta2", "weight_decay", "warmup", "clip", "lr")
"""Knobs in the order in which they are worth their time. Of Adam's own the Deep Learning Tuning Playbook has lr first,
beta1 with 10 trials, eps with 25, beta2 with many more. The decay of lr costs four trials and often brings more than
all of those. lr comes once more at the end, if anything else has changed: its best value hangs on all the others."""
POLICY_ORDER: Final = ("lr", "entropy", "clip", "lr_decay", "beta1", "eps", "beta2", "lr")
"""The same for a policy, whose entropy and clipping matter more; it is no matter of weight decay."""
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
        knob: Of a sweep, the knob.
    """

    name: str
    kind: Kind
    n_values: int
    n_members: float
    knob: str = ""


def plan(recipe: Recipe, *, trials: int | None) -> list[Stage]:
    """The stages for a recipe, in their order; remedies are not foreseen, since most recipes need none.

    Args:
        recipe: What to tune.
        trials: Values that may be tried in all sweeps together; None for no limit. The first sweep is always made.
    """
    seeds = recipe.training.seeds
    policy = recipe.task == "reinforcement"
    stages = [] if policy else [Stage("check", "check", 0, 0)]
    stages.append(Stage("baseline", "baseline", 1, seeds))
    left = trials
    order = [name for name in (POLICY_ORDER if policy else ORDER) if not find_knob(name).idle_with(recipe)]
    for n, name in enumerate(order):
        stage = _sweep(recipe, name, again=n > 0 and name == "lr")
        if left is not None and n > 0 and stage.n_values > left:
            break
        left = None if left is None else left - stage.n_values
        stages.append(stage)
    return [*stages, Stage("confirmation", "final", 2, FINAL_MEMBERS)]


def _sweep(recipe: Recipe, name: str, *, again: bool) -> Stage:
    knob = find_knob(name)
    current = knob.value_of(get_value(recipe, knob.path))
    n_values = len(first_grid(knob, current)) + (0 if knob.scale == "choice" else REFINED)
    share = PRUNED_SHARE if knob.prunable else 1.0
    n_members = n_values * recipe.training.seeds * share + 2 * LOOKS[0]
    return Stage(f"{name} again" if again else name, "sweep", n_values, n_members, name)


def seconds(stages: Sequence[Stage], per_member_s: float) -> float:
    """Seconds that stages take, about."""
    return sum(stage.n_members for stage in stages) * per_member_s
