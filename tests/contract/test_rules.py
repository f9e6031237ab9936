"""What every diagnosis rule and every remedy promises, whoever adds one."""

from __future__ import annotations

import importlib
import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adamtune.data.examine.examine import probes
from adamtune.diagnosis.catalogue import RULES_FOLDER, load_rules
from adamtune.diagnosis.engine import diagnose_member
from adamtune.diagnosis.prescription import REMEDIES_FOLDER, Prescriber
from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import SEVERITIES, Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.models.build import option_schemas
from adamtune.recipe.load import load_recipe
from adamtune.recipe.resolve import with_values
from adamtune.recipe.shipped import recipes_dir
from adamtune.registry import entries
from adamtune.runs.record import SIGNALS, STATES

RULES = load_rules()
PROBES = [probe.name for probe in probes()]
CURES = entries(REMEDIES_FOLDER, "REMEDY", Cure)  # type: ignore[type-abstract]
IDS = {rule.id for rule in RULES}
CATALOGUE = {
    "data-nonfinite", "nan-diverged", "loss-explosion", "oscillation", "update-ratio-high", "lr-too-low",
    "lr-decayed-early", "plateau-underfit", "collapse", "overfit", "over-clipped", "eps-dominates", "wd-too-strong",
    "input-scale", "target-scale", "class-imbalance", "const-dup-features", "label-names", "label-gaps",
    "rare-classes", "random-labels", "label-noise", "conflicting-dupes", "train-val-leak", "target-leak",
    "not-shuffled", "bad-init-loss", "vanishing", "dead-relu", "saturated", "symmetry", "loss-spec", "over-regularised",
    "low-precision", "grad-spikes", "beta2-stale",
}  # fmt: skip
MENDED_BY_HAND = {
    "data-nonfinite", "class-imbalance", "label-names", "label-gaps", "rare-classes", "random-labels",
    "conflicting-dupes", "train-val-leak", "not-shuffled", "bad-init-loss",
    "symmetry", "loss-spec",
}  # fmt: skip
EVERY_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
EVERY_CURE = pytest.mark.parametrize("cure", CURES, ids=lambda cure: cure.id)


def test_public_ids_stay() -> None:
    assert CATALOGUE <= IDS


@EVERY_RULE
def test_rule_stands_in_a_file_of_its_own_name(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.id)
    assert type(rule).__module__ == f"{RULES_FOLDER}.{rule.id.replace('-', '_')}"
    assert isinstance(rule.cause, Cause)
    assert rule.meaning
    assert rule.meaning[-1] != "."


@EVERY_RULE
def test_rule_file_opens_with_what_why_what_to_do_and_source(rule: Rule) -> None:
    text = importlib.import_module(type(rule).__module__).__doc__ or ""
    at = [text.find(head) for head in ("What it detects:", "Why it matters:", "What to do:", "Source:")]
    assert -1 not in at
    assert at == sorted(at)


@EVERY_CURE
def test_remedy_file_opens_with_what_why_when_not_and_source(cure: Cure) -> None:
    text = importlib.import_module(type(cure).__module__).__doc__ or ""
    at = [text.find(head) for head in ("What it changes:", "Why it helps:", "When not:", "Source:")]
    assert -1 not in at
    assert at == sorted(at)
    assert type(cure).__module__ == f"{REMEDIES_FOLDER}.{cure.id.replace('-', '_')}"


@EVERY_RULE
def test_rule_explains_only_rules_that_exist(rule: Rule) -> None:
    assert rule.explains <= IDS - {rule.id}


@EVERY_CURE
def test_remedy_cures_only_rules_that_exist(cure: Cure) -> None:
    assert set(cure.cures) <= IDS
    assert cure.cures


def test_no_two_rules_explain_each_other() -> None:
    explains = {rule.id: rule.explains for rule in RULES}
    assert not [(a, b) for a in IDS for b in explains[a] if a in explains[b]]


