"""`adamtune diagnose`: any folder with a metrics.jsonl will do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from adamtune.cli.app import run

Shown = pytest.CaptureFixture[str]


def write_run(path: Path, losses: list[float], started: str = "2026-01-01T00:00:00") -> Path:
    """A run of another program: lines of metrics and hardly anything else."""
    path.mkdir(parents=True)
    lines = [
        {"format": 1, "member": 0, "step": 10 * i, "epoch": i, "state": "running", "train_loss": v, "val_loss": v}
        for i, v in enumerate(losses)
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (path / "manifest.json").write_text(json.dumps({"command": "baseline", "started": started}))
    return path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two recipes; the newest run of all is the first run of the second."""
    write_run(tmp_path / "a" / "001-baseline", [2.3, 1.0, 0.5], "2026-01-01T00:00:00")
    write_run(tmp_path / "a" / "002-baseline", [2.3, 0.9, 0.4], "2026-01-02T00:00:00")
    write_run(tmp_path / "b" / "001-baseline", [2.3, 0.8, 0.3], "2026-01-03T00:00:00")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (["{runs}/a/001-baseline"], "a/001-baseline"),
        (["{runs}/a"], "a/002-baseline"),
        (["{runs}"], "b/001-baseline"),
        (["--runs-dir", "{runs}"], "b/001-baseline"),
    ],
)
def test_run_is_found_and_named(words: list[str], chosen: str, runs: Path, capsys: Shown) -> None:
    assert run(["diagnose", *(word.format(runs=runs) for word in words), "--json"]) == 0
    shown = capsys.readouterr()
    answer = json.loads(shown.out)
    assert answer["run_dir"] == str(runs / chosen)
    assert ("the newest run is" in shown.err) == ("001-baseline" not in words[0])


def test_diagnosis_is_kept_in_the_run(runs: Path, capsys: Shown) -> None:
    path = runs / "b" / "001-baseline"
    assert run(["diagnose", str(path)]) == 0
    assert str(path) in capsys.readouterr().out
    kept = json.loads((path / "diagnosis.json").read_text())
    assert {"verdict", "findings", "members"} <= set(kept)


def test_run_that_cannot_be_written_to_is_still_diagnosed(
    runs: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("adamtune.runs.jsonfile.write_json", refuse)
    assert run(["diagnose", str(runs / "a" / "001-baseline")]) == 0
    assert "was not written (Permission denied)" in capsys.readouterr().err


def test_empty_runs_folder_says_where_to_begin(tmp_path: Path, capsys: Shown) -> None:
    assert run(["diagnose", "--runs-dir", str(tmp_path)]) == 2
    assert "run: adamtune baseline" in capsys.readouterr().err


def test_options_about_training_are_not_silently_ignored(runs: Path, capsys: Shown) -> None:
    assert run(["diagnose", str(runs / "a" / "001-baseline"), "--set", "optimizer.lr=1"]) == 0
    assert "--set changes nothing here" in capsys.readouterr().err


def test_diagnosing_imports_neither_torch_nor_optuna(runs: Path) -> None:
    """A diagnosis takes a moment, on any machine."""
    code = (
        "import sys; from adamtune.cli.app import run; "
        f"assert run(['diagnose', {str(runs / 'a' / '001-baseline')!r}]) == 0; "
        "sys.exit(', '.join({'torch', 'optuna'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
