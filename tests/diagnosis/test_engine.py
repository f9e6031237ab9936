"""Which members speak for a run, what is named first, and what a person is told to type."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from adamtune.diagnosis.engine import diagnose_data, diagnose_member, diagnose_run
from adamtune.diagnosis.result import Diagnosis

Curve = Callable[..., list[float]]
Make = Callable[..., Any]
Member = Mapping[str, Any]


@pytest.fixture
def healthy(curve: Curve) -> Mapping[str, Any]:
    return {"signals": {"train_loss": curve(0.01), "val_loss": curve(0.03)}}


@pytest.fixture
def crawling(curve: Curve) -> Mapping[str, Any]:
    slow = [1.0 - 0.02 * line for line in range(21)]
    return {"signals": {"train_loss": slow, "val_loss": slow, "update_ratio": [2e-4] * 21}}


@pytest.fixture
def broken() -> Mapping[str, Any]:
    return {
        "signals": {"train_loss": [1.0, 0.9, math.nan], "val_loss": [1.0, 0.9, math.nan]},
        "state": "diverged",
        "reason": "loss is nan at step 31",
    }


def rules(diagnosis: Diagnosis) -> list[str]:
    return [finding.rule for finding in diagnosis.findings]


def test_run_of_healthy_seeds_is_healthy_and_proposes_nothing(make_run: Make, healthy: Member) -> None:
    diagnosis = diagnose_run(make_run(healthy, healthy, healthy))
    assert diagnosis.verdict == "healthy"
    assert diagnosis.findings == ()
    assert diagnosis.basis == "3 members"
    assert [member.verdict for member in diagnosis.members] == ["healthy"] * 3


def test_fault_of_every_seed_says_how_many_show_it(make_run: Make, crawling: Member) -> None:
    diagnosis = diagnose_run(make_run(crawling, crawling, crawling))
    assert diagnosis.verdict == "lr-too-low"
    finding = diagnosis.findings[0]
    assert (finding.evidence["members"], finding.evidence["of_members"]) == (3, 3)
    assert "3 of 3 members" in finding.message


def test_fault_of_a_minority_counts_one_severity_less_and_says_so(
    make_run: Make, healthy: Member, crawling: Member
) -> None:
    diagnosis = diagnose_run(make_run(crawling, healthy, healthy))
    assert diagnosis.verdict == "healthy"
    assert diagnosis.findings[0].severity == "info"
    assert "only 1 of 3 members" in diagnosis.findings[0].message


def test_diverged_member_keeps_a_warning_however_many_are_healthy(
    make_run: Make, healthy: Member, broken: Member
) -> None:
    diagnosis = diagnose_run(make_run(healthy, healthy, broken, healthy, healthy))
    assert diagnosis.verdict == "nan-diverged"
    assert diagnosis.findings[0].severity == "warning"


def test_seeds_that_are_all_sick_in_different_ways_are_no_minorities(
    make_run: Make, crawling: Member, broken: Member, curve: Curve
) -> None:
    exploded = {
        "signals": {"train_loss": [1.0, 40.0, *curve(30.0, 19, 38.0)]},
        "state": "complete",
    }
    diagnosis = diagnose_run(make_run(exploded, broken, crawling))
    assert diagnosis.verdict != "healthy"
    assert {finding.severity for finding in diagnosis.findings} >= {"critical"}


def test_data_fault_is_named_before_what_it_caused(make_run: Make, broken: Member) -> None:
    data = {"constant_loss": 1.0, "nonfinite": {"count": 2, "rows": [4, 9], "columns": [1], "where": "x"}}
    diagnosis = diagnose_run(make_run(broken, data=data))
    assert rules(diagnosis) == ["data-nonfinite"]
    assert "rows 4, 9" in diagnosis.findings[0].message


def test_sweep_is_judged_by_the_members_at_its_baseline_value(
    make_run: Make, healthy: Member, broken: Member, crawling: Member
) -> None:
    members = [
        {**healthy, "trial": 0, "settings": {"optimizer.lr": 1e-3}},
        {**broken, "trial": 1, "settings": {"optimizer.lr": 10.0}},
        {**crawling, "trial": 2, "settings": {"optimizer.lr": 1e-6}},
    ]
    diagnosis = diagnose_run(make_run(*members, command="sweep"))
    assert diagnosis.verdict == "healthy"
    assert diagnosis.basis == "1 member at optimizer.lr = 0.001"
    assert [trial.verdict for trial in diagnosis.trials] == ["healthy", "nan-diverged", "lr-too-low"]
    assert diagnosis.trial_verdicts == {"healthy": 1, "nan-diverged": 1, "lr-too-low": 1}


def test_sweep_without_its_baseline_value_is_judged_by_its_best_trial(
    make_run: Make, healthy: Member, crawling: Member
) -> None:
    members = [
        {**crawling, "trial": 0, "settings": {"optimizer.lr": 1e-6}},
        {**healthy, "trial": 1, "settings": {"optimizer.lr": 3e-3}},
    ]
    diagnosis = diagnose_run(make_run(*members, command="sweep"))
    assert diagnosis.verdict == "healthy"
    assert diagnosis.basis == "1 member at optimizer.lr = 0.003"


def test_remedy_comes_with_the_command_that_tries_it(make_run: Make, crawling: Member) -> None:
    run = make_run(crawling)
    remedy = diagnose_run(run).findings[0].remedies[0]
    assert dict(remedy.set) == {"optimizer.lr": 0.1} or remedy.set["optimizer.lr"] > 1e-3
    words = shlex.split(remedy.command)
    assert words[:3] == ["adamtune", "baseline", str(run.path / "recipe.yaml")]
    assert words[3] == "--set"
    assert words[4].startswith("optimizer.lr=")


def test_command_for_a_trial_repeats_what_the_trial_had_set(make_run: Make, crawling: Member) -> None:
    member = {**crawling, "trial": 0, "settings": {"optimizer.eps": 1e-6}}
    trial = diagnose_run(make_run(member, command="sweep")).trials[0]
    assert "--set optimizer.eps=1e-6" in trial.findings[0].remedies[0].command


def test_remedies_never_propose_what_is_set_already(make_run: Make, curve: Curve) -> None:
    bouncing = [0.4 if line % 2 else 0.8 for line in range(21)]
    member = {
        "signals": {"train_loss": bouncing, "update_ratio_max": [0.02] * 21},
        "settings": {"schedule.decay": "cosine", "optimizer.betas[0]": 0.85},
    }
    finding = diagnose_run(make_run(member)).findings[0]
    assert finding.rule == "oscillation"
    assert [dict(remedy.set) for remedy in finding.remedies] == [{"optimizer.lr": 0.0001}]


def test_foreign_run_with_nothing_but_a_loss_is_judged(make_run: Make) -> None:
    slow = [2.3 - 0.02 * line for line in range(21)]
    run = make_run({"signals": {"train_loss": slow}, "state": "running"}, recipe=None, data={})
    diagnosis = diagnose_run(run)
    assert diagnosis.verdict == "lr-too-low"
    assert "its own start" in diagnosis.findings[0].message
    assert all(not remedy.command for remedy in diagnosis.findings[0].remedies)


def test_run_that_has_not_begun_is_judged_by_its_data_alone(make_run: Make) -> None:
    data = {"constant_loss": 1.0, "nonfinite": {"count": 1, "rows": [3], "columns": [], "where": "y"}}
    assert diagnose_run(make_run(data=data)).verdict == "data-nonfinite"
    assert diagnose_run(make_run({}, data=data)).findings[0].severity == "critical"
    assert diagnose_run(make_run({})).verdict == "healthy"


def test_unfinished_or_pruned_member_is_not_told_that_it_was_slow(make_run: Make, crawling: Member) -> None:
    assert diagnose_run(make_run({**crawling, "state": "pruned"})).verdict == "healthy"


def test_data_are_judged_before_any_training() -> None:
    findings = diagnose_data({"features": {"rms": 130.0, "max_abs": 255.0}}, {"data": {"normalize": "none"}})
    assert [finding.rule for finding in findings] == ["input-scale"]
    assert dict(findings[0].remedies[0].set) == {"data.normalize": "standard"}


def test_member_alone_gets_remedies_without_a_command(make_view: Make, crawling: Member) -> None:
    findings = diagnose_member(make_view(crawling["signals"]))
    assert findings[0].rule == "lr-too-low"
    assert findings[0].remedies
    assert not findings[0].remedies[0].command
