"""Which values are tried, and when the range is widened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamtune.errors import UsageError
from adamtune.tuning.sweeps.grid import around, at_edge, beyond, first_grid
from adamtune.tuning.sweeps.knobs import find_knob, load_knobs

KNOBS = {name: knob for name, knob in load_knobs().items() if knob.scale != "choice"}


@pytest.mark.parametrize("knob", KNOBS.values(), ids=KNOBS)
@given(share=st.floats(0.01, 0.99))
def test_a_grid_holds_the_current_value_and_stays_inside_the_range(knob: object, share: float) -> None:
    current = knob.value(knob.place(knob.low) + share * (knob.place(knob.high) - knob.place(knob.low)))  # type: ignore[attr-defined]
    values = first_grid(knob, current)  # type: ignore[arg-type]
    assert current in values
    assert values == sorted(set(values))
    assert all(knob.fits(value) for value in values)  # type: ignore[attr-defined]
    assert len(values) >= 2


@pytest.mark.parametrize("knob", KNOBS.values(), ids=KNOBS)
def test_a_place_and_its_value_belong_together(knob: object) -> None:
    for value in first_grid(knob, knob.start):  # type: ignore[arg-type, attr-defined]
        assert knob.value(knob.place(value)) == pytest.approx(value)  # type: ignore[attr-defined]


def test_a_best_value_inside_the_range_widens_nothing() -> None:
    knob = find_knob("lr")
    tried = first_grid(knob, 3e-4)
    assert beyond(knob, tried, tried[3]) == []
    assert not at_edge(knob, tried, tried[3])


def test_a_best_value_on_an_edge_widens_on_that_side() -> None:
    knob = find_knob("lr")
    tried = first_grid(knob, 3e-4)
    assert beyond(knob, tried, tried[-1]) == [0.095, 0.3]
    assert beyond(knob, tried, tried[0]) == [9.5e-07, 3e-07]
    assert beyond(knob, [100.0, 10.0], 100.0) == []
    assert at_edge(knob, [100.0, 10.0], 100.0)


def test_the_best_value_is_refined_between_its_neighbours() -> None:
    knob = find_knob("lr")
    assert around(knob, [1e-4, 1e-3, 1e-2], 1e-3) == pytest.approx((-4, -2))
    assert around(knob, [1e-4, 1e-3], 1e-4) == pytest.approx((-4, -3))
    assert around(find_knob("weight_decay"), [0.0, 0.1], 0.0) is None


def test_a_choice_tries_all_that_there_is_and_never_widens() -> None:
    knob = find_knob("lr_decay")
    assert first_grid(knob, "cosine") == ["cosine", "none", "linear", "inverse-sqrt"]
    assert beyond(knob, first_grid(knob, "none"), "none") == []
    assert not at_edge(knob, ["none", "cosine"], "cosine")


def test_warmup_steps_are_compared_with_shares() -> None:
    assert first_grid(find_knob("warmup"), 100.0) == [0.0, 0.1, 0.2, 0.3, 100.0]


def test_a_key_of_the_recipe_is_a_knob_and_a_path_of_a_knob_is_that_knob() -> None:
    assert find_knob("optimizer.betas[0]").name == "beta1"
    assert find_knob("model.hidden").scale == "choice"


def test_smoothing_constants_are_spaced_by_their_distance_from_one() -> None:
    knob = find_knob("beta2")
    assert first_grid(knob, 0.999) == pytest.approx([0.968, 0.99, 0.9968, 0.999, 0.99968, 0.9999, 0.99997], rel=1e-4)


def test_a_weight_decay_of_zero_is_swept_from_the_usual_start() -> None:
    values = first_grid(find_knob("weight_decay"), 0.0)
    assert values[0] == 0.0
    assert 0.01 in values


def test_an_unknown_knob_is_refused_with_the_near_miss() -> None:
    with pytest.raises(UsageError) as caught:
        find_knob("beta_1")
    assert caught.value.problems[0].hint == "did you mean: beta1"


def test_a_current_value_outside_the_range_is_refined_and_told_to_be_on_the_edge() -> None:
    knob = find_knob("beta2")
    tried = [0.1, 0.5, 0.9]
    assert at_edge(knob, tried, 0.1)
    ends = around(knob, tried, 0.1)
    assert ends is not None
    assert ends[0] == knob.place(0.1)
    assert ends[1] == knob.place(0.5)
