"""How fast our AdamW steps beside torch's, and what float32 moments are worth in half precision.

    python tests/bench/optimizer.py [--json] [--repeats N] [--threads N]

Every repetition times all rivals one after another, in an order that rotates, so that a slow second of a shared
machine hits them alike; the ratio is taken within a repetition and the median over repetitions is reported.
Exits with 1 if our drop-in takes more than 1.10 times the time of torch's fused one.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from adamtune.optim import Adam, AdamW, PopulationAdam
from adamtune.optim.coefficients import Coefficients

# The aim set for the drop-in optimizers: no more than a tenth above torch's fused kernel on the CPU.
ALLOWED_RATIO = 1.10

Step = Callable[[], Any]


def tensors(n: int, *shape: int) -> list[nn.Parameter]:
    """`n` parameters of one shape, each with a gradient."""
    params = [nn.Parameter(torch.randn(shape)) for _ in range(n)]
    for p in params:
        p.grad = torch.randn_like(p)
    return params


def drop_in_rivals(n: int, *shape: int) -> dict[str, Step]:
    """One optimizer step over `n` tensors, by name of who takes it."""
    return {
        "torch fused": torch.optim.AdamW(tensors(n, *shape), fused=True).step,
        "torch default": torch.optim.AdamW(tensors(n, *shape)).step,
        "adamtune": AdamW(tensors(n, *shape)).step,
        "adamtune rule": AdamW(tensors(n, *shape), fused=False).step,
    }


def population_rivals(n_members: int, n_parameters: int) -> dict[str, Step]:
    """One step of all members, each with its own lr."""
    lrs = torch.logspace(-4, -2, n_members, dtype=torch.float64)
    alone = [torch.optim.AdamW(tensors(1, n_parameters), lr=lr, fused=True) for lr in lrs.tolist()]
    params, grads = torch.randn(2, n_members, n_parameters)
    population = PopulationAdam(params, Coefficients.of(n_members, lr=lrs, weight_decay=0.01))
    return {
        "torch fused": lambda: [optimizer.step() for optimizer in alone],
        "adamtune": lambda: population.step(params, grads, 3, lrs),
    }


CASES: dict[str, tuple[Callable[[], dict[str, Step]], int]] = {
    # name: (rivals, steps per timing)
    "1 tensor of 5,000,000": (lambda: drop_in_rivals(1, 5_000_000), 1),
    "200 tensors of 33 x 31": (lambda: drop_in_rivals(200, 33, 31), 5),
    "200 tensors of 64": (lambda: drop_in_rivals(200, 64), 5),
    "16 members of 84,010": (lambda: population_rivals(16, 84_010), 2),
    "48 members of 1,003": (lambda: population_rivals(48, 1_003), 5),
}


def seconds(step: Step, n_steps: int) -> float:
    """Seconds for one step, as the mean of a few in a row."""
    start = time.perf_counter()
    for _ in range(n_steps):
        step()
    return (time.perf_counter() - start) / n_steps


def measure(case: str, repeats: int) -> list[dict[str, Any]]:
    """One row per rival: median time, and median and quartiles of its ratio to torch's fused."""
    build, n_steps = CASES[case]
    rivals = build()
    for step in rivals.values():
        seconds(step, 3)
    names = list(rivals)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(repeats):
        shift = repeat % len(names)
        for name in names[shift:] + names[:shift]:
            taken[name].append(seconds(rivals[name], n_steps))
    rows = []
    for name in names:
        ratios = [mine / theirs for mine, theirs in zip(taken[name], taken["torch fused"], strict=True)]
        low, median, high = statistics.quantiles(ratios, n=4)
        row = {"case": case, "who": name, "ms": 1e3 * statistics.median(taken[name]), "ratio": median}
        rows.append(row | {"ratio_quartiles": [low, high], "n": repeats})
    return rows


def half_precision(cls: Any, dtype: torch.dtype) -> dict[str, Any]:
    """Distance to the goal after 50 large noisy gradients and then many small true ones.

    33 weights are to go to zero. The gradient is a random sign of size 1 for 50 steps and from then on the right
    sign of size 0.001, which Adam's scaling is meant to make no difference to, once v has forgotten the large ones.
    """
    generator = torch.Generator().manual_seed(0)
    weight = nn.Parameter(torch.randn(33, generator=generator).to(dtype))
    optimizer = cls([weight], lr=3e-2)
    distances = {}
    for step in range(1, 12_001):
        noise = torch.randn(33, generator=generator).sign()
        weight.grad = (noise if step <= 50 else 1e-3 * weight.detach().sign()).to(dtype)
        optimizer.step()
        if step in {50, 3_000, 6_000, 12_000}:
            distances[step] = weight.detach().float().abs().mean().item()
    v_rms = optimizer.state[weight]["exp_avg_sq"].float().mean().sqrt().item()
    who = f"{'adamtune' if cls is Adam else 'torch'} {str(dtype).removeprefix('torch.')}"
    return {"who": who, "distance": distances, "rms_of_gradients_in_v": v_rms}


def main() -> int:
    """Measures, prints a table or JSON, and tells by the exit code whether the aim was met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    rows = [row for case in CASES for row in measure(case, args.repeats)]
    half = [
        half_precision(cls, dtype)
        for cls, dtype in (
            (torch.optim.Adam, torch.float32),
            (torch.optim.Adam, torch.bfloat16),
            (Adam, torch.bfloat16),
        )
    ]
    drop_in = [row for row in rows if row["who"] == "adamtune" and "members" not in row["case"]]
    met = all(row["ratio"] <= ALLOWED_RATIO for row in drop_in)
    result = {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": args.threads,
        "allowed_ratio": ALLOWED_RATIO,
        "met": met,
        "rows": rows,
        "half_precision": half,
    }
    print(json.dumps(result) if args.json else table(result))
    return 0 if met else 1


def table(result: dict[str, Any]) -> str:
    """The result for a terminal of 100 columns."""
    lines = [
        f"one AdamW step, float32; torch {result['torch']}, {result['threads']} thread(s)",
        "",
        f"{'':24} {'':14} {'ms':>9} {'to fused':>9} {'quartiles':>15} {'n':>4}",
    ]
    for row in result["rows"]:
        low, high = row["ratio_quartiles"]
        lines.append(
            f"{row['case']:24} {row['who']:14} {row['ms']:9.3f} {row['ratio']:9.2f} "
            f"{f'{low:.2f} to {high:.2f}':>15} {row['n']:4}"
        )
    verdict = "met" if result["met"] else "NOT met"
    lines += ["", f"aim: adamtune's drop-in at most {result['allowed_ratio']:.2f} times torch's fused: {verdict}", ""]
    steps = list(result["half_precision"][0]["distance"])
    lines.append("33 weights on their way to 0: mean distance after 50 gradients of size 1, then of size 0.001")
    lines.append(f"{'':24}" + "".join(f"{f'step {step:,}':>14}" for step in steps) + f"{'rms(g) in v':>14}")
    for row in result["half_precision"]:
        figures = "".join(f"{row['distance'][step]:14.4f}" for step in steps)
        lines.append(f"{row['who']:24}{figures}{row['rms_of_gradients_in_v']:14.4f}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
