"""Which combination of Adam's forms and known mistakes moves as the audited class does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from adamtune.audit.fault import Fault, Kind, Variant
from adamtune.audit.film import Array, Film
from adamtune.audit.forms import Form
from adamtune.audit.formula import Formula, Pieces, steps


@dataclass(frozen=True)
class Tolerance:
    """When movements count as the same.

    Args:
        limit: Relative difference.
        share: Share of all movements of a film that must be within it.
    """

    limit: float
    share: float = 1.0

    def holds(self, relative: Array) -> bool:
        """Whether enough of these differences are small enough."""
        return float(np.mean(relative <= self.limit)) >= self.share


EXACT: Final = Tolerance(1e-4)
"""Float64 leaves differences of 1e-12; classes that take beta^t in float32 are off by up to 6e-5 (1 - 0.999^t, rounded
at 6e-8); the known mistakes differ by 1e-2 and more."""
LOOSE: Final = Tolerance(3e-2, share=0.9)
"""For moments in 16 bits: bfloat16 rounds by up to 0.4%, twice or three times a step, and by more where gradients of
both signs cancel."""
_BEAM: Final = 16  # how many of the nearest pairs are tried with a third option
_GLANCE: Final = 3  # steps by which the nearest are told


@dataclass(frozen=True)
class Option:
    """A form or a variant of a fault, as something to try.

    Args:
        pieces: What it changes in the formula.
        form: The form; None for a fault.
        fault: The fault; None for a form.
        variant: Its variant.
        guess: Whether it is one of many values tried for a setting that cannot be seen.
    """

    pieces: Pieces
    form: Form | None = None
    fault: Fault | None = None
    variant: Variant | None = None
    guess: bool = False

    @property
    def kind(self) -> Kind | None:
        """What a class with this is, where that settles it."""
        holder = self.form or self.variant
        return holder.kind if holder else None


@dataclass(frozen=True)
class Fit:
    """A formula that moves as the class does.

    Args:
        formula: With all options in it.
        options: What it has beyond what it was started from.
        error: Largest relative difference of a movement.
    """

    formula: Formula
    options: tuple[Option, ...]
    error: float

    @property
    def rare(self) -> bool:
        """Whether a simpler account of the same movements is to be preferred."""
        return any(option.variant is not None and option.variant.rare for option in self.options)


def differences(formula: Formula, film: Film) -> Array:
    """How far a formula's movements are from the class's, relative to their size, shape [T, N]; inf where one is nan.

    What rounding of the parameters explains does not count. Movements much smaller than the element's usual one are
    measured by that, since they come from large numbers that cancel.
    """
    return np.stack([_difference(moved, film, step) for step, moved in enumerate(steps(formula, film))])


def _difference(expected: Array, film: Film, step: int) -> Array:
    moved = film.moved[step]
    with np.errstate(all="ignore"):
        size = np.maximum(np.maximum(np.abs(expected), np.abs(moved)), film.least_size)
        off = np.maximum(np.abs(expected - moved) - film.rounding[step], 0.0)
        relative = np.where(off > 0, off / size, 0.0)
    lost, expected_lost = ~np.isfinite(moved), ~np.isfinite(expected)
    if not (lost.any() or expected_lost.any()):
        return relative
    return np.where(lost & expected_lost, 0.0, np.where(lost != expected_lost, np.inf, relative))


def worst(formula: Formula, films: Sequence[Film]) -> float:
    """Largest relative difference over all films."""
    return max(float(differences(formula, film).max()) for film in films)


def explains(formula: Formula, films: Sequence[Film], tolerance: Tolerance) -> bool:
    """Whether a formula moves as the class does in every film."""
    return all(_explains(formula, film, tolerance) for film in films)


def _explains(formula: Formula, film: Film, tolerance: Tolerance) -> bool:
    if tolerance.share < 1:
        return tolerance.holds(differences(formula, film))
    # Most hypotheses fail in the first step: the others need not be walked.
    return all(tolerance.holds(_difference(moved, film, step)) for step, moved in enumerate(steps(formula, film)))


def search(
    films: Sequence[Film],
    base: Formula,
    options: Sequence[Option],
    *,
    tolerance: Tolerance = EXACT,
    most: int = 2,
    least: int = 0,
) -> Fit | None:
    """The simplest combination of options that explains every film, or None.

    Args:
        films: All of one stage.
        base: The formula as known so far.
        options: What to try, the likeliest first.
        tolerance: What counts as the same.
        most: How many faults to combine at most; three are tried only upon the nearest pairs.
        least: How many options there must be.

    Returns:
        The one with the fewest faults, then the fewest options, then the smallest difference.
    """
    for n_faults in range(min(most, 2) + 1):
        found = [
            fit
            for chosen in _combinations(options, n_faults)
            if len(chosen) >= least and (fit := _fit(films, base, chosen, tolerance)) is not None
        ]
        if found:
            fewest = min(len(fit.options) for fit in found)
            return min((fit for fit in found if len(fit.options) == fewest), key=lambda fit: (fit.rare, fit.error))
    return _three_faults(films, base, options, tolerance) if most > 2 else None


def nearest(films: Sequence[Film], base: Formula, options: Sequence[Option], n_faults: int) -> list[tuple[Option, ...]]:
    """Combinations of that many faults, those whose typical movement differs least first."""
    glance = films[0].taking(slice(_GLANCE))
    return sorted(_combinations(options, n_faults), key=lambda chosen: typical_difference(_with(base, chosen), glance))


def typical_difference(formula: Formula, film: Film) -> float:
    """Mean relative difference, each at most 1: 0 for the same movements, 1 for such as have nothing in common."""
    return float(np.mean(np.minimum(differences(formula, film), 1.0)))


def _three_faults(films: Sequence[Film], base: Formula, options: Sequence[Option], tolerance: Tolerance) -> Fit | None:
    faults = [option for option in options if option.fault]
    for pair in nearest(films, base, options, 2)[:_BEAM]:
        for third in faults:
            chosen = (*pair, third)
            if _fit_together(chosen) and (fit := _fit(films, base, chosen, tolerance)):
                return fit
    return None


def _combinations(options: Sequence[Option], n_faults: int) -> Iterator[tuple[Option, ...]]:
    """Every compatible choice of at most one form and so many faults."""
    # Guesses beside two faults would be hundreds of thousands of combinations, and prove little.
    forms = [option for option in options if option.form and (n_faults < 2 or not option.guess)]
    faults = [option for option in options if option.fault]
    for chosen in itertools.combinations(faults, n_faults):
        if _fit_together(chosen):
            yield chosen
            yield from ((*chosen, form) for form in forms if _fit_together((*chosen, form)))


def _fit_together(options: Sequence[Option]) -> bool:
    """Whether no two of them change the same piece, and no fault is there twice."""
    pieces = [name for option in options for name in option.pieces]
    faults = [option.fault.id for option in options if option.fault]
    return len(set(pieces)) == len(pieces) and len(set(faults)) == len(faults)


def _with(base: Formula, options: Sequence[Option]) -> Formula:
    for option in options:
        base = base.having(option.pieces)
    return base


def _fit(films: Sequence[Film], base: Formula, options: tuple[Option, ...], tolerance: Tolerance) -> Fit | None:
    formula = _with(base, options)
    return Fit(formula, options, worst(formula, films)) if explains(formula, films, tolerance) else None
