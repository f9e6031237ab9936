"""Eps is added before v is corrected, so that the correction blows it up.

What it is: (sqrt(v) + eps) / sqrt(1 - beta2^t), or sqrt((v + eps) / (1 - beta2^t)).
Why it matters: eps is in truth eps / sqrt(1 - beta2^t), 32 times as much at the first step with beta2 0.999. No harm
at 1e-8; with 1e-3 or more, as some recipes want, early steps shrink.
Source: the end of section 2 of Kingma & Ba 2014 names the folded form with an eps of its own (eps-hat); TensorFlow
has it on purpose. `torch.optim` and Algorithm 1 add eps after the correction. Where the source shows the folded form
the finding is a note.
"""

from __future__ import annotations

import numpy as np

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Walk


def _before(walk: Walk) -> Array:
    return np.sqrt(walk.v_hat) + walk.eps / np.sqrt(walk.correction_v)


def _before_and_inside(walk: Walk) -> Array:
    return np.sqrt(walk.v_hat + walk.eps / walk.correction_v)


FAULT: Fault = Fault(
    id="eps_before_bias_correction",
    probe="eps",
    title="eps is added before the bias correction",
    why="eps grows to eps / sqrt(1 - beta2^t), 32 times as much at the first step with beta2 0.999; no harm at 1e-8, "
    "but a large eps cuts the early steps (TensorFlow does so on purpose and calls it eps-hat)",
    mend="denominator = v.sqrt() / math.sqrt(1 - beta2**t) + eps",
    variants=(
        Variant("eps", "adds eps to sqrt(v), before the correction", {"denominator": _before}, folded=True),
        Variant(
            "eps", "adds eps to v, before the correction and the root", {"denominator": _before_and_inside}, rare=True
        ),
    ),
)
