"""The whole workflow where it is interrupted, and what it leaves alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adamtune.runs.jsonfile import read_json
from adamtune.training.progress import Progress
from adamtune.tuning.remedies.candidates import MOST
from adamtune.tuning.whole import tune
from adamtune.tuning.whole.cure import LEAST, how_many
from adamtune.tuning.whole.tune import run_tune
from adamtune.tuning.whole.tune_results import TuneRequest, TuneResult

SETS = ("training.steps=40", "model.hidden=[9]", "training.seeds=2", "training.strategy=vectorized", "optimizer.lr=1e6")


class StoppedError(Exception):
    """Stands for whatever ends a process in the middle."""


class StopIn:
    """Ends the work in the middle of a stage, and remembers the stages that it saw."""

    def __init__(self, stage: str = "") -> None:
        self.stage, self.seen = stage, list[str]()

    def __call__(self, progress: Progress) -> None:
        self.seen.append(progress.stage)
        # At this lr the baseline is lost before its first evaluation.
        if progress.stage == self.stage and progress.step >= (0 if self.stage == "baseline" else 10):
            raise StoppedError


def tuned(runs_dir: Path, listen: StopIn) -> TuneResult:
    request = TuneRequest(recipe="breast-cancer-mlp", sets=SETS, trials=1, runs_dir=runs_dir)
    return run_tune(request, listen)


@pytest.fixture(autouse=True)
def _no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a budget nothing hangs on it."""
    monkeypatch.setattr(tune, "seconds_per_member", lambda _: 0.1)


def told(found: TuneResult) -> list[tuple[str, str, str, Mapping[str, Any]]]:
    """What came of each stage; times differ."""
    return [(row.name, row.state, row.words, row.changes) for row in found.stages]


def members(found: TuneResult) -> list[Mapping[str, Any]]:
    """All that a run trained, as its manifest has them."""
    assert found.run_dir is not None
    return list(read_json(found.run_dir / "manifest.json")["members"])


def test_stopped_in_any_stage_it_goes_on_there_and_comes_to_the_same(runs_dir: Path) -> None:
    """Interrupted four times on its way; no stage that was finished is seen again."""
    unbroken = tuned(runs_dir / "unbroken", StopIn())
    assert [row.name for row in unbroken.stages] == ["check", "baseline", "remedies", "lr", "confirmation"]
    finished: set[str] = set()
    for stage in ("baseline", "remedies", "lr", "fresh seeds"):
        watch = StopIn(stage)
        with pytest.raises(StoppedError):
            tuned(runs_dir, watch)
        assert not finished & set(watch.seen)
        finished |= set(watch.seen) - {stage}
    watch = StopIn()
    found = tuned(runs_dir, watch)
    assert found.resumed
    assert set(watch.seen) == {"fresh seeds"}
    assert told(found) == told(unbroken)
    assert (found.changes, found.decision, found.improvement) == (
        unbroken.changes,
        unbroken.decision,
        unbroken.improvement,
    )
    assert repr(found.entrants) == repr(unbroken.entrants)
    assert members(found) == members(unbroken), "nobody is trained twice"
    assert sum(member["role"] == "remedy" for member in members(found)) == 2 * LEAST, "as many as --trials leaves"
    assert sorted(path.name for path in (runs_dir / "breast-cancer-mlp").glob("0*")) == [
        "001-tune",
        "002-check",
        "003-sweep-lr",
    ]


def test_what_is_kept_leaves_the_best_so_far_alone(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier best stays, although a sweep on the way was accepted and the whole was not."""
    monkeypatch.setattr(tune, "MIN_GAIN", math.inf)
    best = runs_dir / "breast-cancer-mlp" / "tuned.yaml"
    best.parent.mkdir(parents=True)
    best.write_text("# an earlier one")
    request = TuneRequest(
        recipe="breast-cancer-mlp", sets=(*SETS[:-1], "optimizer.lr=1e-5"), trials=1, runs_dir=runs_dir
    )
    found = run_tune(request, lambda _: None)
    assert next(row for row in found.stages if row.name == "lr").state == "accepted"
    assert found.decision == "kept"
    assert found.changes == {}
    assert found.best["optimizer"]["lr"] == 1e-5
    assert best.read_text() == "# an earlier one"


def test_data_that_no_setting_mends_are_not_raced(runs_dir: Path, tmp_path: Path) -> None:
    """With rows that train and val share, whatever learns them by heart would win."""
    rows = [f"{n * 37 % 101},{n * 53 % 97},{int(n * 37 % 101 > 50)}" for n in range(60)]
    (tmp_path / "twice.csv").write_text("\n".join(["a,b,label", *rows, *rows[::2]]))
    recipe = tmp_path / "twice.yaml"
    recipe.write_text(
        "name: twice\ntask: classification\ndata: {file: twice.csv, target: label}\nmodel: {kind: mlp, hidden: [5]}\n"
        "training: {steps: 20, seeds: 2}\n"
    )
    with pytest.raises(StoppedError):
        run_tune(TuneRequest(recipe=str(recipe), trials=1, runs_dir=runs_dir), StopIn("lr"))
    folder = runs_dir / "twice" / "001-tune"
    row = read_json(folder / "stages.json")["stages"][-1]
    assert (row["name"], row["state"], row["changes"]) == ("remedies", "skipped", {})
    assert row["words"] == "train-val-leak: the data must be mended by hand, no setting does it"
    assert {member["role"] for member in read_json(folder / "manifest.json")["members"]} == {"baseline"}


@pytest.mark.parametrize(
    ("left_s", "trials", "most"),
    [(math.inf, None, MOST), (100.0, None, 12), (100.0, 5, 5), (9.0, None, LEAST), (-1.0, 40, LEAST), (math.inf, 1, 2)],
)
def test_as_many_remedies_are_raced_as_half_of_the_time_suffices_for(
    left_s: float, trials: int | None, most: int
) -> None:
    assert how_many(left_s, 4.0, trials) == most
