"""What becomes of adamtune where there is much of something: members, evaluations, or weights.

Run: python tests/bench/growth.py [--repeat 3] [--only memory evaluations weights alone] [--device cuda] [--json FILE]

- memory: a sweep of 256 networks of 85,000 parameters, as a command of its own, without a limit and with `--memory
  100MB`. Counted are the high-water marks of resident memory of the command and of its workers, less those of the same
  command with one value of lr and one seed, which are torch and the data; and the results, which must be the same.
- evaluations: 1,000 in one run of 2,000 steps, against the peer of `peer.py` with as many evaluations.
- weights: four networks of ten million parameters, one process and all threads, against the same peer.
- alone: a single short training, where there is nothing to share, one thread, against the same peer.

Of the last three everything counts but imports and the reading of data, which the peer has done before too: choosing a
strategy, Optuna, logs, checkpoints, the diagnosis at the end. The peer has a process of its own, as whoever writes the
loop has. Repetitions are interleaved. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from peer import Work, load, peer_study, peers

from adamtune.tuning.memory import parse_size

VALUES = [1e-5 * 10 ** (n / 20) for n in range(64)]
MANY = ("model.hidden=[256,256]", "training.epochs=null", "training.steps=40", "training.eval_every=20")
LIMIT = "100MB"


def _steps(n: int, each: int) -> tuple[str, ...]:
    return "training.epochs=null", f"training.steps={n}", f"training.eval_every={each}"


OFTEN = _steps(2000, 2)
LARGE = ("model.hidden=[2240,2240,2240]", *_steps(100, 50))
ALONE = {
    "mlp, 10 k": Work("digits-mlp", ("model.hidden=[128]", *_steps(340, 17)), seeds=1),
    "mlp, 85 k": Work("digits-mlp", ("model.hidden=[256,256]", *_steps(340, 17)), seeds=1),
    "cnn": Work("digits-cnn", ("model.channels=[16,32]", "model.norm=none", *_steps(85, 4)), seeds=1),
    "gru": Work("pixels-gru", ("model.hidden=32", *_steps(17, 1)), seeds=1),
    "transformer": Work("topics-transformer", _steps(40, 40), seeds=1),
}
LRS = [3e-4, 1e-4, 1e-3, 3e-3]  # the recipe's own first: a sweep tries it anyway
HEADS = {
    "memory": ("members at once", "memory, MB", "limit, MB", "wall, s", "largest relative difference"),
    "evaluations": ("times the peer's speed", "ours, s", "peer, s", "metrics.jsonl, MB", "strategy"),
    "weights": ("times the peer's speed", "ours, s", "peer, s", "metrics.jsonl, MB", "strategy"),
    "alone": ("times the peer's speed", "ours, s", "peer, s", "metrics.jsonl, MB", "strategy"),
}


def memory(_: int, __: str) -> list[dict[str, Any]]:
    """Peak memory and results with and without a limit, by one process and by two."""
    rows = []
    for workers in (1, 2):
        least, _, _ = _command(VALUES[:1], 1, workers, "")
        whole, wall_s, wanted = _command(VALUES, 4, workers, "")
        parted, parted_s, found = _command(VALUES, 4, workers, LIMIT)
        apart = max(abs(found[value] / wanted[value] - 1) for value in wanted)
        named = "one process" if workers == 1 else f"{workers} workers"
        rows.append(_memory_row(f"all, {named}", whole - least, None, wall_s, 0.0))
        rows.append(_memory_row(f"what fits, {named}", parted - least, parse_size(LIMIT), parted_s, apart))
    return rows


def _memory_row(name: str, peak: int, limit: int | None, wall_s: float, apart: float) -> dict[str, Any]:
    return dict(zip(HEADS["memory"], (name, peak / 1e6, limit and limit / 1e6, wall_s, apart), strict=True))


def _command(values: Sequence[float], seeds: int, workers: int, limit: str) -> tuple[int, float, dict[float, float]]:
    """Peak of resident memory in bytes, seconds, and the mean validation loss by value of lr."""
    words = ["sweep", "digits-mlp", "--knob", "lr", "--values", ",".join(map(str, values)), "--no-prune"]
    words += [word for setting in (*MANY, f"training.seeds={seeds}") for word in ("--set", setting)]
    words += ["--no-confirm", "--json", "-q", "--workers", str(workers), *(["--memory", limit] if limit else [])]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as answer:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "adamtune", *words, "--runs-dir", folder], stdout=answer, stderr=subprocess.DEVNULL
        )
        peaks: dict[int, int] = {}
        while process.poll() is None:
            for pid in (process.pid, *_children(process.pid)):
                peaks[pid] = max(peaks.get(pid, 0), _peak(pid))
            time.sleep(0.01)
        wall_s = time.perf_counter() - began
        answer.seek(0)
        trials = json.load(answer)["trials"]
    return sum(peaks.values()), wall_s, {trial["value"]: trial["val_loss"]["mean"] for trial in trials}


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _peak(pid: int) -> int:
    """High-water mark of a process's resident memory, in bytes; 0 where it has gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def evaluations(repeat: int, device: str) -> list[dict[str, Any]]:
    """A run that is evaluated a thousand times, on one thread."""
    return [_against_peer(Work("digits-mlp", OFTEN, seeds=1).on(device), LRS[:n], 1, repeat) for n in (1, 4)]


