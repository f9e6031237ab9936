"""Two diagnosers that read logs, on the same runs; left out where they are not installed.

They see what a log has: training and validation loss, lr and gradient norm. Which of their checks names which kind
is read generously: one that would send somebody in the right direction counts, even if it is only information.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from adamtune.runs.record import Record

SIGNALS = ("train_loss", "val_loss", "lr", "grad_norm")
_UNSTABLE = {
    "non_finite", "divergence", "loss_spikes", "grad_spikes", "spikes", "grad_norm", "eval_noise", "no_learning",
}  # fmt: skip
_SLOW = {"no_learning", "constant_lr_plateau", "plateau"}
_ANY = _UNSTABLE | _SLOW


def _alike(rules: Sequence[str], checks: set[str]) -> dict[str, set[str]]:
    return dict.fromkeys(rules, checks)


RIGHT: dict[str, set[str]] = {
    **_alike(("loss-explosion", "nan-diverged", "collapse", "oscillation", "update-ratio-high"), _UNSTABLE),
    **_alike(("lr-too-low", "plateau-underfit", "eps-dominates", "wd-too-strong", "over-regularised"), _SLOW),
    **_alike(("vanishing", "dead-relu", "symmetry", "low-precision", "loss-spec", "random-labels"), _SLOW),
    "lr-decayed-early": _SLOW | {"lr_schedule"},
    **_alike(("overfit", "label-noise", "conflicting-dupes"), {"overfitting"}),
    **_alike(("grad-spikes", "beta2-stale"), {"loss_spikes", "grad_spikes", "spikes", "grad_norm"}),
    **_alike(("train-val-leak",), {"val_below_train"}),
    **_alike(("target-leak",), {"loss_floor"}),
    "over-clipped": {"grad_norm"},
    "data-nonfinite": {"non_finite", "divergence"},
}


def judged(records: Sequence[Record], accepted: frozenset[str]) -> dict[str, dict[str, Any]]:
    """What each tool says of one member: whether it warns, and whether of the right kind."""
    checks = set().union(*(RIGHT.get(rule, set()) for rule in accepted))
    found = {}
    if find_spec("runmedic"):
        found["runmedic"] = _runmedic(records)
    if find_spec("trainspotter"):
        found["trainspotter"] = _trainspotter(records)
    return {
        tool: {
            "warned": any(severity != "info" for _, severity in said),
            "right": any(name in checks for name, _ in said),
        }
        for tool, said in found.items()
    }


def _runmedic(records: Sequence[Record]) -> set[tuple[str, str]]:
    from runmedic.checks import run_checks
    from runmedic.model import Run
    from runmedic.roles import detect

    run = Run("run", "csv", "run.csv")
    for record in records:
        for name in SIGNALS:
            if name in record.signals:
                run.get(name).add(record.step, record.signals[name])
    run.finalize()
    return {(finding.check, finding.severity) for finding in run_checks(run, detect(run))}


def _trainspotter(records: Sequence[Record]) -> set[tuple[str, str]]:
    from trainspotter import Run, run_all

    run = Run()
    for record in records:
        for name, theirs in zip(SIGNALS, ("train/loss", "eval/loss", "lr", "grad_norm"), strict=True):
            if name in record.signals:
                run.add_point(theirs, record.step, record.signals[name])
    run.finalize()
    return {(finding.detector, finding.severity) for finding in run_all(run)}
