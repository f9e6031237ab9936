"""Stopping early, and keeping the weights with the lowest validation loss."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from adamtune.runs.directory import CHECKPOINT
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import read_run
from adamtune.runs.record import Record
from adamtune.training.rows import Rows
from adamtune.training.stopping import Lowest
from adamtune.training.trainer import Hooks
from adamtune.tuning import populations
from adamtune.tuning.baseline import run_baseline
from adamtune.tuning.requests import BaselineRequest, SweepRequest
from adamtune.tuning.sweeps.sweep import run_sweep

if TYPE_CHECKING:
    from tests.conftest import Lab

SCORED = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "param_norm")


def overfits() -> nn.Module:
    """Wide enough to learn 211 examples by heart, with running statistics that training moves."""
    return nn.Sequential(nn.Linear(64, 101), nn.BatchNorm1d(101), nn.ReLU(), nn.Linear(101, 10))


def plain() -> nn.Module:
    """Without statistics, whose first estimates make every validation loss rise."""
    return nn.Sequential(nn.Linear(64, 101), nn.ReLU(), nn.Linear(101, 10))


def members(*rates: float) -> list[MemberEntry]:
    return [MemberEntry(n, n, {"optimizer.lr": lr}) for n, lr in enumerate(rates)]


def test_a_member_stops_after_so_many_evaluations_without_a_lower_loss(few: Lab) -> None:
    records = few.train(members(0.1, 1e-3, 0.1), plain, early_stopping=3, eval_every=2, steps=60)
    for lines in records.values():
        losses = [line.signals["val_loss"] for line in lines]
        best = losses.index(min(losses))
        stopped = lines[-1].step < 60
        assert stopped == (len(losses) - 1 - best >= 3)
        assert lines[-1].state == "complete"
        assert lines[-1].signals["best_step"] == lines[best].step
        assert "test_loss" in lines[-1].signals
        assert [line.state for line in lines[:-1]] == ["running"] * (len(lines) - 1)
        wanted = f"stopped early: no lower val loss in 3 evaluations, the lowest at step {lines[best].step}"
        assert lines[-1].reason == (wanted if stopped else "")
    assert records[0][-1].step < records[1][-1].step == 60


def test_a_member_that_stops_frees_its_row(few: Lab) -> None:
    trainer = few.trainer(members(0.1, 1e-3, 0.1), plain, early_stopping=3, eval_every=2, steps=60)
    trainer.run(Hooks(lambda _: None, lambda _: None))
    assert [member.number for member in trainer.running] == [1]
    assert len(trainer.rows.params) == len(trainer.optimizer.exp_avg) == 1


@pytest.mark.parametrize("strategy", ["batched", "vectorized", "loop"])
@pytest.mark.parametrize("patience", [None, 4])
def test_the_last_line_is_about_the_weights_that_are_kept(few: Lab, strategy: str, patience: int | None) -> None:
    """The same numbers as on the line of the best step, a test score that belongs to them, and those weights."""
    training = {"early_stopping": patience, "eval_every": 2, "steps": 60, "strategy": strategy}
    trainer = few.trainer(members(0.1, 1e-4, 0.03), overfits, keep="best", **training)
    records: list[Record] = []
    trainer.run(Hooks(records.extend, lambda _: None))
    weights = trainer.weights()
    assert weights.facts["members"] == [0, 1, 2]
    early = 0
    for row in range(3):
        *before, last = (record for record in records if record.member == row)
        best = min(before, key=lambda line: line.signals["val_loss"])
        if best.signals["val_loss"] > last.signals["val_loss"]:  # the last one is the best
            assert last.signals["best_step"] == last.step
            continue
        early += 1
        assert last.signals["best_step"] == best.step < last.step
        assert [last.signals[name] for name in SCORED] == pytest.approx([best.signals[name] for name in SCORED])
        assert last.signals["test_loss"] == pytest.approx(loss_of(few, weights.tensors, row), rel=1e-5)
    assert early >= 2


def loss_of(lab: Lab, tensors: dict[str, torch.Tensor], row: int) -> float:
    """By hand, from what a checkpoint holds."""
    network = overfits().eval().requires_grad_(requires_grad=False)
    nn.utils.vector_to_parameters(tensors["params"][row], network.parameters())
    for name, value in network.named_buffers():
        value.copy_(tensors[f"buffers.{name}"][row])
    assert lab.dataset.test is not None
    return float(nn.functional.cross_entropy(network(lab.dataset.test.x), lab.dataset.test.y))


def test_the_weights_of_the_last_step_are_kept_unless_the_best_are_asked_for(few: Lab) -> None:
    training = {"eval_every": 2, "steps": 60, "strategy": "loop"}
    (last,) = few.train(members(0.1), overfits, **training).values()
    (best,) = few.train(members(0.1), overfits, keep="best", **training).values()
    assert last[:-1] == best[:-1]
    assert last[-1].signals["val_loss"] > best[-1].signals["val_loss"] == min(r.signals["val_loss"] for r in last)
    assert "best_step" not in last[-1].signals


class Breaks(nn.Module):
    """Gives nan as soon as its weights have moved by some distance."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) / (self.layer.weight.norm() < 2.1)


