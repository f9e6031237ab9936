"""Training a case through the real workflow, and judging each of its members."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from planted.bases import Arrays, Base
from planted.kind import Plant
from planted.trainer import bug

from adamtune.data.examine.examine import EXAMINATION, examine
from adamtune.diagnosis.engine import diagnose_run
from adamtune.diagnosis.result import Diagnosis
from adamtune.runs.reader import Run, read_run
from adamtune.tuning.baseline import run_baseline
from adamtune.tuning.remedies.remedy import run_remedy
from adamtune.tuning.remedies.remedy_results import RemedyRequest, RemedyResult
from adamtune.tuning.requests import BaselineRequest
from adamtune.tuning.start import start_from
from adamtune.tuning.work import load_work

DATA = "import pathlib, numpy\ndef load():\n    return dict(numpy.load(pathlib.Path(__file__).parent / 'arrays.npz'))\n"


@dataclass(frozen=True)
class Trained:
    """A training and what was said of it.

    Args:
        run: As it lies on disk, its data fully examined.
        diagnosis: Of the whole and of each member.
        losses: Last validation loss of each seed in losses of a constant prediction; inf where it diverged.
    """

    run: Run
    diagnosis: Diagnosis
    losses: tuple[float, ...]


def write_case(folder: Path, base: Base, plant: Plant, arrays: Arrays, *, faulty: bool, seeds: int) -> Path:
    """The recipe of a case with its data and its network beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
    (folder / "my_data.py").write_text(DATA)
    recipe: dict[str, Any] = {
        "name": "case",
        "task": base.task,
        "data": {"python": "my_data.py:load", "normalize": "standard"},
        "model": dict(base.model),
        "training": dict(base.training) | {"seeds": seeds, "seed": base.first_seed},
        "optimizer": dict(base.optimizer),
    }
    for path, value in {**plant.both, **(plant.sets if faulty else {})}.items():
        section, key = path.split(".")
        recipe.setdefault(section, {})[key] = value
        if path == "training.epochs":
            recipe["training"].pop("steps", None)
    if plant.model:
        shutil.copy(Path(__file__).parent / "my_model.py", folder)
        args = {"family": recipe["model"], "bug": plant.model if faulty else ""}
        recipe["model"] = {"python": "my_model.py:build", "args": args}
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(recipe))
    return path


def arrays_of(base: Base, plant: Plant, *, faulty: bool) -> Arrays:
    """The data of a case."""
    arrays = base.arrays()
    return plant.spoil(arrays, np.random.default_rng(base.first_seed + 1)) if faulty and plant.spoil else arrays


def train(folder: Path, base: Base, plant: Plant, *, faulty: bool, seeds: int, facts: dict[str, Any]) -> Trained:
    """Trains a case on its seeds as one population, and judges it by its full data report."""
    recipe = write_case(folder, base, plant, arrays_of(base, plant, faulty=faulty), faulty=faulty, seeds=seeds)
    with bug(plant.trainer if faulty else ""):
        result = run_baseline(
            BaselineRequest(recipe=str(recipe), runs_dir=folder / "runs", trusted=True), lambda _: None
        )
    return judged(result.run_dir, recipe, facts)


def judged(run_dir: Path, recipe: Path, facts: dict[str, Any]) -> Trained:
    """A run with its data fully examined, as `check` does it; the same data are examined once."""
    run = read_run(run_dir)
    key = str(run.data["fingerprint"])
    if key not in facts:
        start = start_from(str(recipe), (), None)
        facts[key] = examine(load_work(start.loaded, trusted=True), start.loaded.recipe.task)  # type: ignore[arg-type]
    run = replace(run, data={**run.data, EXAMINATION: facts[key]})
    return Trained(run, diagnose_run(run), losses_of(run))


def losses_of(run: Run, members: Sequence[int] | None = None) -> tuple[float, ...]:
    """Last validation losses over that of a constant prediction."""
    constant = float(run.data.get("constant_loss") or "nan")
    numbers = [member.number for member in run.members] if members is None else members
    last = [run.records[number][-1] for number in numbers]
    return tuple(r.signals.get("val_loss", np.inf) / constant if r.state == "complete" else np.inf for r in last)


def cure(trained: Trained, plant: Plant, seeds: int) -> RemedyResult:
    """The race of remedies on the first seeds, without the confirmation: the winner is compared with the control."""
    request = RemedyRequest(
        run_dir=trained.run.path,
        sets=(f"training.seeds={seeds}",),
        runs_dir=trained.run.path.parent.parent,
        trusted=True,
        confirm=False,
    )
    with bug(plant.trainer):
        return run_remedy(request, lambda _: None)


def said(findings: Sequence[Any]) -> list[list[str]]:
    """Findings as plain data: rule and severity, ranked."""
    return [[finding.rule, finding.severity] for finding in findings]


Facts = Mapping[str, Any]
