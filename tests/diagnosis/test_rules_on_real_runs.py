"""The rules on runs that are trained here: planted faults are named, healthy settings are left alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adamtune.data.load import load_data, source_names
from adamtune.diagnosis.engine import diagnose_run
from adamtune.diagnosis.result import Diagnosis
from adamtune.diagnosis.views import with_settings
from adamtune.models.build import build_model, option_schemas
from adamtune.recipe.load import load_recipe
from adamtune.recipe.shipped import recipes_dir
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run
from adamtune.runs.record import Record
from adamtune.training.population import Population
from adamtune.training.trainer import Hooks, Trainer

N_SEEDS = 2
Judged = tuple[Diagnosis, Run]
TOO_HIGH = {"loss-explosion", "nan-diverged", "collapse", "oscillation", "update-ratio-high"}


def diagnose(recipe: str, sets: list[str], trials: list[dict[str, Any]]) -> Judged:
    """Trains each trial's settings on a few seeds, all in one population, and diagnoses them as a sweep."""
    path = recipes_dir() / f"{recipe}.yaml"
    loaded = load_recipe(path, sets=sets, kinds=option_schemas(), sources=source_names())
    dataset = load_data(loaded, trusted=False)
    entries = [
        MemberEntry(N_SEEDS * trial + seed, seed, settings, trial, "search")
        for trial, settings in enumerate(trials)
        for seed in range(N_SEEDS)
    ]

    def model() -> Any:
        return build_model(loaded, dataset.input_shape, dataset.output_size, trusted=False)

    records: list[Record] = []
    trainer = Trainer(Population(loaded.recipe, tuple(entries)), dataset, model)
    trainer.run(Hooks(records.extend, lambda _: None))
    run = Run(
        path=Path("runs/x/001-sweep"),
        command="sweep",
        recipe=loaded.recipe.model_dump(mode="json"),
        data=dataset.report.as_dict(),
        manifest={},
        members=tuple(entries),
        records={e.number: tuple(r for r in records if r.member == e.number) for e in entries},
        total_steps=trainer.length.total_steps,
        finished=True,
    )
    return diagnose_run(run), run


LEARNING_RATES = [{"optimizer.lr": lr} for lr in (1e-6, 1e-5, 1e-3, 3e-3, 1.0, 10.0)]
OTHERS: list[dict[str, Any]] = [
    {"optimizer.lr": 1e-3, "optimizer.eps": 1.0},
    {"optimizer.lr": 1e-3, "optimizer.weight_decay": 100.0},
    {"optimizer.lr": 1e-3, "clip.max_norm": 1e-3},
]


@pytest.fixture(scope="module")
def digits() -> Judged:
    return diagnose("digits-mlp", ["training.epochs=12", "model.hidden=[64]"], LEARNING_RATES + OTHERS)


def verdict(diagnosis: Diagnosis, settings: Mapping[str, Any]) -> str:
    return next(trial.verdict for trial in diagnosis.trials if dict(trial.settings) == dict(settings))


@pytest.mark.parametrize("lr", [1e-6, 1e-5])
def test_tiny_lr_is_named_and_the_remedy_raises_it(digits: Judged, lr: float) -> None:
    trial = next(t for t in digits[0].trials if t.settings == {"optimizer.lr": lr})
    assert trial.verdict == "lr-too-low"
    assert trial.findings[0].severity == "critical"
    assert 3e-4 <= trial.findings[0].remedies[0].set["optimizer.lr"] <= 1e-2


@pytest.mark.parametrize("lr", [1e-3, 3e-3])
def test_healthy_lr_is_left_alone(digits: Judged, lr: float) -> None:
    assert verdict(digits[0], {"optimizer.lr": lr}) == "healthy"


@pytest.mark.parametrize("lr", [1.0, 10.0])
def test_huge_lr_is_named_and_the_remedy_lowers_it(digits: Judged, lr: float) -> None:
    trial = next(t for t in digits[0].trials if t.settings == {"optimizer.lr": lr})
    assert trial.verdict in TOO_HIGH
    assert trial.findings[0].severity == "critical"
    assert 1e-4 <= trial.findings[0].remedies[0].set["optimizer.lr"] <= lr / 10


def test_huge_eps_is_named_before_the_slowness_that_it_causes(digits: Judged) -> None:
    trial = next(t for t in digits[0].trials if t.settings.get("optimizer.eps") == 1.0)
    assert [finding.rule for finding in trial.findings if finding.severity != "info"] == ["eps-dominates"]
    assert dict(trial.findings[0].remedies[0].set) == {"optimizer.eps": 1e-8}


def test_huge_weight_decay_is_named(digits: Judged) -> None:
    assert verdict(digits[0], OTHERS[1]) == "wd-too-strong"


def test_constant_clipping_is_information_and_no_fault(digits: Judged) -> None:
    trial = next(t for t in digits[0].trials if "clip.max_norm" in t.settings)
    assert trial.verdict == "healthy"
    assert [(finding.rule, finding.severity) for finding in trial.findings] == [("over-clipped", "info")]


def test_bad_values_of_a_sweep_say_nothing_against_its_recipe(digits: Judged) -> None:
    diagnosis, run = digits
    assert run.recipe is not None
    assert with_settings(run.recipe, {})["optimizer"]["lr"] == 3e-4
    assert diagnosis.verdict == "healthy", diagnosis.basis


def test_healthy_regression_near_its_noise_floor_is_left_alone() -> None:
    diagnosis, _ = diagnose("diabetes-mlp", ["training.steps=300"], [{"optimizer.lr": 1e-3}, {"optimizer.lr": 3e-3}])
    assert [trial.verdict for trial in diagnosis.trials] == ["healthy", "healthy"]


def test_rows_learned_by_heart_are_overfitting() -> None:
    sets = [
        "data.source=sklearn/breast_cancer", "data.split.val=0.45", "data.split.test=0.45", "data.normalize=standard",
        "model.hidden=[256,256]", "training.epochs=120", "training.batch_size=16",
    ]  # fmt: skip
    trial = {"optimizer.lr": 1e-2, "optimizer.weight_decay": 0.0}
    diagnosis, _ = diagnose("digits-mlp", sets, [trial])
    assert diagnosis.verdict == "overfit"
    assert "optimizer.weight_decay" in diagnosis.findings[0].remedies[0].set
