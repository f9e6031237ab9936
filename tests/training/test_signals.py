"""What a diagnosis reads of a training: measured right, and the same in any company."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from adamtune.optim.coefficients import Coefficients
from adamtune.optim.population import PopulationAdam
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.metrics import from_line, to_line
from adamtune.runs.record import LAYER_SIGNALS, SIGNALS, Record
from adamtune.training.activity import FLAT, PROBE_ROWS, Activity, idle_rows
from adamtune.training.alike import alike_units
from adamtune.training.rows import Layout, Rows
from adamtune.training.sample import ELEMENTS, MATRICES, Sample
from adamtune.training.signals import Taken, Window

if TYPE_CHECKING:
    from tests.conftest import Lab

CLOSE = {"vectorized": 1e-4, "loop": 1e-4}
"""Relative difference of a signal in other company: float32 rounding after 60 updates; shares are the same exactly."""
SHARES = ("dead_units", "saturated_units", "alike_units", "probabilities", "unchanged")


class Net(nn.Module):
    """A relu layer with dead units, then a tanh layer with flat ones, then a sigmoid layer with none."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(64, 20), nn.Linear(20, 10), nn.Linear(10, 9)
        self.last = nn.Linear(9, 10)
        self.relu, self.tanh, self.sigmoid = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
        with torch.no_grad():
            self.first.bias[:5] = -1e3
            self.second.bias[:3] = 1e3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.tanh(self.second(self.relu(self.first(x))))
        outputs: torch.Tensor = self.last(self.sigmoid(self.third(hidden)))
        return outputs


def members() -> list[MemberEntry]:
    return [MemberEntry(n, n % 2, {"optimizer.lr": lr}) for n, lr in enumerate((1e-3, 3e-3, 1e-2))]


@pytest.mark.parametrize("strategy", ["vectorized", "loop"])
def test_dead_and_flat_units_are_counted_in_the_worst_layer(digits: Lab, strategy: str) -> None:
    first = digits.train(members()[:2], Net, strategy=strategy)[1][0].signals
    assert first["dead_units"] == 5 / 20
    assert first["saturated_units"] == 3 / 10
    assert first["probabilities"] == 0.0


@pytest.mark.parametrize("strategy", ["vectorized", "loop"])
def test_signals_do_not_depend_on_the_company(digits: Lab, strategy: str) -> None:
    """Promise 1, for every signal."""
    together = digits.train(members(), Net, strategy=strategy)
    alone = digits.train(members()[1:2], Net, strategy="loop")
    for mine, theirs in zip(alone[1], together[1], strict=True):
        assert list(mine.signals) == list(theirs.signals)
        for name, value in mine.signals.items():
            tolerance = 0.0 if name in SHARES else CLOSE[strategy]
            assert theirs.signals[name] == pytest.approx(value, rel=tolerance, abs=1e-9), name
    last = together[1][-1].signals
    assert {"stale", "snr", "eps_share", "grad_ratio", "unchanged"} <= last.keys()
    assert {name.split("/")[0] for name in last if "/" in name} == set(LAYER_SIGNALS)


def test_every_signal_that_is_logged_is_documented(digits: Lab) -> None:
    for record in digits.train(members())[0]:
        assert {name.split("/")[0] for name in record.signals} <= SIGNALS.keys() | LAYER_SIGNALS.keys()


def test_signals_of_layers_come_back_and_old_lines_read_as_before() -> None:
    signals = {"val_loss": 1.0, "grad_norm/0.weight": 0.5, "param_norm/0.weight": 2.0, "update_ratio/a/b": math.inf}
    line = to_line(Record(0, 1, 0.5, signals=signals))
    assert line.count("0.weight") == 1
    assert from_line(line).signals == signals
    odd = '{"step": 1, "layers": {"a": [1, "x", null, 4], "b": 3}, "grad_norm": 2}'
    assert from_line(odd).signals == {"grad_norm": 2.0, "grad_norm/a": 1.0}
    assert from_line('{"step": 1, "layers": 3, "val_loss": 2}').signals == {"val_loss": 2.0}


def test_a_thousand_evaluations_of_sixty_four_members_stay_small(digits: Lab) -> None:
    last = digits.train(members())[0][-1]
    assert len(to_line(last)) * 64 * 1000 < 80e6


def test_lr_beyond_all_bounds_names_the_tensor_and_the_rows(digits: Lab) -> None:
    found = digits.train([MemberEntry(0, 0, {"optimizer.lr": 1e30})])[0][-1]
    assert found.state == "diverged"
    assert "first in the gradient of 3.bias; training rows" in found.reason
    assert found.reason.endswith(f"and 59 more) at step {found.step}")


