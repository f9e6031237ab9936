"""What `tune` means to do."""

from __future__ import annotations

import importlib.util
import math

import pytest

from adamtune.data.load import source_names
from adamtune.models.build import option_schemas
from adamtune.recipe.load import load_recipe
from adamtune.recipe.resolve import get_value
from adamtune.recipe.schema import Recipe
from adamtune.recipe.shipped import recipes_dir
from adamtune.tuning.remedies.defaults import defaults_for
from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.whole.plan import FINAL_MEMBERS, ORDER, TOGETHER, Stage, plan, seconds

needs_gymnasium = pytest.mark.skipif(importlib.util.find_spec("gymnasium") is None, reason="gymnasium is not installed")


def recipe_of(name: str, *sets: str) -> Recipe:
    path = recipes_dir() / f"{name}.yaml"
    return load_recipe(path, sets=sets, kinds=option_schemas(), sources=source_names()).recipe


def swept(stages: list[Stage]) -> list[str]:
    return [name for stage in stages if stage.kind == "sweep" for name in stage.knobs]


def test_a_recipe_is_checked_trained_swept_and_confirmed_in_that_order() -> None:
    stages = plan(recipe_of("digits-mlp"), trials=None)
    assert [stage.kind for stage in stages] == ["check", "baseline", *["sweep"] * 4, "final"]
    assert swept(stages) == ["lr", *TOGETHER, "eps", "clip"]
    assert set(swept(stages)) == set(ORDER), "every knob has its turn"
    assert len({stage.name for stage in stages}) == len(stages), "results are kept by name"


@pytest.mark.parametrize("trials", [1, 13, 17, 40, 80])
def test_a_small_limit_of_trials_is_kept_but_for_the_first_sweep_knob_by_knob(trials: int) -> None:
    stages = plan(recipe_of("digits-mlp"), trials=trials)
    sizes = [stage.n_values for stage in stages if stage.kind == "sweep"]
    assert len(sizes) == 1 or sum(sizes) <= trials
    order = [*ORDER, "lr"]
    assert swept(stages) == order[: len(sizes)]
    assert all(len(stage.knobs) < 2 for stage in stages)
    every = [stage for stage in plan(recipe_of("digits-mlp"), trials=None, networks=400) if stage.kind == "sweep"]
    assert len(every) == len(order)
    assert len(sizes) == len(order) or sum(sizes) + every[len(sizes)].n_values > trials, "one more is too many"
    assert stages[-1].kind == "final"


@pytest.mark.parametrize(("trials", "networks", "expected"), [(200, math.inf, True), (100, math.inf, False),
                                                              (None, 1000, True), (None, 200, False)])  # fmt: skip
def test_knobs_are_searched_together_where_trials_and_time_suffice(
    trials: int | None, networks: float, *, expected: bool
) -> None:
    stages = plan(recipe_of("digits-mlp"), trials=trials, networks=networks)
    assert any(stage.name == "together" for stage in stages) is expected
    assert stages[-2].name == ("clip" if expected else "lr again")


@needs_gymnasium
def test_a_policy_is_swept_by_what_matters_to_it() -> None:
    stages = plan(recipe_of("cartpole"), trials=None)
    assert "entropy" in swept(stages)
    assert "weight_decay" not in swept(stages)
    assert stages[0].kind == "baseline"


@pytest.mark.parametrize("name", ["sgd", "lion", "adagrad", "nadamw", "rmsprop"])
def test_no_knob_is_planned_that_the_optimizer_does_not_read(name: str) -> None:
    recipe = recipe_of("digits-mlp", f"optimizer.name={name}")
    knobs = swept(plan(recipe, trials=None))
    expected = {"sgd": set(), "lion": {"beta1", "beta2"}, "adagrad": {"eps"}, "rmsprop": {"eps"}}
    assert set(knobs) & {"beta1", "beta2", "eps"} == expected.get(name, {"beta1", "beta2", "eps"})
    assert {"lr", "weight_decay", "clip"} <= set(knobs)


def test_cost_grows_with_seeds_and_is_time_by_network() -> None:
    few, many = (plan(recipe_of("digits-mlp", f"training.seeds={n}"), trials=None) for n in (2, 5))
    assert seconds(many, 1.0) > seconds(few, 1.0) > FINAL_MEMBERS
    assert seconds(few, 0.25) == pytest.approx(0.25 * seconds(few, 1.0))


def test_the_boring_defaults_are_what_a_recipe_has_otherwise() -> None:
    assert defaults_for(recipe_of("digits-mlp")) == {}
    recipe = recipe_of("digits-mlp", "optimizer.lr=0.1", "schedule.warmup=0.1", "optimizer.betas=[0.5, 0.9]")
    found = defaults_for(recipe)
    assert found.keys() == {"optimizer.lr", "schedule.warmup", "optimizer.betas"}
    assert float(found["optimizer.lr"]) == 3e-4
    assert get_value(recipe, find_knob("lr").path) == 0.1
