"""Remedies raced through the real command: a sick run, a healthy one, data that no setting mends, a foreign log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import answer

from adamtune.cli.app import run
from adamtune.cli.commands.diagnose import choose_run

Shown = pytest.CaptureFixture[str]

QUICK = ["--set", "training.epochs=6", "--set", "model.hidden=[16]", "--set", "training.seeds=2",
         "--set", "training.strategy=vectorized"]  # fmt: skip


@pytest.fixture(scope="module")
def exploded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Digits at an lr of 10, and its remedies."""
    folder = tmp_path_factory.mktemp("exploded")
    answer("baseline", "digits-mlp", *QUICK, "--set", "optimizer.lr=10", cwd=folder, check=4)
    return folder, answer("remedy", "runs/digits-mlp", cwd=folder)


def test_an_exploded_run_is_cured_and_its_cure_is_adopted(exploded: tuple[Path, dict[str, Any]]) -> None:
    folder, found = exploded
    assert found["verdict"] in {"loss-explosion", "nan-diverged"}
    best = found["candidates"][0]
    assert best["cured"]
    assert best["verdict"] == "healthy"
    assert best["cost"] == 1
    assert best["set"] == found["winner"]
    assert found["winner"]["optimizer.lr"] < 0.1
    assert found["decision"] == "accepted"
    assert found["tuned_recipe"] == "runs/digits-mlp/tuned.yaml"
    tuned = (folder / found["tuned_recipe"]).read_text()
    assert f"lr: {found['winner']['optimizer.lr']}" in tuned
    assert (folder / found["run_dir"] / "tuned.yaml").read_text() == tuned


def test_each_candidate_is_another_change_and_the_sick_recipe_runs_beside_them(
    exploded: tuple[Path, dict[str, Any]],
) -> None:
    folder, found = exploded
    sets = [json.dumps(row["set"], sort_keys=True) for row in found["candidates"]]
    assert len(set(sets)) == len(sets) <= 16
    assert any(len(row["set"]) == 2 for row in found["candidates"]), "pairs too"
    assert found["reference"]["set"] == {}
    assert found["reference"]["verdict"] == found["verdict"]
    lost = [row for row in found["candidates"] if row["n_diverged"]]
    assert lost
    assert not any(row["cured"] or row["helped"] for row in lost)
    members = json.loads((folder / found["run_dir"] / "manifest.json").read_text())["members"]
    assert len(members) == found["n_members"]
    assert [m["seed"] for m in members if m["role"] == "baseline"] == [0, 1]
    assert all(m["seed"] >= 10_000 for m in members if m["role"] == "confirm")


def test_a_folder_means_its_newest_run_but_never_a_race(exploded: tuple[Path, dict[str, Any]]) -> None:
    folder, found = exploded
    assert found["source"] == "runs/digits-mlp/001-baseline"
    newest = choose_run(folder / "runs/digits-mlp", folder / "runs", but=("remedy",))
    assert newest == folder / "runs/digits-mlp/001-baseline"
    assert choose_run(folder / "runs/digits-mlp", folder / "runs").name == "002-remedy"


def test_a_healthy_run_is_left_alone(tmp_path: Path, capsys: Shown) -> None:
    where = ["--runs-dir", str(tmp_path), "-q"]
    assert run(["baseline", "digits-mlp", *QUICK, "--set", "optimizer.lr=3e-3", *where]) == 0
    capsys.readouterr()
    assert run(["remedy", str(tmp_path / "digits-mlp"), *where, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["decision"], found["candidates"], found["winner"]) == ("healthy", [], None)
    assert found["run_dir"] is found["tuned_recipe"] is None
    assert [path.name for path in (tmp_path / "digits-mlp").glob("0*")] == ["001-baseline"]


def test_data_that_no_setting_mends_are_not_raced(tmp_path: Path, capsys: Shown) -> None:
    rows = [f"{n % 7},{n % 5},{n % 2}" for n in range(60)]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,label", *rows, "inf,1,0"]))
    (tmp_path / "table.yaml").write_text(
        "name: table\ntask: classification\ndata: {file: table.csv, target: label}\n"
        "model: {kind: mlp, hidden: [4]}\ntraining: {steps: 10, seeds: 2}\n"
    )
    where = ["--runs-dir", str(tmp_path / "runs"), "-q"]
    assert run(["baseline", str(tmp_path / "table.yaml"), *where]) == 4
    capsys.readouterr()
    assert run(["remedy", str(tmp_path / "runs/table"), *where]) == 4
    shown = capsys.readouterr().out
    assert "data-nonfinite: the data must be mended by hand" in shown
    assert "row 60" in shown.replace("\n", " ")
    assert [path.name for path in (tmp_path / "runs/table").glob("0*")] == ["001-baseline"]


def test_a_run_without_a_recipe_is_refused_in_one_message(tmp_path: Path, capsys: Shown) -> None:
    log = tmp_path / "mine"
    log.mkdir()
    (log / "metrics.jsonl").write_text('{"format": 1, "member": 0, "step": 0, "epoch": 0, "train_loss": 2.3}\n')
    assert run(["remedy", str(log)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {log}: this run has no recipe.yaml")
    assert said.endswith(f"run: adamtune diagnose {log}\n")
