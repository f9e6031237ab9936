"""Rules about layers, units, moments and precision: on histories, and on runs that are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from adamtune.diagnosis.catalogue import load_rules
from adamtune.diagnosis.engine import diagnose_member
from adamtune.diagnosis.ranking import ranked, without_symptoms
from adamtune.diagnosis.rule import Finding
from adamtune.diagnosis.view import MemberView
from tests.diagnosis.test_rules_on_real_runs import diagnose, verdict

MakeView = Callable[..., MemberView]
Curve = Callable[..., list[float]]
N = 21
STUCK = [1.0, *[0.8] * 20]


def found(view: MemberView) -> dict[str, Finding]:
    return {finding.rule: finding for finding in diagnose_member(view)}


def faults(view: MemberView) -> list[str]:
    return [finding.rule for finding in diagnose_member(view) if finding.severity != "info"]


@pytest.mark.parametrize(
    ("rule", "signals"),
    [
        ("vanishing", {"grad_ratio": [2e-6] * N}),
        ("dead-relu", {"dead_units": [0.9] * N}),
        ("saturated", {"saturated_units": [0.1, *[0.8] * 20]}),
        ("symmetry", {"alike_units": [1.0] * N, "grad_ratio": [0.0] * N}),
        ("loss-spec", {"probabilities": [1.0] * N}),
        ("low-precision", {"unchanged": [0.95] * N, "update_ratio": [1e-3] * N, "lr": [1e-3] * N}),
    ],
)
def test_fault_is_named_first_where_the_run_is_stuck_and_is_none_where_it_learned(
    rule: str, signals: dict[str, list[float]], make_view: MakeView, curve: Curve
) -> None:
    stuck = make_view({"train_loss": STUCK, "val_loss": STUCK, "update_ratio": [2e-3] * N} | signals)
    assert faults(stuck)[0] == rule
    assert {"value", "threshold"} <= found(stuck)[rule].evidence.keys()
    fine = curve(0.01)
    learned = make_view({"train_loss": fine, "val_loss": fine, "update_ratio": [2e-3] * N} | signals)
    assert faults(learned) == ([rule] if rule == "loss-spec" else [])


def test_a_far_too_high_lr_explains_the_units_that_died_of_it(make_view: MakeView) -> None:
    losses = [1.0, 40.0, *[1.5] * 19]
    signals = {
        "train_loss": losses,
        "batch_loss_max": losses,
        "update_ratio": [0.5] * N,
        "dead_units": [0.0, *[1.0] * 20],
    }
    assert faults(make_view(signals, settings={"optimizer.lr": 1.0})) == ["loss-explosion"]


def test_eps_that_dominates_explains_a_small_gradient_in_front(make_view: MakeView) -> None:
    signals = {"train_loss": [1 - 0.01 * n for n in range(N)], "eps_share": [0.9] * N, "grad_ratio": [1e-4] * N}
    assert faults(make_view(signals, settings={"optimizer.eps": 1e-2})) == ["eps-dominates"]


def test_dead_units_behind_which_no_gradient_passes_are_not_called_vanishing(make_view: MakeView) -> None:
    signals = {"train_loss": STUCK, "dead_units": [1.0] * N, "grad_ratio": [0.0] * N}
    assert faults(make_view(signals)) == ["dead-relu"]


def test_copies_that_part_by_themselves_are_no_fault(make_view: MakeView) -> None:
    """Branches that begin at zero, as in many residual networks."""
    assert "symmetry" not in found(make_view({"train_loss": STUCK, "alike_units": [1.0, *[0.1] * 20]}))


def test_negative_loss_is_named(make_view: MakeView) -> None:
    losses = [0.5 - 0.1 * n for n in range(N)]
    finding = found(make_view({"train_loss": losses}))["loss-spec"]
    assert finding.severity == "critical"
    assert finding.evidence["value"] < 0


def test_spikes_are_found_and_clipped_below_them(make_view: MakeView) -> None:
    norms, peaks = [1.0] * N, [1.5 + 0.01 * n for n in range(N)]
    for at in (4, 9, 16):
        peaks[at] = 40.0
    signals = {"train_loss": STUCK, "grad_norm": norms, "grad_norm_max": peaks, "update_ratio": [2e-3] * N}
    finding = found(make_view(signals))["grad-spikes"]
    assert finding.evidence["steps"] == [17 * 4, 17 * 9, 17 * 16]
    assert [dict(remedy.set) for remedy in finding.remedies] == [{"clip.max_norm": 1.0}]
    even = [norm * (1 + n % 3) * 9 for n, norm in enumerate(norms)]
    assert "grad-spikes" not in found(make_view(signals | {"grad_norm_max": even}))


def test_a_circle_of_explanations_hides_nothing() -> None:
    """Weight decay explains a collapse, a collapse an explosion, and an explosion weight decay."""
    rules = {rule.id: rule for rule in load_rules()}
    circle = ("wd-too-strong", "collapse", "loss-explosion")
    assert all(after in rules[before].explains for before, after in zip(circle, circle[1:] + circle[:1], strict=True))
    findings = [Finding(rule, "critical", "x", {}) for rule in (*circle, "oscillation")]
    assert [finding.rule for finding in without_symptoms(findings, rules)] == list(circle)


def test_a_lag_of_v_counts_with_a_jump_of_the_loss_alone(make_view: MakeView) -> None:
    stale, losses = [1.2] * N, [0.5] * N
    stale[10] = 9.0
    jump = [*losses[:10], 2.5, *losses[11:]]
    signals = {"train_loss": STUCK, "stale": stale, "update_ratio": [2e-3] * N}
    finding = found(make_view(signals | {"batch_loss_max": jump}))["beta2-stale"]
    assert finding.evidence["step"] == 170
    assert dict(finding.remedies[0].set) == {"optimizer.betas": [0.9, 0.98]}
    assert "beta2-stale" not in found(make_view(signals | {"batch_loss_max": losses}))
    fast = {"optimizer.betas[1]": 0.95}
    assert "beta2-stale" not in found(make_view(signals | {"batch_loss_max": jump}, settings=fast))


def test_a_lag_is_not_blamed_for_an_lr_that_rose_or_was_too_high_before(make_view: MakeView) -> None:
    stale, losses = [1.2] * 10 + [12.0] + [1.2] * 10, [0.5] * 10 + [2.5] + [0.5] * 10
    signals = {"train_loss": STUCK, "stale": stale, "batch_loss_max": losses}
    calm, at_once = [2e-3] * N, [1e-3] * 10 + [1e-2] * 11
    carried = [2e-3] * 10 + [0.5] + [2e-3] * 10
    assert "beta2-stale" in found(make_view(signals | {"update_ratio": carried, "lr": [1e-3] * N}))
    assert "beta2-stale" not in found(make_view(signals | {"update_ratio": calm, "lr": at_once}))
    assert "beta2-stale" not in found(make_view(signals | {"update_ratio": [0.3, *calm[1:]]}))
    grown = [1.0 + 0.4 * n for n in range(N)]
    assert "beta2-stale" not in found(make_view(signals | {"update_ratio": calm, "param_norm": grown}))


@pytest.mark.parametrize(("mean", "severity"), [(0.8, "warning"), (0.4, "info"), (0.12, "info")])
def test_a_lag_that_was_made_good_again_is_a_fault_where_all_batches_got_worse(
    mean: float, severity: str, make_view: MakeView, curve: Curve
) -> None:
    stale, losses = [1.2] * 10 + [12.0] + [1.2] * 10, [0.1] * 10 + [2.5] + [0.1] * 10
    signals = {"train_loss": curve(0.01), "stale": stale, "batch_loss_max": losses, "update_ratio": [2e-3] * N}
    signals["batch_loss"] = [0.1] * 10 + [mean] + [0.1] * 10
    assert found(make_view(signals))["beta2-stale"].severity == severity


@pytest.mark.parametrize(("variety", "told"), [(0.05, 1), (0.4, 1), (0.6, 0), (1.0, 0)])
def test_a_loop_that_does_not_shuffle_is_named_though_it_learned(
    variety: float, told: int, make_view: MakeView, curve: Curve
) -> None:
    view = make_view({"train_loss": curve(0.05), "batch_variety": [variety] * (N - 1)})
    assert faults(view) == ["not-shuffled"] * told


@pytest.mark.parametrize(("val", "severity"), [(0.7, "warning"), (0.1, "info")])
def test_unscaled_inputs_are_a_fault_where_validation_did_not_follow(
    val: float, severity: str, make_view: MakeView, curve: Curve
) -> None:
    facts = {"constant_loss": 1.0, "features": {"rms": 300.0, "max_abs": 4000.0}}
    view = make_view({"train_loss": curve(0.02), "val_loss": curve(val)}, data=facts)
    assert found(view)["input-scale"].severity == severity


@pytest.mark.parametrize(("hidden", "rule"), [([64], "lr-too-low"), ([64, 1], "plateau-underfit")])
def test_a_layer_of_one_unit_explains_a_loss_that_creeps(hidden: list[int], rule: str, make_view: MakeView) -> None:
    losses = [1 - 0.007 * n for n in range(N)]
    signals = {"train_loss": losses, "val_loss": losses, "update_ratio": [2e-3] * N}
    assert faults(make_view(signals, settings={"model.hidden": hidden})) == [rule]
    tiny = make_view(signals | {"train_loss": [1.0] * N, "update_ratio": [1e-6] * N}, settings={"model.hidden": hidden})
    assert faults(tiny) == ["lr-too-low"]


@pytest.mark.parametrize(("dropout", "end", "verdicts"), [(0.9, 0.12, 1), (0.9, 0.05, 0), (0.6, 0.12, 0)])
def test_extreme_dropout_is_a_fault_sooner(
    dropout: float, end: float, verdicts: int, make_view: MakeView, curve: Curve
) -> None:
    view = make_view({"train_loss": curve(end), "update_ratio": [2e-3] * N}, settings={"model.dropout": dropout})
    assert faults(view) == ["over-regularised"] * verdicts


def test_columns_that_tell_nothing_are_named_after_what_raised_the_loss(make_view: MakeView) -> None:
    useless = Finding("const-dup-features", "warning", "x", {})
    rules = {rule.id: rule for rule in load_rules()}
    rise = Finding("overfit", "warning", "x", {})
    assert [finding.rule for finding in ranked([useless, rise], rules)] == ["overfit", "const-dup-features"]
    nothing = replace(useless, severity="critical")
    assert ranked([rise, nothing], rules)[0] == nothing
    doubt = [Finding("label-noise", "info", "x", {}), Finding("over-clipped", "info", "x", {})]
    assert ranked(doubt, rules)[0].rule == "over-clipped"


def test_a_decayed_or_tiny_lr_is_no_matter_of_precision(make_view: MakeView) -> None:
    signals = {"train_loss": STUCK, "unchanged": [0.95] * N, "update_ratio": [1e-3] * N}
    assert "low-precision" not in found(make_view(signals | {"lr": [1e-3 * 0.7**n for n in range(N)]}))
    assert "low-precision" not in found(make_view(signals | {"lr": [1e-3] * N, "update_ratio": [1e-9] * N}))


def test_broken_numbers_name_tensor_and_rows(make_view: MakeView) -> None:
    reason = "loss is nan (first in the gradient of 3.bias; training rows 9, 1 and 62 more) at step 40"
    finding = found(make_view({"train_loss": [1.0, 0.9]}, state="diverged", reason=reason))["nan-diverged"]
    assert "3.bias" in finding.message
    assert "training rows 9, 1 and 62 more" in finding.message


def test_eight_sigmoid_layers_vanish_and_the_remedy_sets_relu() -> None:
    sets = ["training.epochs=8", f"model.hidden={[24] * 8}", "model.activation=sigmoid"]
    diagnosis, _ = diagnose("digits-mlp", sets, [{"optimizer.lr": 3e-3}])
    assert diagnosis.verdict == "vanishing"
    assert [dict(remedy.set) for remedy in diagnosis.findings[0].remedies] == [
        {"model.activation": "relu"},
        {"model.norm": "layer"},
    ]


def test_nine_units_in_ten_dropped_are_too_many() -> None:
    sets = ["training.epochs=8", "model.hidden=[64,64]", "model.dropout=0.9"]
    diagnosis, _ = diagnose("digits-mlp", sets, [{"optimizer.lr": 1e-3}])
    assert verdict(diagnosis, {"optimizer.lr": 1e-3}) == "over-regularised"
    assert dict(diagnosis.findings[0].remedies[0].set) == {"model.dropout": 0.2}
