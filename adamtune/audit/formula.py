"""Adam in pieces, in plain float64 numbers, so that one piece at a time can be exchanged for a mistaken one.

This is what an audited class is measured against. It shares no line with `adamtune.optim` on purpose: an error there
would otherwise hide itself, and the side that judges needs no torch. Tests hold the two to each other.

Sources: Kingma & Ba 2014, Algorithm 1; Loshchilov & Hutter 2017, Algorithm 2 (weight decay); Reddi, Kale & Kumar 2018,
Algorithm 2 (the running maximum).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adamtune.audit.film import Array, Film, Flags, Indices, as_array

Pair = tuple[Array, Array]
Pieces = Mapping[str, Callable[..., Any]]


class Walk:
    """What the pieces of a formula see while they walk through a film: one number per element, shape [N].

    Args:
        film: What was recorded; the walk takes gradients, settings and the parameters before each step from it.
    """

    def __init__(self, film: Film) -> None:
        zeros = np.zeros(film.n_elements)
        self.film = film
        self.tensor: Indices = film.tensor
        self.group: Indices = film.group
        self.step = -1
        self.g = zeros  # this step's gradient as the formula takes it
        self.theta = zeros
        self.present: Flags = zeros.astype(bool)  # whether the element's tensor has a gradient in this step
        self.active = self.present  # whether the formula updates the element in this step
        self.m = zeros
        self.v = zeros
        self.m_before = zeros
        self.v_before = zeros
        self.largest = zeros
        self.seen = zeros  # updates of this element so far, this one included
        self.counted_from = 0  # the step from which a counter of whole steps counts
        self.calls = 0  # updates of whole tensors before this step, as a counter inside the loop counts them
        self.t = zeros
        self.m_hat = zeros
        self.v_hat = zeros
        self.correction_v = zeros
        self.divisor = zeros
        self.lr = self.beta1 = self.beta2 = self.eps = self.weight_decay = zeros

    def enter(self, step: int) -> None:
        """Takes what the film says of this step."""
        film = self.film
        self.step = step
        self.theta, self.present = film.before[step], film.present[step]
        self.lr, self.beta1, self.beta2 = film.lr[step], film.beta1[step], film.beta2[step]
        self.eps, self.weight_decay = film.eps[step], film.weight_decay[step]

    def per_tensor(self, values: Array, reduce: Callable[[Array], float]) -> Array:
        """`reduce` of each tensor's values, laid out over that tensor's elements."""
        out = np.empty_like(values)
        for number in range(int(self.tensor.max()) + 1):
            mine = self.tensor == number
            out[mine] = reduce(values[mine])
        return out

    def place_in_loop(self) -> Array:
        """How many tensors the loop over this step's gradients has met, the element's own included."""
        return as_array(np.cumsum(self.active[self.film.first_elements])[self.tensor])

    def recorded(self, step: int) -> Array:
        """The gradient that the class was given in that step; 0 where it was given none."""
        return as_array(self.film.gradient[step])


def fresh(walk: Walk) -> tuple[Array, Flags]:
    """This step's own gradient, for the tensors that have one."""
    return walk.recorded(walk.step), walk.present


def own_settings(walk: Walk) -> None:
    """Leaves each element the settings that its group has at this step."""


def kept(walk: Walk) -> None:
    """Loading a saved state changes nothing."""


def own_count(walk: Walk) -> Array:
    """t: the element's own updates, from 1."""
    return walk.seen


def no_pull(walk: Walk) -> Pair:
    """The gradient for m and for v: without weight decay."""
    return walk.g, walk.g


def l2_pull(walk: Walk) -> Pair:
    """The gradient for m and for v: with weight decay in it, as plain Adam has it."""
    g = walk.g + walk.weight_decay * walk.theta
    return g, g


def own_betas(walk: Walk) -> Pair:
    """The smoothing of m and of v."""
    return walk.beta1, walk.beta2


def averages(_: Walk, beta_m: Array, beta_v: Array) -> Pair:
    """The weight of what is new in m and in v."""
    return 1 - beta_m, 1 - beta_v


def squares(_: Walk, g: Array) -> Array:
    """What v averages: elementwise squares."""
    return g * g


def corrections(walk: Walk, beta_m: Array, beta_v: Array) -> Pair:
    """What m and v are divided by."""
    return 1 - beta_m**walk.t, 1 - beta_v**walk.t


