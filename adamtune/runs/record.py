"""The public format of `metrics.jsonl`: one line per member and evaluation.

Any training loop can write it. A line is a JSON object with the keys of `Record` and, beside
them, whichever of `SIGNALS` were measured. A number that is not finite is written as the string
"nan", "inf" or "-inf", since JSON has no such numbers; a signal that was not measured is left out.

What is measured of single weight matrices stands in one more key, `layers`: by the name of the matrix, in the order of
the network, a list of the numbers that `LAYER_SIGNALS` names, null for one that was not measured:

    "layers": {"0.weight": [0.031, 0.0012, 5.1], "2.weight": [0.22, 0.0009, 3.3]}

In a `Record` these are signals too, under names such as `grad_norm/0.weight`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

FORMAT_VERSION: Final = 1

State = Literal["running", "complete", "pruned", "diverged", "failed"]
STATES: Final[tuple[State, ...]] = get_args(State)

SIGNALS: Final[Mapping[str, str]] = {
    "train_loss": "loss on a fixed part of the training split, in eval mode",
    "val_loss": "loss on the validation split, in eval mode",
    "test_loss": "loss on the test split; on the last line alone",
    "train_accuracy": "share of right classes on that part of the training split, 0 to 1",
    "val_accuracy": "share of right classes on the validation split, 0 to 1",
    "test_accuracy": "share of right classes on the test split; on the last line alone",
    "batch_loss": "mean training loss of the batches since the last line",
    "batch_loss_max": "largest training loss of one batch since the last line",
    "batch_variety": "variance of the targets within a batch over that of the whole split, mean since the last line",
    "batch_loss_ema": "moving average of the batch losses over about the last 50 steps (decay 0.98), bias-corrected",
    "grad_norm": "median global gradient norm before clipping since the last line",
    "grad_norm_max": "largest global gradient norm before clipping since the last line",
    "update_ratio": "norm(update)/norm(weight), lr included: median over weight matrices and steps",
    "update_ratio_max": "the same ratio for the weight matrix where it is largest, median over steps",
    "param_norm": "norm of all parameters together",
    "lr": "learning rate of the last step, schedule included",
    "clipped": "share of steps since the last line whose gradient was clipped, 0 to 1",
    "best_step": "step of the lowest val_loss, where a run looks for it; on the last line alone",
    "return": "mean return of the episodes of an evaluation, the likeliest action always taken; val_loss is minus that",
    "test_return": "the same over episodes that nothing was chosen by; on the last line alone",
    "entropy": "mean entropy of the policy in nats where it acted since the last line",
    "value_loss": "mean squared error of the values over the variance of the returns, mean since the last line",
    "eps_share": "share of elements where eps outweighs sqrt(v_hat), 0 to 1",
    "snr": "signal to noise of the gradients: median of |m_hat| / sqrt(v_hat), 0 to 1 and a little more",
    "stale": "RMS of g / sqrt(v_hat) in the weight matrix where it is largest; the largest since the last line",
    "grad_ratio": "RMS gradient of the first weight matrix over that of the last, median since the last line",
    "unchanged": "share of elements with a gradient that an update leaves exactly as they were, 0 to 1",
    "dead_units": "share of units of the worst relu layer that give 0 for every row of a fixed probe, 0 to 1",
    "saturated_units": "share of units of the worst tanh or sigmoid layer that are flat for most such rows",
    "alike_units": "share of neighbouring units of the worst hidden layer whose weights point the same way, 0 to 1",
    "probabilities": "share of rows for which what goes into a cross-entropy are probabilities already, 0 to 1",
}

LAYER_SIGNALS: Final[Mapping[str, str]] = {
    "grad_norm": "norm of the matrix's gradient before clipping, median since the last line",
    "update_ratio": "norm(update)/norm(weight), lr included, median since the last line",
    "param_norm": "norm of the matrix",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One line: how a member stood when `step` updates had been made.

    Args:
        member: Number of the member within its run, from 0.
        step: Updates made so far; the line with step 0 is the model at initialisation.
        epoch: Passes over the training split so far, as a fraction.
        state: `running`, or how the member ended; its last line alone says another word.
        signals: Measured numbers by the names of `SIGNALS`, and of `LAYER_SIGNALS` with a matrix's name behind a
            slash; nan and inf are allowed.
        reason: Why the member ended, where that needs words; empty otherwise.
    """

    member: int
    step: int
    epoch: float
    state: State = "running"
    signals: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
