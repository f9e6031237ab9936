"""Training a case through the real workflow, and judging each of its members."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
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

RECIPE = "recipe.yaml"
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


@dataclass(frozen=True)
class Shelf:
    """Where trainings are kept, so that they can be judged again.

    Args:
        folder: One folder for each training, under its name.
        only_judge: Whether a training that is not there is an error, rather than made.
    """

    folder: Path
    only_judge: bool = False

    def run_of(self, name: str, made: Callable[[Path], Path]) -> Path:
        """The run directory of a training; it is made where there is none, or only one that was broken off.

        Args:
            name: What tells it from all others.
            made: Trains in a folder, and gives the run directory below it.
        """
        folder = self.folder / name
        whole = folder / "whole.txt"
        if not whole.exists():
            if self.only_judge:
                raise FileNotFoundError(f"no kept run {folder}")
            shutil.rmtree(folder, ignore_errors=True)
            run_dir = made(folder)
            whole.write_text(str(run_dir.relative_to(folder)))
        return folder / whole.read_text()


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
    path = folder / RECIPE
    path.write_text(json.dumps(recipe))
    return path


def arrays_of(base: Base, plant: Plant, *, faulty: bool) -> Arrays:
    """The data of a case."""
    arrays = base.arrays()
    return plant.spoil(arrays, np.random.default_rng(base.first_seed + 1)) if faulty and plant.spoil else arrays


def train(shelf: Shelf, name: str, base: Base, plant: Plant, *, faulty: bool, seeds: int) -> Trained:
    """Trains a case on its seeds as one population, unless that was kept, and judges it by its full data report."""

    def made(folder: Path) -> Path:
        recipe = write_case(folder, base, plant, arrays_of(base, plant, faulty=faulty), faulty=faulty, seeds=seeds)
        request = BaselineRequest(recipe=str(recipe), runs_dir=folder / "runs", trusted=True)
        epochs = {"training.epochs": base.training.get("epochs", 0)} | dict(plant.both)
        with bug(plant.trainer if faulty else "", epochs["training.epochs"]):
            return run_baseline(request, lambda _: None).run_dir

    return judged(shelf, name, made)


def judged(shelf: Shelf, name: str, made: Callable[[Path], Path]) -> Trained:
    """A run with its data fully examined, as `check` does it; what was found lies beside the recipe."""
    run = read_run(shelf.run_of(name, made))
    found = shelf.folder / name / "examination.json"
    if not found.exists():
        start = start_from(str(shelf.folder / name / RECIPE), (), None)
        work = load_work(start.loaded, trusted=True)
        found.write_text(json.dumps(examine(work, start.loaded.recipe.task)))  # type: ignore[arg-type]
    run = replace(run, data={**run.data, EXAMINATION: json.loads(found.read_text())})
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
    with bug(plant.trainer, int((trained.run.recipe or {})["training"].get("epochs") or 0)):
        return run_remedy(request, lambda _: None)


def said(findings: Sequence[Any]) -> list[list[str]]:
    """Findings as plain data: rule and severity, ranked."""
    return [[finding.rule, finding.severity] for finding in findings]


Facts = Mapping[str, Any]