def newest_v(walk: Walk) -> Array:
    """The v that is divided by its correction."""
    return walk.v


def denominator(walk: Walk) -> Array:
    """What m_hat is divided by."""
    return np.sqrt(walk.v_hat) + walk.eps


def direction(walk: Walk) -> Array:
    """What is multiplied by lr and subtracted."""
    return walk.m_hat / walk.divisor


def no_shrink(_: Walk, step: Array) -> Array:
    """The whole movement, given that of the gradient."""
    return -step


def shrink(walk: Walk, step: Array) -> Array:
    """The whole movement with AdamW's weight decay."""
    return -step - walk.lr * walk.weight_decay * walk.theta


def keep_averages(walk: Walk) -> None:
    """M and v go into the next step as they are."""


@dataclass(frozen=True)
class Formula:
    """An update rule: Adam, with some of its pieces exchanged.

    Args:
        settings: Changes the walk's settings of this step.
        load: What loading a saved state does to m, v and t.
        gradient: The gradient used, and which elements are updated.
        count: t.
        pull: The gradient for m and for v.
        betas: Smoothing of m and v.
        weights: What the new gradient weighs in m and in v.
        sample: What v averages.
        corrections: Divisors of m and v.
        chosen_v: The v that is divided by its correction.
        denominator: What m_hat is divided by.
        direction: What is multiplied by lr.
        shrink: The movement, from the gradient's share of it.
        keep: What happens to m and v after their use.
    """

    settings: Callable[[Walk], None] = own_settings
    load: Callable[[Walk], None] = kept
    gradient: Callable[[Walk], tuple[Array, Flags]] = fresh
    count: Callable[[Walk], Array] = own_count
    pull: Callable[[Walk], Pair] = no_pull
    betas: Callable[[Walk], Pair] = own_betas
    weights: Callable[[Walk, Array, Array], Pair] = averages
    sample: Callable[[Walk, Array], Array] = squares
    corrections: Callable[[Walk, Array, Array], Pair] = corrections
    chosen_v: Callable[[Walk], Array] = newest_v
    denominator: Callable[[Walk], Array] = denominator
    direction: Callable[[Walk], Array] = direction
    shrink: Callable[[Walk, Array], Array] = no_shrink
    keep: Callable[[Walk], None] = keep_averages

    def having(self, pieces: Pieces) -> Formula:
        """The same formula with these pieces in place of its own."""
        return replace(self, **pieces)


def movements(formula: Formula, film: Film) -> Array:
    """How far each element would have moved in each step of a film, shape [T, N].

    Every step starts from where the audited class really was, so that one wrong step is not counted twice.
    """
    return np.stack(list(steps(formula, film)))


def steps(formula: Formula, film: Film) -> Iterator[Array]:
    """The same, step by step, shape [N] each."""
    walk = Walk(film)
    for step in range(film.n_steps):
        with np.errstate(all="ignore"):  # a rule that divides by zero is a hypothesis like any other
            moved = _one_step(formula, walk, step)
        yield moved


def _one_step(formula: Formula, walk: Walk, step: int) -> Array:
    walk.enter(step)
    if step == walk.film.load_before:
        formula.load(walk)
    formula.settings(walk)
    walk.g, walk.active = formula.gradient(walk)
    walk.seen = walk.seen + walk.active
    walk.t = formula.count(walk)
    beta_m, beta_v = formula.betas(walk)
    weight_m, weight_v = formula.weights(walk, beta_m, beta_v)
    for_m, for_v = formula.pull(walk)
    old = walk.m, walk.v, walk.largest
    walk.m_before, walk.v_before = walk.m, walk.v
    walk.m = beta_m * walk.m + weight_m * for_m
    walk.v = beta_v * walk.v + weight_v * formula.sample(walk, for_v)
    correction_m, correction_v = formula.corrections(walk, beta_m, beta_v)
    walk.correction_v = correction_v
    walk.m_hat, walk.v_hat = walk.m / correction_m, formula.chosen_v(walk) / correction_v
    walk.divisor = formula.denominator(walk)
    moved = formula.shrink(walk, walk.lr * formula.direction(walk))
    formula.keep(walk)
    walk.m, walk.v, walk.largest = (
        np.where(walk.active, new, before) for new, before in zip((walk.m, walk.v, walk.largest), old, strict=True)
    )
    walk.calls += int(walk.active[walk.film.first_elements].sum())
    return np.where(walk.active, moved, 0.0)
