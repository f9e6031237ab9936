"""What a user waits for: from the command to the first line of metrics, to its end, and `--help`.

Run: python tests/bench/startup.py [--repeat 7] [--recipe recipes/digits-mlp.yaml] [--against CHECKOUT] [--json FILE]

Every command is a process of its own, with the files it reads in the page cache; one that is not counted comes first.
The first line is looked for every millisecond. With another checkout of adamtune its figures stand beside, measured in
turn, since a machine's speed drifts. Nothing else should run on the machine meanwhile.
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
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]


def baseline_seconds(checkout: Path, recipe: str) -> dict[str, float]:
    """Until the first line of metrics, and until the command has ended."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        process = _adamtune(checkout, "baseline", recipe, "--runs-dir", folder)
        first = 0.0
        while process.poll() is None:
            if not first and any(file.stat().st_size for file in Path(folder).glob("*/*/metrics.jsonl")):
                first = time.perf_counter() - began
            time.sleep(0.001)
        assert first, f"{recipe} wrote no line"
        assert process.returncode == 0
        return {"first line": first, "end": time.perf_counter() - began}


def help_seconds(checkout: Path) -> dict[str, float]:
    """Until `adamtune --help` has ended."""
    began = time.perf_counter()
    assert _adamtune(checkout, "--help").wait() == 0
    return {"--help": time.perf_counter() - began}


def _adamtune(checkout: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "adamtune", *words],  # -P: the folder it runs in holds a package too
        cwd=HERE,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def main() -> None:
    """Prints a table; the figures as JSON into a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--recipe", default="recipes/digits-mlp.yaml")
    parser.add_argument("--against", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    checkouts = {"here": HERE} | ({"against": given.against.resolve()} if given.against else {})
    found: dict[str, dict[str, list[float]]] = {name: {} for name in checkouts}
    for turn in range(given.repeat + 1):
        for name, checkout in checkouts.items():
            times = baseline_seconds(checkout, given.recipe) | help_seconds(checkout)
            for what, seconds in times.items() if turn else ():
                found[name].setdefault(what, []).append(seconds)
    print("| checkout | until | best, s | median, s |\n" + "|---" * 4 + "|")
    for name, times_of in found.items():
        for what, seconds_of in times_of.items():
            print(f"| {name} | {what} | {min(seconds_of):.2f} | {statistics.median(seconds_of):.2f} |")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