def window_of(rows: Rows, layout: Layout, beta2: float, grads: list[float]) -> dict[str, list[float]]:
    window = Window(layout)
    optimizer = PopulationAdam(rows.params, Coefficients.of(len(rows.params), lr=1e-3, beta2=beta2))
    for step, scale in enumerate(grads):
        rows.grads = torch.full_like(rows.params, scale)
        nothing = torch.zeros(len(rows.params))
        window.before_update(step, rows)
        optimizer.step(rows.params, rows.grads, step + 1)
        window.after_update(rows, Taken(nothing, nothing, nothing.bool(), step + 1), optimizer)
    return window.signals([window.take()], optimizer)[0]


def test_stale_is_one_for_steady_gradients_and_large_after_a_jump() -> None:
    layout = Layout(("a", "b"), (torch.Size([5, 3]), torch.Size([7, 5])))
    steady = window_of(Rows(torch.ones(3, 50), torch.ones(3, 50), {}), layout, 0.999, [1.0] * 21)
    assert steady["stale"] == pytest.approx([1.0] * 3)
    jump = window_of(Rows(torch.ones(3, 50), torch.ones(3, 50), {}), layout, 0.999, [1.0] * 200 + [50.0])
    v_hat = (0.001 * 2500 + 0.999 * (1 - 0.999**200)) / (1 - 0.999**201)
    assert jump["stale"] == pytest.approx([50 / v_hat**0.5] * 3, rel=1e-4)


def test_gradients_of_layers_are_measured_before_clipping_and_ratios_by_element() -> None:
    layout = Layout(("a", "bias", "b"), (torch.Size([5, 3]), torch.Size([5]), torch.Size([7, 5])))
    found = window_of(Rows(torch.ones(2, 55), torch.ones(2, 55), {}), layout, 0.9, [2.0])
    assert found["grad_norm/a"] == pytest.approx([2 * 15**0.5] * 2)
    assert found["grad_ratio"] == pytest.approx([1.0] * 2)
    assert found["update_ratio/b"] == pytest.approx([1e-3] * 2, rel=1e-3)
    assert "grad_norm/bias" not in found


def test_updates_too_small_for_the_precision_leave_weights_unchanged() -> None:
    layout = Layout(("a",), (torch.Size([5, 3]),))
    large = Rows(torch.full((2, 15), 1e6), torch.ones(2, 15), {})
    large.params[1] = 1.0
    assert window_of(large, layout, 0.999, [1.0])["unchanged"] == [1.0, 0.0]


def test_copies_of_a_unit_are_alike_and_ordinary_units_are_not() -> None:
    layout = Layout(("a", "b"), (torch.Size([13, 7]), torch.Size([3, 13])))
    params = torch.randn(3, 7 * 13 + 39, generator=torch.Generator().manual_seed(1))
    params[1, : 7 * 13] = 0.01
    params[2, : 7 * 13] = 0.0
    found = alike_units(params, layout)
    assert found is not None
    assert found.tolist() == [0.0, 1.0, 1.0]
    assert alike_units(params[:, 91:], Layout(("b",), (torch.Size([3, 13]),))) is None


def test_probabilities_before_the_loss_are_seen(digits: Lab) -> None:
    def softmaxed() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 10), nn.Softmax(dim=-1))

    assert digits.train(members(), softmaxed)[0][0].signals["probabilities"] == 1.0


def test_a_probe_is_the_same_rows_however_a_split_is_cut() -> None:
    for n in (100, 256, 257, 1000, 1024):
        activity = Activity(n)
        rows = torch.arange(n)
        for size in (n, 7, 300):
            parts = [rows[start : start + size][activity.rows(start)] for start in range(0, n, size)]
            assert torch.equal(torch.cat(parts), rows[activity.rows(0)])
        assert n // 2 <= len(rows[activity.rows(0)]) * (n // PROBE_ROWS + 1)
        assert len(rows[activity.rows(0)]) <= PROBE_ROWS
    assert FLAT["sigmoid"] == 2 * FLAT["tanh"]


def test_a_sample_spreads_over_every_shown_matrix_and_means_are_means() -> None:
    sizes = [torch.Size([n + 2, 40]) for n in range(23)]
    layout = Layout(tuple(f"m{n}" for n in range(23)), tuple(sizes))
    sample = Sample.of(layout)
    assert len(sample.names) == MATRICES
    assert (sample.names[0], sample.names[-1]) == ("m0", "m22")
    assert torch.allclose(sample.mean.sum(dim=0), torch.ones(MATRICES))
    for place, at in enumerate(sample.matrices):
        own = sample.columns[sample.mean[:, place] > 0]
        assert len(own.unique()) == len(own) == min(ELEMENTS, at.stop - at.start)
        assert at.start <= int(own.min()) <= int(own.max()) < at.stop


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_unit_that_says_something_once_in_many_rows_is_not_dead(dtype: torch.dtype) -> None:
    given = torch.zeros(2, 5000, 3, dtype=dtype)
    given[0, 4321, 0], given[0, 17, 1], given[1, 99, 2] = 1e-3, torch.inf, 2.0
    assert idle_rows("relu", given).tolist() == [[4999, 4999, 5000], [5000, 5000, 4999]]