def weights(repeat: int, device: str) -> list[dict[str, Any]]:
    """Large networks, on all threads."""
    return [_against_peer(Work("digits-mlp", LARGE, seeds=1).on(device), LRS, os.cpu_count() or 1, repeat)]


def alone(repeat: int, device: str) -> list[dict[str, Any]]:
    """One network of each kind."""
    found = {name: _against_peer(work.on(device), LRS[:1], 1, repeat) for name, work in ALONE.items()}
    return [row | {"members": f"1 ({name})"} for name, row in found.items()]


def _against_peer(work: Work, lrs: Sequence[float], threads: int, repeat: int) -> dict[str, Any]:
    import torch

    torch.set_num_threads(threads)
    ours, theirs, size, strategy = [], [], 0, ""
    _sweep(work, lrs[:1], short=True)
    with peers(work, 1, threads) as pipes, _read_before(work):
        for _ in range(repeat):
            began = time.perf_counter()
            size, strategy = _sweep(work, lrs, short=False)
            ours.append(time.perf_counter() - began)
            theirs.append(peer_study([(lr, 0) for lr in lrs], pipes)[0])
    ratios = [peer_s / our_s for peer_s, our_s in zip(theirs, ours, strict=True)]
    shown = statistics.median(ratios), statistics.median(ours), statistics.median(theirs), size / 1e6, strategy
    return dict(zip(HEADS["weights"], shown, strict=True)) | {"members": len(lrs), "ratios": ratios}


@contextmanager
def _read_before(work: Work) -> Iterator[None]:
    """Within it a sweep of this work finds its data in memory, as every trial of the peer's does."""
    from adamtune.tuning.sweeps import sweep

    _, data, _ = load(work)
    with patch.object(sweep, "load_work", lambda *_, **__: data):
        yield


def _sweep(work: Work, lrs: Sequence[float], *, short: bool) -> tuple[int, str]:
    """Size of the metrics, and how they came about; a short one only imports what is needed."""
    from adamtune.tuning.requests import SweepRequest
    from adamtune.tuning.sweeps.sweep import run_sweep

    sets = (*work.sets, "clip.max_norm=null", "training.seeds=1", *(["training.steps=2"] if short else []))
    with tempfile.TemporaryDirectory() as folder:
        request = SweepRequest(
            knobs=("lr",), recipe=work.recipe, values=tuple(lrs), confirm=False, prune=False, sets=sets,
            runs_dir=Path(folder),
        )  # fmt: skip
        found = run_sweep(request, lambda _: None)
        manifest = json.loads((found.run_dir / "manifest.json").read_text())
        choices = {f"{choice['name']}, {choice['threads']}" for choice in manifest["strategies"].values()}
        return (found.run_dir / "metrics.jsonl").stat().st_size, " and ".join(sorted(choices))


PARTS = {"memory": memory, "evaluations": evaluations, "weights": weights, "alone": alone}


def main() -> None:
    """Prints a table a part; the figures as JSON into a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="of evaluations and weights")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = {}
    for name in given.only:
        found[name] = PARTS[name](given.repeat, given.device)
        print(f"\n| {name} | " + " | ".join(HEADS[name][1:] if name == "memory" else HEADS[name]) + " |")
        print("|---" * (len(HEADS[name]) + (name != "memory")) + "|")
        for row in found[name]:
            first = row["members at once"] if name == "memory" else f"members: {row['members']}"
            told = [row[head] for head in HEADS[name] if head != "members at once"]
            print(f"| {first} | " + " | ".join(_shown(value) for value in told) + " |", flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


def _shown(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.3g}"


if __name__ == "__main__":
    main()
