"""What the rules say of a policy's return, and what those about losses do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from adamtune.diagnosis.engine import diagnose_member
from adamtune.diagnosis.result import verdict_of
from adamtune.diagnosis.view import MemberView

POLE: dict[str, Any] = {
    "name": "pole",
    "task": "reinforcement",
    "model": {"kind": "mlp", "hidden": [64]},
    "training": {"steps": 300, "keep": "last"},
    "optimizer": {"name": "adamw", "lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01},
    "clip": {"max_norm": None},
    "schedule": {"warmup": 0, "decay": "none"},
    "reinforcement": {"entropy": 0.01},
}
FACTS = {"random_return": 22.9, "solved_at": 475.0, "n_actions": 2, "constant_loss": None}
NOISY = [9, 363, 96, 117, 493, 353, 172, 137, 500, 179, 449, 112, 500, 500, 500, 489, 500, 500, 500, 500, 500]
"""Evaluations of one healthy run on CartPole-v1; none of them was smoothed."""


@pytest.fixture
def judged(make_view: Callable[..., MemberView]) -> Callable[..., Any]:
    """The verdict on a member, and its findings."""

    def judge(returns: Sequence[float], facts: Any = FACTS, recipe: Any = POLE, **signals: Sequence[float]) -> Any:
        n = len(returns)
        columns: dict[str, Sequence[float]] = {
            "return": [float(value) for value in returns],
            "val_loss": [-float(value) for value in returns],
            "train_loss": [-0.8 * value for value in returns],
            "batch_loss": [2.5 - (line % 5) for line in range(n)],
            "batch_loss_max": [40.0 if line == 3 else 2.5 for line in range(n)],
            "entropy": [0.6] * n,
            "update_ratio": [0.05 / (1 + line) for line in range(n)],
            "update_ratio_max": [0.08 / (1 + line) for line in range(n)],
            "eps_share": [0.0] * n,
        }
        findings = diagnose_member(make_view(columns | signals, data=facts, recipe=recipe))
        return verdict_of(findings), findings

    return judge


def test_a_healthy_run_is_left_alone_however_its_return_jumps(judged: Callable[..., Any]) -> None:
    """No rule about losses may speak: minus a return has no zero to fall to, and bounces by nature."""
    assert judged(NOISY) == ("healthy", ())


def test_a_healthy_run_with_returns_below_zero_is_left_alone(judged: Callable[..., Any]) -> None:
    rising = [-500, -500, -480, -350, -420, -200, -160, -300, -120, -110, -95, -130, -90, -100, -92]
    facts = {"random_return": -499.0, "solved_at": -100.0, "n_actions": 3}
    assert judged(rising, facts)[0] == "healthy"
    assert judged(rising, {})[0] == "healthy"


@pytest.mark.parametrize("facts", [FACTS, {}], ids=["known-world", "another-program"])
def test_a_return_that_rose_and_fell_is_a_collapse_with_its_remedies(judged: Callable[..., Any], facts: Any) -> None:
    verdict, findings = judged([22, 60, 180, 400, 480, 470, 490, 300, 90, 40, 31, 12, 30], facts)
    assert verdict == "collapse"
    assert findings[0].severity == "critical"
    keys = [next(iter(remedy.set)) for remedy in findings[0].remedies]
    assert {"optimizer.lr", "reinforcement.entropy", "optimizer.betas"} <= set(keys)
    assert keys[0] == "optimizer.lr"
    assert "480" in findings[0].message


def test_a_single_low_evaluation_at_the_end_is_no_collapse(judged: Callable[..., Any]) -> None:
    assert judged([*NOISY[:-1], 80])[0] == "healthy"


def test_where_the_best_weights_were_kept_nothing_was_lost(judged: Callable[..., Any]) -> None:
    fallen = [22, 60, 180, 400, 480, 470, 490, 300, 90, 40, 31, 12, 490]
    assert judged(fallen)[0] == "collapse"
    keeps = {**POLE, "training": {"steps": 204, "keep": "best"}}
    assert judged(fallen, recipe=keeps)[0] == "healthy"


def test_a_policy_that_is_sure_of_the_wrong_thing_is_named_before_its_collapse(judged: Callable[..., Any]) -> None:
    entropy = [0.69, 0.3, 0.05, 0.01, *[0.001] * 9]
    verdict, findings = judged([9, 31, 200, 210, 190, 11, 9, 9, 9, 9, 9, 9, 9], entropy=entropy)
    assert verdict == "entropy-collapse"
    assert [finding.rule for finding in findings] == ["entropy-collapse"]
    assert dict(findings[0].remedies[0].set) == {"reinforcement.entropy": 0.1}
    assert dict(findings[0].remedies[1].set)["optimizer.lr"] < POLE["optimizer"]["lr"]


def test_a_policy_that_is_sure_of_the_right_thing_or_late_is_left_alone(judged: Callable[..., Any]) -> None:
    early = [0.69, 0.3, 0.05, *[0.001] * 18]
    assert judged(NOISY, entropy=early)[0] == "healthy"
    late = [*[0.6] * 12, 0.001]
    assert judged([9, 20, 60, 90, 80, 100, 90, 120, 130, 120, 140, 150, 160], entropy=late)[0] == "healthy"


def test_a_return_that_crawls_with_tiny_steps_wants_a_higher_lr(judged: Callable[..., Any]) -> None:
    slow = [10, 20, 33, 52, 68, 68, 70, 74, 77, 90, 101]
    verdict, findings = judged(slow, update_ratio=[5e-4] * 11)
    assert verdict == "lr-too-low"
    assert dict(findings[0].remedies[0].set) == {"optimizer.lr": 1e-2}
    assert judged(slow, update_ratio=[5e-3] * 11)[0] == "healthy"
    solved = [*slow[:5], *[480] * 6]
    assert judged(solved, update_ratio=[5e-4] * 11)[0] == "healthy"


def test_numbers_that_broke_are_named_for_a_policy_too(judged: Callable[..., Any], nan: float) -> None:
    assert judged(NOISY[:8], batch_loss=[2.0] * 7 + [nan])[0] == "nan-diverged"


def test_more_entropy_is_proposed_to_policies_alone(make_view: Callable[..., MemberView]) -> None:
    from adamtune.diagnosis.remedies.more_entropy import REMEDY
    from adamtune.diagnosis.rule import Finding

    finding = Finding("collapse", "critical", "a test", {})
    assert REMEDY.propose(make_view({"train_loss": [1.0, 0.2, 0.9]}), finding) is None
    policy = make_view({"return": [1.0, 9.0, 2.0]}, recipe=POLE)
    assert REMEDY.propose(policy, finding) is not None
