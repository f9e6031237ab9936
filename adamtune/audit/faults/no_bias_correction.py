"""Moments are used as they are, without the correction for their start at zero.

What it is: m, v or both are not divided by 1 - beta^t.
Why it matters: at step 1 with betas (0.9, 0.999), m is a tenth and sqrt(v) a thirtieth of what they estimate: steps
are three times too large (v uncorrected), ten times too small (m), and wrong for about 1 / (1 - beta2) updates.
Source: Kingma & Ba 2014, section 3.
"""

from __future__ import annotations

import numpy as np

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Pair, Walk, corrections


def _neither(walk: Walk, beta_m: Array, beta_v: Array) -> Pair:  # noqa: ARG001 - a piece takes what the contract gives
    return np.ones_like(beta_m), np.ones_like(beta_v)


def _only_v(walk: Walk, beta_m: Array, beta_v: Array) -> Pair:
    return np.ones_like(beta_m), corrections(walk, beta_m, beta_v)[1]


def _only_m(walk: Walk, beta_m: Array, beta_v: Array) -> Pair:
    return corrections(walk, beta_m, beta_v)[0], np.ones_like(beta_v)


FAULT: Fault = Fault(
    id="no_bias_correction",
    probe="bias correction",
    title="no bias correction",
    why="m and v start at zero and stay too small for about 1 / (1 - beta) updates; the first steps have a wrong size, "
    "and warmup only hides it",
    mend="m_hat = m / (1 - beta1**t);  v_hat = v / (1 - beta2**t)",
    variants=(
        Variant("core", "uses m and v without any bias correction", {"corrections": _neither}, meant_by=("bert",)),
        Variant(
            "core",
            "corrects v and not m, so that the first steps are too small by 1 - beta1",
            {"corrections": _only_v},
            mend="m_hat = m / (1 - beta1**t)",
        ),
        Variant(
            "core",
            "corrects m and not v, so that the first steps are too large by 1 / sqrt(1 - beta2)",
            {"corrections": _only_m},
            mend="v_hat = v / (1 - beta2**t)",
        ),
    ),
)
