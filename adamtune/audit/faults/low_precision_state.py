"""m or v is kept in 16 bits.

What it is: moments in bfloat16 or float16 for float32 parameters. (For 16-bit parameters it is a note: `torch.optim`
itself keeps the moments in their type.)
Why it matters: with beta2 0.999 one step changes v by 0.1% or less, and bfloat16 rounds away what is below 0.2%: v
stops growing at a third of its value, and steps are too long. In float16 squares of gradients below 2e-4 are zero.
Source: arithmetic of the two types; 65% off after 2,000 equal gradients, measured.
"""

from __future__ import annotations

from adamtune.audit.fault import Fault, Variant

FAULT: Fault = Fault(
    id="low_precision_state",
    probe="precision",
    title="m or v is kept in 16 bits",
    why="a step changes v by less than bfloat16 can tell, so v stands still at a fraction of its value; in float16 "
    "the squares of small gradients are zero",
    mend="exp_avg = torch.zeros_like(p, dtype=torch.float32);  exp_avg_sq likewise",
    variants=(Variant("special", "keeps moments of FP32 parameters in 16 bits", {}),),
)
