"""What is raced as a remedy, and that a race which was interrupted goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.runs.reader import Run
from adamtune.runs.record import Record
from adamtune.training.progress import Progress
from adamtune.tuning.baseline import run_baseline
from adamtune.tuning.remedies.candidates import MOST, by_hand, candidates
from adamtune.tuning.remedies.remedy import run_remedy
from adamtune.tuning.remedies.remedy_results import RemedyRequest, RemedyResult
from adamtune.tuning.requests import BaselineRequest
from adamtune.tuning.start import start_from

SETS = ("training.steps=80", "model.hidden=[9]", "training.seeds=2", "training.strategy=vectorized", "optimizer.lr=10")


DEFAULTS = {"optimizer.lr": 3e-4, "schedule.decay": "none"}


def finding(rule: str, *sets: Mapping[str, Any], severity: Any = "critical") -> Finding:
    return Finding(rule, severity, "something", {}, tuple(Remedy(dict(one), "why") for one in sets))


def run_with(norms: list[float]) -> Run:
    records = tuple(
        Record(0, step, 0.0, signals={"train_loss": 1.0 / (1 + step), "grad_norm": norm})
        for step, norm in enumerate(norms)
    )
    return Run(Path("runs/x/001-baseline"), "baseline", {}, {}, {}, (), {0: records}, 0, finished=True)


def raced(
    *findings: Finding,
    sets: tuple[str, ...] = (),
    norms: tuple[float, ...] = (1.0,),
    defaults: bool = False,
    **more: Any,
) -> list[dict[str, Any]]:
    recipe = start_from("digits-mlp", ("optimizer.lr=0.1", *sets), None).loaded.recipe
    given = DEFAULTS if defaults else {}
    return [dict(settings) for settings, _ in candidates(findings, recipe, run_with(list(norms)), given, **more)]


def test_proposals_come_first_then_pairs_of_different_keys_then_the_ladder() -> None:
    lower, decay = {"optimizer.lr": 0.01}, {"schedule.decay": "cosine"}
    found = raced(finding("oscillation", lower, decay), defaults=True)
    assert found[:3] == [lower, decay, lower | decay]
    assert {"optimizer.lr": 0.05} in found
    assert {"clip.max_norm": 1.0} in found
    assert {"schedule.warmup": 0.05, "schedule.decay": "cosine"} in found
    assert {"optimizer.betas[0]": 0.8} in found
    assert found[-1] == DEFAULTS, "a recipe may be so far off that no single change leads back"
    assert len(found) <= MOST
    assert all(found.count(one) == 1 for one in found)


def test_the_ladder_leads_where_the_proposals_lead() -> None:
    faster = raced(finding("lr-too-low", {"optimizer.lr": 1.0}), sets=("optimizer.lr=1e-5",))
    assert min(one["optimizer.lr"] for one in faster if "optimizer.lr" in one) > 1e-5
    firmer = raced(finding("overfit", {"optimizer.weight_decay": 0.1}))
    assert {"model.dropout": 0.5} in firmer
    assert not any("optimizer.lr" in one for one in firmer)


def test_where_there_is_time_for_few_these_are_the_likeliest_and_the_defaults() -> None:
    lower, decay = {"optimizer.lr": 0.01}, {"schedule.decay": "cosine"}
    found = finding("oscillation", lower, decay)
    assert raced(found, most=3, defaults=True) == [lower, decay, DEFAULTS]
    assert raced(found, most=3, but={"schedule.decay"})[0] == lower
    assert decay not in raced(found, but={"schedule.decay"})
    assert raced(finding("target-scale", {"data.normalize_target": "none"}), but={"data.normalize_target"}) == []


def test_where_the_lr_is_off_by_orders_of_magnitude_the_ladder_starts_at_the_proposal() -> None:
    found = raced(finding("loss-explosion", {"optimizer.lr": 3e-3}), sets=("optimizer.lr=100",))
    assert {one["optimizer.lr"] for one in found if len(one) == 1 and "optimizer.lr" in one} == {
        3e-3, 1.5e-3, 7.5e-4, 3e-4
    }  # fmt: skip


def test_gradients_are_clipped_at_the_90th_percentile_of_what_came_before_the_fault() -> None:
    norms = (*range(10, 30), 5000.0)
    found = raced(finding("collapse", {"optimizer.lr": 0.01}), norms=norms)
    assert [one["clip.max_norm"] for one in found if set(one) == {"clip.max_norm"}] == [1.0, 28.0]


def test_what_changes_nothing_or_does_not_fit_is_not_raced() -> None:
    found = raced(finding("oscillation", {"optimizer.lr": 0.1}, {"model.no_such": 3}, {"optimizer.lr": 0.03}))
    assert found[0] == {"optimizer.lr": 0.03}
    assert not any("model.no_such" in one for one in found)


def test_information_and_faults_that_no_setting_cures_propose_nothing() -> None:
    assert raced(finding("oscillation", {"optimizer.lr": 0.03}, severity="info")) == []
    assert raced(finding("label-gaps", severity="warning")) == []
    random = finding("random-labels")
    assert by_hand([random]) == (random,)
    assert by_hand([finding("input-scale", {"data.normalize": "standard"})]) == ()
    leak = finding("train-val-leak", {"data.drop": ["a"]}, severity="warning")
    assert by_hand([leak]) == (leak,), "with a leak the loss by which a race is judged is void"


class StoppedError(Exception):
    """Stands for whatever ends a process in the middle."""


def cured(runs_dir: Path, stop_in: str = "") -> RemedyResult:
    def listen(progress: Progress) -> None:
        if progress.stage == stop_in and progress.step >= 10:
            raise StoppedError

    return run_remedy(RemedyRequest(run_dir=runs_dir / "breast-cancer-mlp" / "001-baseline", runs_dir=runs_dir), listen)


def test_stopped_in_the_race_and_in_the_confirmation_it_comes_to_the_same(runs_dir: Path) -> None:
    for where in (runs_dir / "unbroken", runs_dir):
        run_baseline(BaselineRequest(recipe="breast-cancer-mlp", sets=SETS, runs_dir=where), lambda _: None)
    unbroken = cured(runs_dir / "unbroken")
    for stage in ("remedies", "fresh seeds"):
        with pytest.raises(StoppedError):
            cured(runs_dir, stage)
    found = cured(runs_dir)
    assert found.resumed
    assert (found.decision, found.winner, found.n_members) == (unbroken.decision, unbroken.winner, unbroken.n_members)
    assert repr(found.candidates) == repr(unbroken.candidates)
    assert found.candidates[0].cured
    assert sorted(path.name for path in (runs_dir / "breast-cancer-mlp").glob("0*")) == ["001-baseline", "002-remedy"]


def test_a_cure_that_changes_the_unit_of_the_loss_is_measured_in_the_old_one(runs_dir: Path, tmp_path: Path) -> None:
    rows = "\n".join(f"{n / 100},{1000 + 50 * math.sin(n / 30)}" for n in range(200))
    (tmp_path / "far.csv").write_text("a,b\n" + rows)
    recipe = tmp_path / "far.yaml"
    recipe.write_text(
        "name: far\ntask: regression\ndata: {file: far.csv, target: b, normalize_target: none}\n"
        "model: {kind: mlp, hidden: [16]}\ntraining: {steps: 300, seeds: 2, strategy: vectorized}\n"
        "optimizer: {lr: 0.01}\n"
    )
    sick = run_baseline(BaselineRequest(recipe=str(recipe), runs_dir=runs_dir), lambda _: None)
    assert sick.verdict == "target-scale"
    found = run_remedy(RemedyRequest(run_dir=sick.run_dir, runs_dir=runs_dir), lambda _: None)
    assert found.winner == {"data.normalize_target": "standard"}
    assert found.candidates[0].cured
    assert found.decision == "accepted"
    constant = sick.constant_loss
    assert 0 < found.candidates[0].val_loss.mean < 0.1 * constant
