"""The public format of a run's lines, and what survives a kill."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamtune.errors import RunError
from adamtune.runs.metrics import MetricsFile, MetricsReader, from_line, read_metrics, to_line
from adamtune.runs.record import SIGNALS, STATES, Record

records = st.builds(
    Record,
    member=st.integers(0, 10_000),
    step=st.integers(0, 10**9),
    epoch=st.floats(0, 1e6),
    state=st.sampled_from(STATES),
    signals=st.dictionaries(st.sampled_from(sorted(SIGNALS)), st.floats(allow_nan=False)),
    reason=st.text(max_size=30),
)


@given(records)
def test_a_record_comes_back_from_its_line(record: Record) -> None:
    assert from_line(to_line(record)) == record


@given(records)
def test_a_line_is_strict_json(record: Record) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    assert json.loads(to_line(record), parse_constant=refuse)["member"] == record.member


def test_nan_comes_back_as_nan() -> None:
    line = to_line(Record(0, 1, 0.5, signals={"val_loss": math.nan}))
    assert '"nan"' in line
    assert math.isnan(from_line(line).signals["val_loss"])


def test_lines_of_other_programs_are_read(tmp_path: Path) -> None:
    """Python's json writes NaN bare, and a foreign loop may log words or numbers of its own."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "val_loss": NaN, "host": "a", "speed": 3.5}\n{"step": 2, "val_loss": 0.5}')
    (first, second) = read_metrics(path)[0]
    assert math.isnan(first.signals["val_loss"])
    assert first.signals["speed"] == 3.5
    assert second.signals["val_loss"] == 0.5


@given(cut=st.integers(1, 60))
def test_a_last_line_that_was_cut_short_loses_nothing_else(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    lines = [to_line(Record(0, step, step / 10, signals={"val_loss": 1.0})) for step in range(3)]
    path.write_text("".join(lines)[:-cut])
    kept = read_metrics(path)[0]
    assert [record.step for record in kept][:2] == [0, 1]
    file = MetricsFile(path)
    file.append([Record(0, 2, 0.2)])
    file.close()
    assert [record.step for record in read_metrics(path)[0]] == [0, 1, 2]


def test_where_a_continued_run_wrote_a_step_again_the_later_line_counts(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path / "metrics.jsonl")
    file.append([Record(0, 0, 0.0), Record(0, 5, 0.5, signals={"lr": 1.0}), Record(0, 5, 0.5, signals={"lr": 2.0})])
    file.close()
    assert [(r.step, r.signals.get("lr")) for r in read_metrics(tmp_path / "metrics.jsonl")[0]] == [(0, None), (5, 2.0)]


@given(lines=st.lists(records, max_size=6), cuts=st.lists(st.integers(0, 2000), max_size=4))
def test_a_file_read_while_it_grows_comes_out_as_when_it_is_whole(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Record], cuts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    data = "".join(map(to_line, lines)).encode()
    reader = MetricsReader(path)
    assert reader.read() == {}
    for cut in [*sorted(cuts), len(data)]:
        path.write_bytes(data[:cut])
        seen = reader.read()
        assert seen == read_metrics(path)
    assert sum(map(len, seen.values())) == len({(record.member, record.step) for record in lines})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1, 2]", "one JSON object a line"),
        ('{"v": 9, "step": 1}', "format version 9"),
        ('{"loss": 1}', "no integer step"),
        ('{"step": true}', "no integer step"),
        ('{"step": 1.5}', "no integer step"),
        ('{"step": Infinity}', "no integer step"),
        ('{"step": 1, "member": "a"}', "no integer member"),
        ("[" * 100_000, "nested too deeply"),
        ('{"step": 1, "state": "done"}', "state 'done'"),
        ("{", "cannot read"),
    ],
)
def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 0}}\n{line}\n{{"step": 2}}\n')
    with pytest.raises(RunError, match=words) as caught:
        read_metrics(path)
    assert caught.value.problems[0].where == f"{path}:2"


def test_a_process_killed_while_writing_leaves_every_finished_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    program = (
        "import sys, pathlib\n"
        "from adamtune.runs.metrics import MetricsFile\n"
        "from adamtune.runs.record import Record\n"
        "file = MetricsFile(pathlib.Path(sys.argv[1]))\n"
        "for step in range(10**9):\n"
        "    file.append([Record(m, step, 0.0, signals={'val_loss': 1.0}) for m in range(50)])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(path)])
    deadline = time.monotonic() + 30
    while (not path.exists() or path.stat().st_size < 100_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    found = read_metrics(path)
    assert len(found) == 50
    lengths = {len(lines) for lines in found.values()}
    assert max(lengths) - min(lengths) <= 1
    assert min(lengths) > 5


def test_what_loggers_commonly_write_otherwise_is_taken(tmp_path: Path) -> None:
    """Null for what is missing, whole floats for steps, numbers too large for a float, a byte order mark."""
    path = tmp_path / "metrics.jsonl"
    huge = "9" * 400
    path.write_text(
        f'\ufeff{{"step": 100.0, "member": null, "epoch": null, "val_loss": null, "train_loss": {huge}}}\n',
        encoding="utf-8",
    )
    (record,) = read_metrics(path)[0]
    assert (record.step, record.signals) == (100, {"train_loss": math.inf})
    assert math.isnan(record.epoch)


@pytest.mark.parametrize("members", ["5", "[1, 2]", '[{"seed": 1}]', '[{"member": "x"}]'])
def test_members_that_cannot_be_read_are_named(tmp_path: Path, members: str) -> None:
    from adamtune.runs.reader import read_run

    (tmp_path / "manifest.json").write_text(f'{{"members": {members}}}')
    with pytest.raises(RunError, match="cannot read members"):
        read_run(tmp_path)
