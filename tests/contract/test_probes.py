"""What every probe of an examination promises, whoever adds one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planting import dataset_of, real

from adamtune.data.dataset import Dataset
from adamtune.data.examine.examine import EXAMINATION, cleared, examine, probes
from adamtune.data.examine.probe import PROBES_FOLDER, Probe
from adamtune.data.examine.subject import Subject
from adamtune.diagnosis.catalogue import load_rules
from adamtune.diagnosis.engine import diagnose_data
from adamtune.diagnosis.rule import Cause

PROBES = probes()
EVERY_PROBE = pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
TASKS = ["classification", "regression", "language-model"]
ODD: list[Any] = [None, float("nan"), -1, 0, 1e300, "", "x", [], [None], {}, {"x": None}, True, [[1], ["a", 2]]]


def make(task: str, folder: Path) -> Dataset:
    """A real data set of the task; of a text, a few sentences that repeat themselves."""
    folder.mkdir()
    if task == "language-model":
        return _text(folder)
    x, y = real("wine" if task == "classification" else "diabetes", 150)
    x, y = np.concatenate([x, x[:9]]), np.concatenate([y, y[9:18]])
    return dataset_of(folder, {"x": np.concatenate([x, y[:, None] / 7], axis=1), "y": y}, task)


def _text(folder: Path) -> Dataset:
    from adamtune.data.load import load_data, source_names
    from adamtune.models.build import option_schemas
    from adamtune.recipe.load import load_recipe

    path = folder / "text.yaml"
    path.write_text(
        "name: text\ntask: language-model\ndata: {source: python/topics, context: 29}\nmodel: {python: net.py:build}\n"
    )
    return load_data(load_recipe(path, sets=[], kinds=option_schemas(), sources=source_names()), trusted=False)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    return {task: make(task, tmp_path_factory.mktemp("data") / task) for task in TASKS}


@EVERY_PROBE
def test_probe_stands_in_a_file_of_its_own_name(probe: Probe) -> None:
    assert probe.look.__module__ == f"{PROBES_FOLDER}.{probe.name}"
    assert probe.tasks <= set(TASKS)
    assert probe.tasks


@EVERY_PROBE
def test_facts_are_plain_data_and_what_is_cleared_can_be_told(probe: Probe, datasets: dict[str, Dataset]) -> None:
    for task in probe.tasks:
        facts = probe.look(Subject(datasets[task], task))
        assert facts is not None
        assert json.loads(json.dumps(dict(facts), allow_nan=False)) == facts
        for words in dict(cleared({probe.name: facts})).values():
            assert words
            assert not set("{}") & set(words)
            assert words[-1] != "."


@EVERY_PROBE
def test_probe_gives_the_same_facts_again(probe: Probe, datasets: dict[str, Dataset]) -> None:
    for task in probe.tasks:
        assert probe.look(Subject(datasets[task], task)) == probe.look(Subject(datasets[task], task))


def test_every_rule_about_data_is_cleared_by_what_was_looked_at() -> None:
    from adamtune.tuning.check import REPORTED

    about_data = {rule.id for rule in load_rules() if rule.cause in (Cause.DATA, Cause.SPECIFICATION)}
    by_probes = [rule for probe in PROBES for rule in probe.clears]
    assert set(by_probes) | set(REPORTED) >= about_data & BEFORE_TRAINING
    assert set(by_probes) | set(REPORTED) <= {rule.id for rule in load_rules()}


BEFORE_TRAINING = {
    "data-nonfinite", "class-imbalance", "input-scale", "target-scale", "const-dup-features", "label-names",
    "label-gaps", "rare-classes", "random-labels", "label-noise", "conflicting-dupes", "train-val-leak", "target-leak",
    "not-shuffled", "bad-init-loss",
}  # fmt: skip


def test_cheap_examination_is_a_part_of_the_whole(datasets: dict[str, Dataset]) -> None:
    for task, data in datasets.items():
        cheap, whole = examine(data, task, cheap=True), examine(data, task)
        assert cheap.items() <= whole.items()
        assert len(cheap) < len(whole)


@pytest.mark.parametrize("task", TASKS)
def test_no_rule_fails_on_facts_of_another_kind(task: str, datasets: dict[str, Dataset]) -> None:
    """Anybody's run may be read, and an older or a newer adamtune may have written it."""
    data = datasets[task].report.as_dict() | {EXAMINATION: examine(datasets[task], task)}
    data[EXAMINATION]["initial_loss"] = {"loss": 9.0, "expected": 1.0}
    told = diagnose_data(data, {"task": task, "data": {"normalize": "none"}})
    assert told
    for number, path in enumerate(_paths(data[EXAMINATION])):
        odd = ODD[number % len(ODD)]
        findings = diagnose_data(data | {EXAMINATION: _with(data[EXAMINATION], path, odd)}, {"task": task})
        for finding in findings:
            assert "\n" not in finding.message
            json.dumps(dict(finding.evidence))


def _paths(value: Any, depth: int = 4) -> Iterator[tuple[Any, ...]]:
    """Where values stand; of a list the first alone."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, inner in items:
        yield (key,)
        if depth:
            yield from ((key, *rest) for rest in _paths(inner, depth - 1))


def _with(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = _with(value[path[0]], path[1:], odd)
    return copied
