"""The standard ladder: what is worth a try where the dynamics of a training are at fault, whichever rule spoke."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from adamtune.diagnosis.words import figure, significant
from adamtune.recipe.resolve import get_value
from adamtune.recipe.schema import Recipe
from adamtune.runs.reader import Run
from adamtune.runs.record import Record

Step = tuple[dict[str, Any], str]
Ladder = Callable[[Recipe, Run, float], Iterator[Step]]
"""Given a recipe, its sick run, and the lr that was proposed first (else its own), yields changes and why."""

_PERCENTILE: Final = 0.9
_USUAL_EPS: Final = 1e-8
_WARMUP: Final = 0.05
"""Share of the steps; 5% as Wortsman et al. 2023 have it."""
_FACTORS: Final = (3.0, 10.0, 30.0)
_ABOUT: Final = (0.3, 3.0)
_LARGEST_LR: Final = 0.1
"""With Adam no network of ours learned well with more."""
_DIVISORS: Final = (2, 4, 10)
"""What the article's section 8 divides an lr by that is too high."""
_FAR: Final = 30


def calmer(recipe: Recipe, run: Run, aim: float) -> Iterator[Step]:
    """Steps towards a training that is steadier, for one that explodes, bounces or loses what it had learned.

    Source:
        The article's section 8, and google-research/tuning_playbook on training instability: warmup, clipping at the
        90th percentile of the norms, lower lr.
    """
    lr, (beta1, beta2) = recipe.optimizer.lr, recipe.optimizer.betas
    # Where the lr is off by orders of magnitude, a half of it is as hopeless as the whole.
    near, words = (aim, "the proposed lr") if aim < lr / _FAR else (lr, "the lr")
    for divisor in _DIVISORS:
        yield {"optimizer.lr": significant(near / divisor)}, f"{words} divided by {divisor}"
    if not (recipe.clip.max_norm or math.inf) <= 1:
        yield {"clip.max_norm": 1.0}, "gradients with a norm above 1 are cut"
    norm = _usual_norm(run)
    if norm and not (recipe.clip.max_norm or math.inf) <= norm:
        words = f"90% of the measured gradient norms lie below {figure(norm, 2)}; the others are cut"
        yield {"clip.max_norm": norm}, words
    if not recipe.schedule.warmup:
        yield {"schedule.warmup": _WARMUP}, "the first steps, while v is still settling, get shorter"
        yield (
            {"schedule.warmup": _WARMUP, "schedule.decay": "cosine"},
            "short steps at the start, and again at the end, where the weights are to settle",
        )
    if beta1 > 0.85:
        yield {"optimizer.betas[0]": 0.8}, "m follows the gradient faster"
    other = 0.99 if beta2 > 0.99 else 0.999
    yield {"optimizer.betas[1]": other}, "v follows the gradient's size faster" if other < beta2 else "v is steadier"
    if recipe.optimizer.eps > _USUAL_EPS:
        yield {"optimizer.eps": _USUAL_EPS}, "sqrt(v_hat) decides each weight's step again"


def faster(recipe: Recipe, run: Run, aim: float) -> Iterator[Step]:  # noqa: ARG001 - each ladder is asked alike
    """Steps towards a training that gets further in its time."""
    lr = recipe.optimizer.lr
    far = aim > lr * _FAR
    for factor in _ABOUT if far else _FACTORS:
        if (new := factor * (aim if far else lr)) <= _LARGEST_LR:
            yield {"optimizer.lr": significant(new)}, f"{factor:g} times the {'proposed ' if far else ''}lr"
    if recipe.schedule.decay in ("linear", "inverse-sqrt"):
        yield {"schedule.decay": "none"}, "lr stays what it is to the end"


def firmer(recipe: Recipe, run: Run, aim: float) -> Iterator[Step]:  # noqa: ARG001 - each ladder is asked alike
    """Steps against learning rows by heart."""
    decay = recipe.optimizer.weight_decay
    for factor in (10, 100):
        yield {"optimizer.weight_decay": significant(max(decay, 0.01) * factor)}, "the weights are held nearer to zero"
    for rate in (0.3, 0.5):
        if "dropout" in recipe.model.options and recipe.model.options["dropout"] < rate:
            yield {"model.dropout": rate}, "units that are dropped at random cannot learn rows by heart"
    if recipe.task == "classification" and not recipe.training.label_smoothing:
        yield {"training.label_smoothing": 0.1}, "no label is to be believed entirely"
    if recipe.training.keep != "best":
        yield {"training.keep": "best"}, "the weights of the best evaluation are kept, whatever comes after it"


def scaled(recipe: Recipe, run: Run, aim: float) -> Iterator[Step]:  # noqa: ARG001 - each ladder is asked alike
    """Normalised data, where they are not."""
    if recipe.data.normalize == "none" and recipe.task in ("classification", "regression"):
        yield {"data.normalize": "standard"}, "every feature gets mean 0 and spread 1"


def changes(recipe: Recipe, settings: Mapping[str, Any]) -> bool:
    """Whether settings say anything else than the recipe does already."""
    return any(_plain(get_value(recipe, path)) != _plain(value) for path, value in settings.items())


def _plain(value: Any) -> Any:
    return [float(item) for item in value] if isinstance(value, list | tuple) else value


def _usual_norm(run: Run) -> float | None:
    """The 90th percentile of the gradient norms up to each member's best loss: later ones belong to the fault."""
    norms = sorted(norm for records in run.records.values() for norm in _norms(records))
    return significant(norms[min(len(norms) - 1, int(_PERCENTILE * len(norms)))]) if norms else None


def _norms(records: Sequence[Record]) -> list[float]:
    losses = {record.step: record.signals.get("train_loss", math.nan) for record in records}
    known = {step: loss for step, loss in losses.items() if math.isfinite(loss)}
    until = min(known, key=lambda step: known[step]) if known else math.inf
    norms = [record.signals.get("grad_norm", math.nan) for record in records if record.step <= until]
    return [norm for norm in norms if math.isfinite(norm) and norm > 0]
