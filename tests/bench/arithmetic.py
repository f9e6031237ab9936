"""How much arithmetic a work holds, and how fast products can be at best on this machine."""

from __future__ import annotations

import time
from typing import Any

SIZES = {"cpu": 768, "cuda": 8192}
"""Rows and columns of the matrices whose product is the measure: all three fit a core's third-level cache; and what
fills an accelerator."""


def peak_flops(device: str = "cpu", repeat: int = 20) -> float:
    """Floating-point operations a second of one core, or of the accelerator, in a square product; the best of several.

    In float32, on an accelerator too (torch leaves TF32 off for products unless told otherwise).
    """
    import torch

    threads, size = torch.get_num_threads(), SIZES[device]
    torch.set_num_threads(1)
    one, other = (torch.randn(size, size, device=device) for _ in range(2))
    best = min(_seconds(lambda: float((one @ other)[0, 0])) for _ in range(repeat))
    torch.set_num_threads(threads)
    return 2 * size**3 / best


def _seconds(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def flops(peer: Any) -> float:
    """Operations in the products and convolutions of one training of a peer's: all steps and all evaluations.

    Args:
        peer: A `Peer` of `peer.py`.
    """
    from torch.utils.flop_counter import FlopCounterMode

    model, train, size = peer.make(), peer.data.train, peer.loaded.recipe.training.batch_size
    with FlopCounterMode(display=False) as step:
        peer.loss(model(train.x[:size]), train.y[:size]).backward()
    with FlopCounterMode(display=False) as evaluation:
        peer.evaluate(model)
    steps = peer.length.total_steps
    evaluations = 1 + sum(peer.length.evaluate_at(n) for n in range(1, steps + 1))
    return float(steps * step.get_total_flops() + evaluations * evaluation.get_total_flops())
