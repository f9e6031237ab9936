"""Run directories: counted up, never overwritten, owned by one process at a time."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adamtune.errors import RunError
from adamtune.runs.directory import make_run_dir, newest_run, runs_of
from adamtune.runs.jsonfile import read_json, write_json
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import read_run
from adamtune.runs.record import Record
from adamtune.runs.writer import RunWriter


def test_runs_count_up_whatever_their_command(tmp_path: Path) -> None:
    names = [
        make_run_dir(tmp_path / "digits", *words).name for words in [("baseline",), ("sweep", "lr"), ("baseline",)]
    ]
    assert names == ["001-baseline", "002-sweep-lr", "003-baseline"]
    assert [path.name for path in runs_of(tmp_path / "digits")] == names[::-1]


def test_numbers_go_on_past_999(tmp_path: Path) -> None:
    (tmp_path / "999-baseline").mkdir()
    assert make_run_dir(tmp_path, "baseline").name == "1000-baseline"
    assert runs_of(tmp_path)[0].name == "1000-baseline"


def test_runs_that_start_at_once_get_numbers_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda n: make_run_dir(tmp_path, "sweep" if n % 2 else "baseline"), range(24)))
    assert len({path.name[:3] for path in paths}) == 24


def test_a_run_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    path = make_run_dir(tmp_path, "baseline")
    writer = RunWriter(path)
    program = f"from pathlib import Path; from adamtune.runs.writer import RunWriter; RunWriter(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "another process is at work" in done.stderr
    writer.close()
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0


def test_the_newest_run_is_the_one_that_started_last(tmp_path: Path) -> None:
    for recipe, started in [("a", "2026-01-02"), ("b", "2026-01-03"), ("a", "2026-01-01")]:
        write_json(make_run_dir(tmp_path / recipe, "baseline") / "manifest.json", {"started": started})
    newest = newest_run(tmp_path)
    assert newest is not None
    assert newest.parent.name == "b"
    assert newest_run(tmp_path, {"sweep"}) is None
    assert newest_run(tmp_path / "nowhere") is None


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    writer = RunWriter(make_run_dir(tmp_path / "x", "baseline"))
    members = [MemberEntry(0, 3, {"optimizer.lr": 0.1}, 7, "search"), MemberEntry(1, 4)]
    writer.note(command="baseline", total_steps=12)
    writer.declare(members)
    writer.declare(members)
    writer.append([Record(1, 0, 0.0), Record(0, 0, 0.0)])
    run = read_run(writer.path)
    assert run.members == tuple(members)
    assert (run.command, run.total_steps, run.finished, list(run.records)) == ("baseline", 12, False, [0, 1])
    writer.finish()
    writer.close()
    assert read_run(writer.path).finished


def test_a_folder_with_nothing_but_lines_is_a_run(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "member": 2, "val_loss": 1}\n')
    run = read_run(tmp_path)
    assert [member.number for member in run.members] == [2]
    assert run.recipe is None


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="run directory"):
        read_run(tmp_path / name)


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(RunError, match="not valid JSON"):
        read_run(tmp_path)


def test_a_json_file_is_replaced_in_one_piece(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_json(path, {"loss": float("inf")})
    assert read_json(path) == {"loss": "inf"}
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]