def test_good_weights_that_were_kept_do_not_hide_that_a_member_broke(few: Lab) -> None:
    """Broken by the last update or by one before, it is the same: diverged, with the numbers that show it."""
    steps = few.train(members(1e-2), Breaks)[0][-1].step
    for total in (steps, steps + 1):
        records = few.train(members(1e-2, 1e-7), Breaks, keep="best", steps=total)
        assert records[1][-1].state == "complete"
        lines = records[0]
        last = lines[-1]
        assert last.state == "diverged"
        named = "train_loss" if total == steps else "grad_norm" if "gradient" in last.reason else "batch_loss"
        assert not math.isfinite(last.signals[named])


def test_a_nan_is_never_the_lowest_loss_and_costs_patience() -> None:
    rows = Rows(torch.zeros(2, 3), torch.zeros(2, 3), {"seen": torch.zeros(2, dtype=torch.int64)})
    lowest = Lowest(2, patience=2, weights=True)
    curves = [(5.0, math.nan), (math.nan, 4.0), (math.nan, 3.0), (4.0, math.inf)]
    patience = []
    for step, losses in enumerate(curves):
        rows.params.fill_(step)
        rows.buffers["seen"].fill_(step)
        loss = torch.tensor(losses, dtype=torch.float64)
        lowest.see(step, {"val_loss": loss, "train_loss": 10 + loss}, rows)
        patience.append(lowest.out_of_patience())
    assert patience == [[False, False], [False, False], [True, False], [False, False]]
    assert lowest.step.tolist() == [3, 2]
    lowest.bring_back(rows, torch.tensor([1]))
    assert rows.params.tolist() == [[3.0] * 3, [2.0] * 3]
    assert rows.buffers["seen"].tolist() == [3, 2]
    assert lowest.scores()["train_loss"].tolist() == [14.0, 13.0]


SETS = (
    "training.steps=60",
    "training.eval_every=2",
    "training.early_stopping=3",
    "training.keep=best",
    "training.strategy=vectorized",
    "model.hidden=[17]",
    "optimizer.lr=0.3",
)


def test_a_baseline_stops_early_resumes_and_leaves_the_kept_weights_of_all_seeds(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after somebody has stopped, it still ends with the numbers and the checkpoint of an unbroken run."""
    monkeypatch.setattr(populations, "CHECKPOINT_EVERY_S", 0.0)
    unbroken = run_baseline(BaselineRequest(recipe="digits-mlp", sets=SETS, runs_dir=runs_dir / "u"), lambda _: None)
    ends = sorted(row.step for row in unbroken.seeds)
    assert ends[0] < ends[-1], "one seed must stop before another"
    assert unbroken.metrics["test_loss"].n == 3

    def stop(progress: object) -> None:
        if progress.step > ends[0]:  # type: ignore[attr-defined]
            raise InterruptedError

    again = BaselineRequest(recipe="digits-mlp", sets=SETS, runs_dir=runs_dir)
    with pytest.raises(InterruptedError):
        run_baseline(again, stop)
    continued = run_baseline(again, lambda _: None)
    assert continued.resumed
    assert continued.metrics == unbroken.metrics
    one, other = (load_file(result.run_dir / CHECKPOINT) for result in (continued, unbroken))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert len(one["params"]) == 3
    assert one["params"].norm(dim=1).tolist() == pytest.approx(
        [read_run(continued.run_dir).records[n][-1].signals["param_norm"] for n in range(3)]
    )


def test_a_sweep_compares_what_its_members_keep(runs_dir: Path) -> None:
    sets = (*SETS, "optimizer.lr=0.01")
    request = SweepRequest(
        recipe="digits-mlp", sets=sets, runs_dir=runs_dir, knobs=("lr",), values=(0.01, 0.3), confirm=False
    )
    found = run_sweep(request, lambda _: None)
    lines = [json.loads(line) for line in (found.run_dir / "metrics.jsonl").read_text().splitlines()]
    for trial in found.trials:
        assert trial.state == "complete"
    lowest: dict[int, float] = {}
    for line in lines:
        lowest[line["member"]] = min(lowest.get(line["member"], math.inf), line["val_loss"])
    last = {line["member"]: line["val_loss"] for line in lines if line["state"] == "complete"}
    assert last == pytest.approx(lowest)
    assert any("stopped early" in line.get("reason", "") for line in lines)
    assert not any("test_loss" in line for line in lines)
