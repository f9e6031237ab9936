"""Moments are corrected by the wrong number.

What it is: the two corrections are mixed up, or the folded form lacks its root, or they multiply.
Why it matters: steps have a wrong size until both corrections are near 1.
Source: Kingma & Ba 2014, section 3, and the end of section 2 for the folded form.
"""

from __future__ import annotations

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Pair, Walk, corrections


def _exchanged(walk: Walk, beta_m: Array, beta_v: Array) -> Pair:
    return corrections(walk, beta_v, beta_m)


def _both_by_beta1(walk: Walk, beta_m: Array, beta_v: Array) -> Pair:  # noqa: ARG001 - a piece takes what it is given
    return corrections(walk, beta_m, beta_m)


def _both_by_beta2(walk: Walk, beta_m: Array, beta_v: Array) -> Pair:  # noqa: ARG001 - a piece takes what it is given
    return corrections(walk, beta_v, beta_v)


def _without_root(walk: Walk, beta_m: Array, beta_v: Array) -> Pair:
    for_m, for_v = corrections(walk, beta_m, beta_v)
    return for_m, for_v**2


def _multiplied(walk: Walk, beta_m: Array, beta_v: Array) -> Pair:
    for_m, for_v = corrections(walk, beta_m, beta_v)
    return 1 / for_m, 1 / for_v


FAULT: Fault = Fault(
    id="wrong_bias_correction",
    probe="bias correction",
    title="bias correction by the wrong number",
    why="the first steps have a wrong size, until both corrections are near 1",
    mend="m_hat = m / (1 - beta1**t);  v_hat = v / (1 - beta2**t)",
    variants=(
        Variant("core", "corrects m by beta2 and v by beta1", {"corrections": _exchanged}),
        Variant("core", "corrects both moments by beta1", {"corrections": _both_by_beta1}),
        Variant("core", "corrects both moments by beta2", {"corrections": _both_by_beta2}),
        Variant(
            "core",
            "folds the corrections into lr without the root over that of v",
            {"corrections": _without_root},
            mend="step_size = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)",
        ),
        Variant("core", "multiplies by the corrections instead of dividing", {"corrections": _multiplied}),
    ),
)
