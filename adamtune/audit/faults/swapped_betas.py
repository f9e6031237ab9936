"""The two betas stand in each other's place, or weigh the new instead of the old.

What it is: beta2 smooths m and beta1 smooths v, or m = (1 - beta1) * m + beta1 * g.
Why it matters: with (0.9, 0.999) m remembers a thousand steps, so the direction lags far behind, and v forgets after
ten, so the scale jitters.
Source: Kingma & Ba 2014, Algorithm 1.
"""

from __future__ import annotations

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Pair, Walk, corrections


def _exchanged(walk: Walk) -> Pair:
    return walk.beta2, walk.beta1


def _reversed(walk: Walk) -> Pair:
    return 1 - walk.beta1, 1 - walk.beta2


def _reversed_in_m(walk: Walk) -> Pair:
    return 1 - walk.beta1, walk.beta2


def _reversed_in_v(walk: Walk) -> Pair:
    return walk.beta1, 1 - walk.beta2


def _by_name(walk: Walk, beta_m: Array, beta_v: Array) -> Pair:  # noqa: ARG001 - a piece takes what it is given
    return corrections(walk, walk.beta1, walk.beta2)


_AVERAGES = "m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g * g"

FAULT: Fault = Fault(
    id="swapped_betas",
    probe="first moment",
    title="the betas are mixed up",
    why="m must react within about 1 / (1 - beta1) steps and v must be steady over 1 / (1 - beta2); swapped, the "
    "direction lags and the scale jitters",
    mend='beta1, beta2 = group["betas"];  ' + _AVERAGES,
    variants=(
        Variant("core", "smooths m by beta2 and v by beta1", {"betas": _exchanged}),
        Variant(
            "core",
            "smooths m by beta2 and v by beta1, and corrects them as if it did not",
            {"betas": _exchanged, "corrections": _by_name},
        ),
        Variant(
            "core", "weighs what is new by beta in m and v", {"betas": _reversed, "corrections": _by_name}, _AVERAGES
        ),
        Variant(
            "core", "weighs what is new by beta1 in m", {"betas": _reversed_in_m, "corrections": _by_name}, _AVERAGES
        ),
        Variant(
            "core", "weighs what is new by beta2 in v", {"betas": _reversed_in_v, "corrections": _by_name}, _AVERAGES
        ),
    ),
)
