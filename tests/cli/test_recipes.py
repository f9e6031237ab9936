"""`adamtune recipes`: what can be run by name, and what has to be installed first."""

from __future__ import annotations

import itertools
import json

import pytest

from adamtune.cli.app import run
from adamtune.data.reading import sources
from adamtune.recipe.shipped import shipped_recipes


def test_recipes_of_one_task_stand_together_and_say_what_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["recipes"]
    assert sorted(recipe["name"] for recipe in found) == shipped_recipes()
    tasks = [recipe["task"] for recipe in found]
    assert [task for at, task in enumerate(tasks) if task not in tasks[:at]] == sorted(
        set(tasks), key=["classification", "regression", "language-model", "reinforcement"].index
    )
    assert sum(before != after for before, after in itertools.pairwise(tasks)) == len(set(tasks)) - 1
    for recipe in found:
        if recipe["data"] in sources():
            assert recipe["needs"] == sources()[recipe["data"]].needs, recipe


def test_the_next_command_is_one_that_needs_nothing_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipes"]) == 0
    shown = capsys.readouterr().out.splitlines()
    name = shown[-1].removeprefix("next: adamtune baseline ")
    row = next(line for line in shown if line.startswith(name))
    assert row.split()[-1] == "nothing"
