"""Optimizers side by side: an interrupted comparison, its rows, and what it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from adamtune.errors import UsageError
from adamtune.report.compare import compare_payload
from adamtune.training.progress import Progress
from adamtune.tuning.compare import COMPARED, CompareRequest, CompareResult, check_names, run_compare
from adamtune.tuning.start import start_from

SETS = ("training.steps=40", "model.hidden=[9]", "training.seeds=2", "training.strategy=vectorized")


class StoppedError(Exception):
    """Stands for whatever ends a process in the middle."""


class Watch:
    """Remembers the populations that begin; ends the work when the second sweep begins, if it is to."""

    def __init__(self, *, stop: bool = False) -> None:
        self.stop, self.began = stop, list[str]()

    def __call__(self, progress: Progress) -> None:
        if progress.step == 0:
            self.began.append(progress.stage)
        if self.stop and self.began.count("lr") == 2:
            raise StoppedError


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CompareResult, Watch]:
    """A comparison that was stopped in its second sweep, and continued."""
    runs_dir = tmp_path_factory.mktemp("compare")
    request = CompareRequest(recipe="digits-mlp", sets=SETS, runs_dir=runs_dir, optimizers=("adamw", "sgd"))
    with pytest.raises(StoppedError):
        run_compare(request, Watch(stop=True))
    watch = Watch()
    return runs_dir / "digits-mlp", run_compare(request, watch), watch


def test_an_interrupted_comparison_makes_no_finished_sweep_again(work: tuple[Path, CompareResult, Watch]) -> None:
    folder, found, watch = work
    assert found.resumed
    assert watch.began.count("lr") == 1
    assert watch.began[-1] == "fresh seeds"
    assert sorted(path.name for path in folder.glob("0*")) == ["001-compare", "002-sweep-lr", "003-sweep-lr"]


def test_each_optimizer_has_its_own_lr_and_all_have_the_same_fresh_seeds(
    work: tuple[Path, CompareResult, Watch],
) -> None:
    _, found, _ = work
    rows = {row.optimizer: row for row in found.rows}
    assert rows.keys() == {"adamw", "sgd"}
    assert {row.val.n for row in found.rows} == {COMPARED} == {row.test.n for row in found.rows if row.test}
    assert rows["sgd"].lr > rows["adamw"].lr
    assert rows["adamw"].improvement is None
    paired = rows["sgd"].improvement
    assert paired is not None
    assert paired.mean == pytest.approx(rows["adamw"].val.mean - rows["sgd"].val.mean)
    assert min(paired.seeds) >= 30_000
    assert found.rows[0].val.mean < found.rows[1].val.mean
    assert compare_payload(found)["rows"][0]["optimizer"] == found.rows[0].optimizer


def test_the_recipe_that_comes_out_is_the_winner_s_and_sweeps_on_the_way_set_no_best_so_far(
    work: tuple[Path, CompareResult, Watch],
) -> None:
    folder, found, _ = work
    optimizer = start_from(str(found.tuned_recipe), (), None).loaded.recipe.optimizer
    winner = next(row for row in found.rows if row.optimizer == found.winner)
    assert optimizer.name == found.winner
    assert optimizer.lr == winner.lr
    assert (folder / "tuned.yaml").exists() == (found.decision == "accepted")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("adamw", "sdg"), "there is no optimizer 'sdg'"),
        (("adamw",), "one optimizer, and nothing to compare it with"),
        (("sgd", "adamw", "sgd"), "sgd stands there twice"),
        ((), "no optimizer is named"),
    ],
)
def test_names_that_make_no_comparison_are_refused(names: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_names(names)
    assert caught.value.problems[0].what == says
    assert caught.value.problems[0].expected