def test_every_fault_that_a_setting_can_cure_has_a_remedy() -> None:
    cured = {rule_id for cure in CURES for rule_id in cure.cures}
    assert IDS - cured == MENDED_BY_HAND


@EVERY_RULE
def test_thresholds_are_finite_numbers(rule: Rule) -> None:
    assert all(isinstance(value, float) and math.isfinite(value) for value in rule.thresholds.values())


ANY = st.floats(allow_nan=True, allow_infinity=True)
LIKELY = st.floats(min_value=0, max_value=30) | st.sampled_from([0.0, 1e-9, 1.0, 1e4, math.nan, math.inf])
SETTINGS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            "optimizer": st.fixed_dictionaries(
                {
                    "name": st.sampled_from(["adamw", "adam", "sgd"]),
                    "lr": LIKELY | st.just("3e-4"),
                    "betas": st.lists(LIKELY, max_size=3),
                    "eps": LIKELY,
                    "weight_decay": LIKELY,
                }
            ),
            "clip": st.fixed_dictionaries({"max_norm": st.none() | LIKELY}),
            "schedule": st.fixed_dictionaries({"warmup": LIKELY, "decay": st.sampled_from(["none", "cosine"])}),
            "model": st.fixed_dictionaries({"hidden": st.lists(st.integers(0, 99), max_size=3), "dropout": LIKELY}),
            "training": st.fixed_dictionaries({"epochs": st.none() | st.integers(1, 99)}),
        }
    ),
)
ODD = st.none() | ANY | LIKELY | st.integers(-3, 999) | st.text(max_size=3) | st.booleans()
FACT_NAMES = sorted(
    {
        "n_rows", "n_columns", "n_constant", "n_copies", "constant", "copies", "is_image", "n_classes", "same",
        "similar", "numbers", "apart", "label", "rows", "lowest", "names", "counts", "agreement", "chance", "split",
        "splits", "n_twins", "n_conflicting", "n_compared", "conflict_of_twins", "conflict_of_neighbours", "groups",
        "labels", "val", "test", "train", "all", "exact", "near", "pairs", "near_pairs", "n_asked", "n_exact", "bits",
        "finest", "n_train", "share", "tokens", "corrected", "above_chance", "explained", "n_suspect",
        "above_commonest", "unevenness", "wrong", "wrong_where_sure", "suspects", "row", "given", "likely", "best",
        "column", "score",
        "measure", "range_ratio", "widest", "narrowest", "range", "far", "gap", "loss", "expected",
    }
)  # fmt: skip
NAMES = st.sampled_from(FACT_NAMES)
ENTRIES = ODD | st.lists(ODD, max_size=3) | st.dictionaries(NAMES, ODD, max_size=6)
FACTS: st.SearchStrategy[Any] = ENTRIES | st.lists(ENTRIES, max_size=3) | st.dictionaries(NAMES, ENTRIES, max_size=9)
EXAMINATION = st.dictionaries(st.sampled_from([*PROBES, "initial_loss"]), FACTS, max_size=6)
DATA: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            "nonfinite": st.fixed_dictionaries({"count": st.integers(0, 3), "rows": st.lists(st.integers(0, 9))}),
            "features": st.fixed_dictionaries({"rms": ANY | st.none(), "max_abs": ANY | st.none()}),
            "target": st.none() | st.fixed_dictionaries({"mean": st.lists(ANY), "std": ANY}),
            "class_counts": st.fixed_dictionaries({"train": st.lists(st.integers(0, 99))}),
            "class_names": st.lists(st.text(max_size=2), max_size=3),
            "examination": EXAMINATION,
        }
    ),
)


