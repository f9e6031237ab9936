"""`adamtune lr-range` as it is typed."""

from __future__ import annotations

from pathlib import Path

from commands import adamtune, answer

from adamtune.tuning.start import start_from


def test_digits_start_are_best_and_break_where_they_do(tmp_path: Path) -> None:
    """The marks of the real recipe, and a run that a sweep can start from."""
    words = ("--points", "9", "--steps", "60", "--set", "model.hidden=[17]", "-q")
    found = answer("lr-range", "digits-mlp", *words, cwd=tmp_path)
    marks = found["marks"]
    assert 1e-5 < marks["starts"] <= marks["fastest"] <= marks["best"] < marks["breaks"] <= 1
    assert 1e-3 <= marks["suggested"] <= 0.1
    assert len(found["points"]) == 9
    assert found["points"][0]["loss"] == sorted(found["points"][0]["losses"])[1]
    assert found["points"][-1]["n_diverged"] >= 0
    assert found["next_command"] == (
        f"adamtune sweep {found['run_dir']} --knob lr --set optimizer.lr={marks['suggested']:g}"
    )
    go_on = start_from(str(tmp_path / found["run_dir"]), [f"optimizer.lr={marks['suggested']:g}"], None).loaded.recipe
    assert (go_on.optimizer.lr, go_on.model.options["hidden"]) == (marks["suggested"], [17])


def test_range_in_which_everything_breaks_exits_with_4(tmp_path: Path) -> None:
    words = ("--low", "20", "--high", "100", "--points", "5", "--steps", "60", "--set", "training.seeds=2", "-q")
    done = adamtune("lr-range", "diabetes-mlp", *words, cwd=tmp_path, check=4)
    assert "no learning rate with which every seed learns" in done.stdout
    assert "next: adamtune diagnose runs/diabetes-mlp/001-lrrange" in done.stdout
    assert "so there is none to start from" in done.stderr
