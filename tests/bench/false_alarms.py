"""How often a sweep accepts a knob that does nothing: `python tests/bench/false_alarms.py [--repeats N]`.

The knob is an argument of a network that only draws other initial weights: each value is another sample of the same
distribution, so whatever looks better is chance. Each repetition is the real command on real data with other seeds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from scipy.stats import binomtest

RECIPE = """\
name: nothing
task: classification
data: {source: sklearn/breast_cancer}
model: {python: "net.py:build", args: {nonce: 0}}
training: {steps: 60, batch_size: 32, eval_every: 20, seeds: 3, strategy: vectorized}
optimizer: {lr: 3e-3}
"""
NET = """\
import torch
from torch import nn

def build(input_shape, output_size, nonce=0):
    torch.rand(int(nonce) + 1)
    return nn.Sequential(nn.Linear(input_shape[0], 16), nn.ReLU(), nn.Linear(16, output_size))
"""
VALUES = "0,1,2,3,4,5,6,7,8"


def main() -> None:
    """Prints how many sweeps kept the current value, with a Wilson interval."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--min-gain", default="0.01")
    given = parser.parse_args()
    kept = 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "recipe.yaml").write_text(RECIPE)
        Path(folder, "net.py").write_text(NET)
        for repeat in range(given.repeats):
            words = [
                "sweep", "recipe.yaml", "--knob", "model.args.nonce", "--values", VALUES, "--trust-code", "--new",
                "--min-gain", given.min_gain, "--seed", str(100_000 * repeat), "--json",
            ]  # fmt: skip
            done = subprocess.run(
                [sys.executable, "-m", "adamtune", *words], cwd=folder, capture_output=True, text=True, check=True
            )
            answer = json.loads(done.stdout)
            kept += answer["decision"] == "kept"
            print(repeat, answer["decision"], answer["why"], flush=True)
    low, high = binomtest(kept, given.repeats).proportion_ci(method="wilson")
    print(f"kept {kept} of {given.repeats}: {kept / given.repeats:.1%}, 95% interval {low:.1%} to {high:.1%}")


if __name__ == "__main__":
    main()
