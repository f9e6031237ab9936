"""What is meant for one step is written into the state: the next step starts from corrected or rooted moments.

What it is: an in-place operation (`div_`, `sqrt_`, `add_`) on m or v itself where a copy was meant.
Why it matters: the averages are no averages any more; corrections pile up from step to step.
Source: found in home-made optimizers that save memory with in-place operations.
"""

from __future__ import annotations

import numpy as np

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.formula import Walk


def _m_corrected(walk: Walk) -> None:
    walk.m = walk.m_hat


def _v_corrected(walk: Walk) -> None:
    walk.v = walk.v_hat


def _both_corrected(walk: Walk) -> None:
    walk.m, walk.v = walk.m_hat, walk.v_hat


def _v_rooted(walk: Walk) -> None:
    walk.v = np.sqrt(walk.v)


def _v_hat_rooted(walk: Walk) -> None:
    walk.v = walk.divisor


def _everything(walk: Walk) -> None:
    walk.m, walk.v = walk.m_hat, walk.divisor


FAULT: Fault = Fault(
    id="state_overwritten",
    probe="bias correction",
    title="an in-place operation spoils the stored moments",
    why="the next step averages into numbers that were corrected or rooted already, and so do all later ones",
    mend="m_hat = m / (1 - beta1**t);  v_hat = v / (1 - beta2**t)   # new tensors: div, not div_",
    variants=(
        Variant("core", "stores the corrected m in place of m", {"keep": _m_corrected}),
        Variant("core", "stores the corrected v in place of v", {"keep": _v_corrected}),
        Variant("core", "stores the corrected m and v in place of m and v", {"keep": _both_corrected}),
        Variant(
            "core",
            "stores the root of v in place of v",
            {"keep": _v_rooted},
            mend="denominator = v_hat.sqrt() + eps   # a new tensor: sqrt, not sqrt_",
        ),
        Variant(
            "core",
            "stores the denominator in place of v",
            {"keep": _v_hat_rooted},
            mend="denominator = v_hat.sqrt() + eps   # a new tensor: sqrt, not sqrt_",
        ),
        Variant("core", "stores m_hat in place of m and the denominator in place of v", {"keep": _everything}),
    ),
)