@st.composite
def views(draw: st.DrawFn) -> MemberView:
    steps = sorted(draw(st.sets(st.integers(0, 10_000), max_size=25)))
    names = draw(st.sets(st.sampled_from(sorted(SIGNALS))))
    values = draw(st.sampled_from([ANY, LIKELY]))
    column = st.lists(values, min_size=len(steps), max_size=len(steps)).map(tuple)
    signals = {name: draw(column) for name in sorted(names)}
    return MemberView(
        task=draw(st.sampled_from(["classification", "regression", "reinforcement", ""])),
        settings=draw(SETTINGS),
        data=draw(DATA),
        steps=tuple(steps),
        epochs=tuple(step / 10 for step in steps),
        signals=signals,
        state=draw(st.sampled_from(STATES)),
        reason=draw(st.sampled_from(["", "loss is nan at step 3", "loss stayed above 20 times its start"])),
        total_steps=draw(st.sampled_from([0, 10_000])),
        constant_loss=draw(LIKELY),
        broken=tuple(
            (step, name)
            for name, column_ in signals.items()
            for step, value in zip(steps, column_, strict=True)
            if not math.isfinite(value)
        ),
    )


@given(views())
@settings(max_examples=200, deadline=None)
def test_no_rule_or_remedy_fails_on_an_odd_history(view: MemberView) -> None:
    findings = diagnose_member(view)
    assert len({finding.rule for finding in findings}) == len(findings)
    for finding in findings:
        assert_is_well_formed(finding)


def assert_is_well_formed(finding: Finding) -> None:
    assert finding.rule in IDS
    assert finding.severity in SEVERITIES
    assert finding.message
    assert "\n" not in finding.message
    assert "nan of" not in finding.message
    json.dumps(dict(finding.evidence))
    assert finding.evidence
    for remedy in finding.remedies:
        assert remedy.set
        assert remedy.why
        json.dumps(dict(remedy.set))


@pytest.fixture(scope="module")
def shipped() -> Any:
    return load_recipe(recipes_dir() / "digits-mlp.yaml", kinds=option_schemas(), sources=["sklearn/digits"]).recipe


@EVERY_RULE
@pytest.mark.parametrize(
    "changed",
    [{}, {"optimizer.lr": 10.0, "optimizer.eps": 1.0, "optimizer.weight_decay": 3.0}, {"model.hidden": [2]}],
    ids=["defaults", "odd-optimizer", "narrow-model"],
)
def test_every_remedy_is_a_valid_change_that_changes_something(rule: Rule, changed: Any, shipped: Any) -> None:
    recipe = with_values(shipped, changed)
    view = MemberView(
        settings=recipe.model_dump(mode="json"),
        steps=(0, 20, 40),
        epochs=(0.0, 1.0, 2.0),
        signals={
            "val_loss": (1.0, 0.5, 0.9),
            "train_loss": (1.0, 0.5, 0.1),
            "update_ratio": (math.nan, 0.02, 0.5),
            "grad_norm": (math.nan, 0.77, 1.3),
        },
    )
    finding = Finding(rule.id, "warning", "a test", {})
    for remedy in Prescriber().with_remedies(finding, view, None, {}).remedies:
        assert with_values(recipe, dict(remedy.set)) != recipe
        for value in remedy.set.values():
            if isinstance(value, float):
                assert value == float(f"{value:.1e}"), "two significant digits read well"


def test_a_rule_that_was_only_information_hides_no_fault(make_unhealthy: MemberView) -> None:
    severities = [finding.severity for finding in diagnose_member(make_unhealthy)]
    assert severities == sorted(severities, key=lambda severity: severity == "info")


@pytest.fixture
def make_unhealthy() -> MemberView:
    steps = tuple(range(0, 420, 20))
    base = MemberView(steps=steps, epochs=tuple(map(float, range(21))), constant_loss=1.0, state="complete")
    slow = tuple(1 - 0.01 * line for line in range(21))
    return replace(
        base,
        settings={"optimizer": {"name": "adamw", "lr": 1e-5}, "clip": {"max_norm": 1e-3}},
        signals={"train_loss": slow, "update_ratio": (1e-5,) * 21, "clipped": (1.0,) * 21},
    )
