"""The stages of an audit: each asks one question, with the formula that the stages before it have found."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from adamtune.audit.case import Case, options_of, special
from adamtune.audit.film import SETTINGS, Film
from adamtune.audit.fit import LOOSE, Fit, Option, explains, search, worst
from adamtune.audit.forms import L2, Form
from adamtune.audit.formula import Walk
from adamtune.audit.rounding import MUCH, long_run
from adamtune.audit.scenario import LONG, NO_EPS
from adamtune.audit.stranger import sixteen_bits

_OF_FORMULA: Final = ("direction", "first moment", "second moment", "bias correction")
_HIDDEN: Final = {
    "lr": (1e-3, 1e-2, 1e-4, 3e-4),
    "beta1": (0.9, 0.95, 0.8, 0.5),
    "beta2": (0.999, 0.99, 0.98, 0.95),
    "eps": (1e-8, 1e-7, 1e-6, 1e-5, 1e-10, 1e-12, 1e-15, 1e-16, 0.0),
    "weight_decay": (0.0, 1e-2, 1e-1, 1e-4),
}
"""Values to try for a setting that is written into the code."""


def examine_core(case: Case) -> bool:
    """Whether the class moves by Adam's formula, or by one with known mistakes."""
    films = case.film("core", "core-2") or case.film("own")
    options = _core_options(case, films)
    fit = search(films, case.formula, options, most=3)
    if fit is None and case.film("in-place") and "core" in case.films:
        fit = _core_in_place(case, options)
    if fit is None:
        fit = search(films, case.formula, options, most=1, tolerance=LOOSE)
        case.tolerance = LOOSE
        if fit is not None and not (sixteen_bits(case, "long-float32") or long_run(case, fit.formula).rounded):
            fit = None
    if fit is None:
        return False
    if (meant := next((text for option in fit.options if (text := _meant(case, option))), None)) is not None:
        case.notes.append(meant)
        return False
    case.kind = "adam"
    case.words.append("Adam")
    case.take(fit, films)
    case.rows(_OF_FORMULA, "passed")
    return True


def _meant(case: Case, option: Option) -> str | None:
    """Of a class that does not call itself Adam: how it equals an Adam with a mistake, in a note."""
    if option.variant is None or case.claims_adam or not case.footage.own_settings:
        return None
    return f"it moves as an Adam does that {option.variant.words}; {case.excuse(option.variant)}"


def _core_options(case: Case, films: Sequence[Film]) -> list[Option]:
    stages = options_of("core")
    if any(film.weight_decay.any() for film in films):
        stages += _decay_options(case)
    if any((film.eps > 2 * NO_EPS).any() for film in films):
        stages += options_of("eps")
    return stages + _hidden_values(case, [name for name in SETTINGS if name != "eps"])


def _hidden_values(case: Case, names: Sequence[str]) -> list[Option]:
    """A form for each combination of likely values of the settings that cannot be seen."""
    names = [name for name in names if case.hidden(name) and not case.told(name)]
    options = []
    for values in list(itertools.product(*(_HIDDEN[name] for name in names)))[1:]:
        told = dict(zip(names, values, strict=True))
        words = "with " + ", ".join(f"{name} {value:g}" for name, value in told.items()) + " written into its code"
        options.append(
            Option({"settings": _always(told, case.formula.settings)}, form=Form("core", words, {}), guess=True)
        )
    return options


def _always(values: dict[str, float], others: Callable[[Walk], None]) -> Callable[[Walk], None]:
    def settings(walk: Walk) -> None:
        others(walk)
        for name, value in values.items():
            setattr(walk, name, np.full_like(walk.lr, value))

    return settings


def _core_in_place(case: Case, options: Sequence[Option]) -> Fit | None:
    """A class that is right only where the gradient tensors stay the same."""
    films = case.film("in-place")
    fit = search(films, case.formula, options, most=1)
    if fit is not None:
        fault, (_, new_tensors) = special("stale_gradient")
        case.accuse(fault, new_tensors, {"scenario": "core"})
    return fit


def examine_eps(case: Case) -> None:
    """Where eps stands."""
    films = case.film("eps", "own-eps") if case.told("eps") else case.film("own-eps")
    options = options_of("eps") + _hidden_values(case, ["eps"])
    large = case.film("eps")
    if len(films) == 2 and search(films, case.formula, options, tolerance=case.tolerance) is None:
        fit = search(large, case.formula, options, tolerance=case.tolerance)
        if fit is not None:  # so another constant shows where gradients are tiny
            case.take(fit, large)
            films = case.film("own-eps")
    _examine(case, "eps", films, options, ["eps", "own-eps"])


def examine_weight_decay(case: Case) -> None:
    """What weight decay does, which tells Adam from AdamW."""
    films = case.film("weight-decay", "weight-decay-2")
    if not case.told("weight_decay") or not films:
        found = case.crashed("weight-decay") or "it takes no weight_decay that an audit could change"
        case.rows(["weight decay"], "skipped", found)
        return
    fit = search(films, case.formula, _decay_options(case), most=1, least=1, tolerance=case.tolerance)
    if fit is None:
        case.kind = "adamw" if case.claims_adamw else "adam"
        case.note("weight decay", _departs(case, films, "with weight decay"))
        case.unexplained.append("weight decay")
        return
    case.kind = "adamw" if case.claims_adamw else "adam"  # where what is found does not settle it
    case.take(fit, films)
    case.rows(["weight decay"], "passed")


