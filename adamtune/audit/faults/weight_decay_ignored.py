"""The class takes weight_decay and does nothing with it.

What it is: movements are the same with any weight_decay.
Why it matters: a regulariser that is set and not there; sweeping it measures noise.
Source: found in home-made optimizers.
"""

from __future__ import annotations

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.formula import no_pull, no_shrink

FAULT: Fault = Fault(
    id="weight_decay_ignored",
    probe="weight decay",
    title="weight_decay does nothing",
    why="a setting that is taken and ignored: training is not regularised, and nobody is told",
    mend="theta = theta - lr * weight_decay * theta",
    variants=(Variant("weight-decay", "moves the same with any weight_decay", {"pull": no_pull, "shrink": no_shrink}),),
)
