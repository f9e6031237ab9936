"""Points that a sampler proposes: new, inside the box, the same for the same seed."""

from __future__ import annotations

import math

import pytest

from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.proposals import SAMPLERS, Box, Sampler, propose
from adamtune.tuning.sweeps.space import Point, Space

JOINT = Space((find_knob("lr"), find_knob("beta2"), find_knob("lr_decay")))
SIDES = Box(((-4.0, -2.0), (1.5, 3.5), ("none", "cosine")))
SEEN: dict[Point, float] = {
    (1e-3, 0.99, "none"): 0.5,
    (3e-4, 0.999, "cosine"): 0.7,
    (5e-3, 0.968, "none"): 0.9,
    (1.0, 0.99, "none"): 0.1,  # outside of the box: it must not draw points there
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_points_are_new_inside_the_box_and_the_same_for_a_seed(sampler: Sampler) -> None:
    first = propose(JOINT, SIDES, SEEN, 3, sampler=sampler, seed=7)
    assert len(first) == 3
    assert len({*first, *SEEN}) == 3 + len(SEEN)
    assert all(SIDES.holds(JOINT, point) for point in first)
    assert all(knob.fits(value) for point in first for knob, value in zip(JOINT.knobs, point, strict=True))
    assert propose(JOINT, SIDES, SEEN, 3, sampler=sampler, seed=7) == first
    assert propose(JOINT, SIDES, SEEN, 3, sampler=sampler, seed=8) != first


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_rounding_to_typed_values_leads_out_of_no_box(sampler: Sampler) -> None:
    """Between 0.00104 and 0.00146 there are four values of two digits."""
    space = Space((find_knob("lr"),))
    box = Box(((space.knobs[0].place(1.04e-3), space.knobs[0].place(1.46e-3)),))
    found = propose(space, box, {(1.04e-3,): 1.0, (1.46e-3,): 1.1}, 5, sampler=sampler, seed=0)
    assert {point[0] for point in found} <= {1.1e-3, 1.2e-3, 1.3e-3, 1.4e-3}
    assert found


def test_where_there_is_nothing_new_nothing_is_proposed() -> None:
    space = Space((find_knob("batch_size"),))
    knob = space.knobs[0]
    seen: dict[Point, float] = {(64.0,): 1.0, (65.0,): 1.1, (66.0,): 1.2}
    assert propose(space, Box(((knob.place(64.0), knob.place(66.0)),)), seen, 4, sampler="qmc", seed=0) == []


def test_a_value_that_has_no_place_lies_in_no_box() -> None:
    space = Space((find_knob("weight_decay"), find_knob("lr_decay")))
    box = Box(((-3.0, -1.0), ("none",)))
    assert box.holds(space, (0.01, "none"))
    assert not box.holds(space, (0.0, "none"))
    assert not box.holds(space, (0.01, "linear"))
    assert not box.holds(space, (1.0, "none"))


def test_a_model_of_the_losses_looks_where_they_are_low() -> None:
    """A bowl around 3e-3, of which the sampler sees the rim."""
    space = Space((find_knob("lr"),))
    knob = space.knobs[0]
    seen: dict[Point, float] = {(v,): (knob.place(v) + 2.5) ** 2 for v in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)}
    found = propose(space, Box(((-5.0, 0.0),)), seen, 4, sampler="gp", seed=1)
    assert any(1e-3 < point[0] < 1e-2 for point in found)  # type: ignore[operator]


def test_a_point_on_the_edge_may_lie_beyond_it_by_a_rounding() -> None:
    knob = find_knob("weight_decay")
    place = knob.place(0.15)
    box = Box(((place - 2, math.nextafter(place, -math.inf)),))
    seen = {(0.15,): 0.3, (0.01,): 0.5}
    assert propose(Space((knob,)), box, seen, 2, sampler="tpe", seed=0)