def _decay_options(case: Case) -> list[Option]:
    options = options_of("weight-decay")
    if case.claims_adamw:
        return options
    l2 = Form("weight-decay", "with weight decay inside the gradient (L2)", L2, "adam")
    others = [option for option in options if option.pieces != L2]
    return [Option(L2, form=l2), *others]


def examine_absent(case: Case) -> None:
    """What happens to a parameter that has no gradient in some steps."""
    if (how := case.crashed("absent")) is not None:
        text = f"it fails where a parameter has no gradient ({how}); torch.optim skips such a parameter"
        case.note("step count", text)
        return
    if any(found.fault == "stale_gradient" for found in case.faults):
        case.rows(["step count"], "skipped", _STALE)
        return
    _examine(case, "step count", case.film("absent"), options_of("absent"), ["absent"])
    case.rows(["gradients"], "passed")


def examine_groups(case: Case) -> None:
    """Whether each group's settings are obeyed."""
    if _untold(case):
        return
    _examine(case, "settings", case.film("groups"), options_of("groups"), ["groups"])


def examine_lr_change(case: Case) -> None:
    """Whether a change of lr in `param_groups`, as schedulers make it, is obeyed."""
    if _untold(case):
        return
    _examine(case, "settings", case.film("lr-change"), options_of("lr-change"), ["lr-change"])


def _untold(case: Case) -> bool:
    """Whether these scenarios cannot be judged, since they hold what no formula explained before."""
    if case.unexplained:
        case.rows(["settings"], "skipped", f"cannot be told while its {case.unexplained[0]} is not explained")
    return bool(case.unexplained)


def examine_in_place(case: Case) -> None:
    """Whether it matters that the next gradient is written into the same tensor."""
    films = case.film("in-place")
    if not films or any(found.fault == "stale_gradient" for found in case.faults):
        return
    if explains(case.formula, films, case.tolerance):
        case.rows(["gradients"], "passed")
        return
    fault, (same_tensor, _) = special("stale_gradient")
    case.accuse(fault, same_tensor, {"scenario": "in-place", "largest_difference": worst(case.formula, films)})


def examine_reload(case: Case) -> None:
    """Whether a saved and loaded state goes on as an unbroken one."""
    if any(found.fault == "stale_gradient" for found in case.faults):
        case.rows(["reload"], "skipped", _STALE)
        return
    fault, (differs, fails) = special("state_lost_on_reload")
    error = case.errors.get("reload")
    if error is not None and "unbroken" in case.shown:
        case.accuse(fault, fails, {"scenario": "reload", "error": case.crashed("reload")})
        return
    films = case.film("reload")
    if not films:
        case.rows(["reload"], "skipped", case.crashed("reload") or "not recorded")
        return
    fit = search(films, case.formula, options_of("reload"), most=1, tolerance=case.tolerance)
    if fit is not None:
        case.take(fit, films)
        case.rows(["reload"], "passed")
    elif case.film("unbroken") and explains(case.formula, case.film("unbroken"), case.tolerance):
        case.accuse(fault, differs, {"scenario": "reload", "largest_difference": worst(case.formula, films)})
    else:
        case.note("reload", _departs(case, films, "after loading a state"))


def examine_precision(case: Case) -> None:
    """In which type the moments are kept, seen or felt."""
    fault, (variant,) = special("low_precision_state")
    seen, felt = sixteen_bits(case, "long-float32"), long_run(case, case.formula)
    if seen or felt.rounded:
        drift = {"equal_steps": LONG, "drift": round(felt.drift, 4)} if felt.drift else {}
        case.accuse(fault, variant, {"scenario": "long-float32", "state": seen or "not visible", **drift})
    elif felt.drift > MUCH:
        case.note("precision", f"over {LONG} equal gradients its steps change by {felt.drift:.0%}, and Adam's do not")
    elif case.film("long-float32"):
        case.rows(["precision"], "passed")
    half = sixteen_bits(case, "bfloat16")
    if half and not seen:
        text = f"for BF16 parameters it keeps {', '.join(half)} in BF16, as torch.optim does; v then stops growing"
        case.notes.append(f"{text} at a third of its value (adamtune.optim keeps FP32)")


def _examine(case: Case, probe: str, films: Sequence[Film], options: Sequence[Option], names: Sequence[str]) -> None:
    """One stage in the usual way: find the options that explain it, or say that none does."""
    if not films:
        how = next((text for name in names if (text := case.crashed(name)) is not None), "not recorded")
        case.note(probe, f"{_SCENES[names[0]]} it fails: {how}")
        return
    fit = search(films, case.formula, options, tolerance=case.tolerance)
    if fit is None:
        case.note(probe, _departs(case, films, _SCENES[names[0]]))
        return
    case.take(fit, films)
    case.rows([probe], "passed")


_STALE: Final = "cannot be told while old gradients are used"
_SCENES: Final = {
    "eps": "where gradients are about as small as eps",
    "absent": "where a parameter has no gradient in some steps",
    "groups": "with several parameter groups",
    "lr-change": "when lr changes in param_groups",
}


def _departs(case: Case, films: Sequence[Film], where: str) -> str:
    off = worst(case.formula, films)
    size = f"by up to {off:.2g} of a step" if np.isfinite(off) else "and gives numbers that are not finite"
    return f"{where} it departs from Adam {size}; no known mistake explains that"


STAGES: Final[tuple[Callable[[Case], None], ...]] = (
    examine_eps,
    examine_weight_decay,
    examine_absent,
    examine_groups,
    examine_lr_change,
    examine_in_place,
    examine_reload,
    examine_precision,
)
