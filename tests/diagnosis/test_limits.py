"""Overriding thresholds: what works, and how a stale name is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from adamtune.diagnosis.catalogue import list_rules, load_rules
from adamtune.diagnosis.limits import load_limits
from adamtune.errors import UsageError


def overrides(folder: Path, text: str) -> Path:
    path = folder / "diagnosis.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_overrides_name_only_rules_and_thresholds_that_exist() -> None:
    rules = load_rules()
    assert load_limits(rules).keys() == {rule.id for rule in rules}


def test_override_replaces_one_threshold_and_leaves_the_rest(tmp_path: Path) -> None:
    limits = load_limits(load_rules(), overrides(tmp_path, "overfit:\n  val_rise: 2e-1\n"))
    assert limits["overfit"]["val_rise"] == 0.2
    assert limits["overfit"]["ratio"] == 1.3


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("overfitt:\n  ratio: 1\n", 1, "no rule overfitt"),
        ("# words\noverfit:\n  ratio: 1\n  ration: 2\n", 4, "overfit has no threshold ration"),
        ("collapse:\n  early: 0.2\noverfit:\n  early: soon\n", 4, "overfit.early is 'soon'"),
        ("overfit: 3\n", 1, "overfit is 3"),
        ("- overfit\n", 1, "not a mapping"),
        ("overfit: [\n", 2, "not valid YAML"),
    ],
)
def test_stale_or_wrong_override_is_an_error_with_its_line(tmp_path: Path, text: str, where: int, what: str) -> None:
    path = overrides(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_limits(load_rules(), path)
    problem = caught.value.problems[0]
    assert what in problem.what
    assert problem.where == f"{path}:{where}"


def test_all_wrong_overrides_are_named_at_once(tmp_path: Path) -> None:
    path = overrides(tmp_path, "overfitt: {ratio: 1}\noverfit: {ration: 2}\n")
    with pytest.raises(UsageError) as caught:
        load_limits(load_rules(), path)
    assert len(caught.value.problems) == 2


def test_list_of_rules_has_every_rule_with_causes_first() -> None:
    infos = list_rules()
    assert {info.id for info in infos} == {rule.id for rule in load_rules()}
    order = ["data", "specification", "optimizer", "dynamics"]
    assert [order.index(info.cause) for info in infos] == sorted(order.index(info.cause) for info in infos)
