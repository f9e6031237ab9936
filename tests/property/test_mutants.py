"""Whatever happens to a recipe, a command ends in a result or in one clear message, and soon."""

from __future__ import annotations

import collections
import time
from pathlib import Path

import pytest
from mutants import mutants

from adamtune.cli.app import run
from adamtune.data.reading import source_names, sources
from adamtune.errors import AdamtuneError
from adamtune.models.build import option_schemas
from adamtune.recipe.load import load_recipe
from adamtune.recipe.shipped import find_recipe, shipped_recipes

SHIPPED = {name: find_recipe(name).read_text(encoding="utf-8") for name in shipped_recipes()}
SMALL = ("breast-cancer-mlp", "diabetes-mlp", "digits-mlp")
TINY = "training={steps: 3, seeds: 1, batch_size: 16, eval_every: 3}"


def test_two_thousand_mutants_of_all_shipped_recipes_load_or_are_told_why_not(tmp_path: Path) -> None:
    """In an error of ours, at once, and both often enough that the test says something."""
    kinds, known = option_schemas(), source_names()
    file = tmp_path / "recipe.yaml"
    ended: collections.Counter[str] = collections.Counter()
    for text in mutants(SHIPPED, 2_000, seed=0, most=3):
        file.write_text(text, encoding="utf-8")
        began = time.process_time()
        try:
            load_recipe(file, kinds=kinds, sources=known)
            ended["loaded"] += 1
        except AdamtuneError as error:
            ended["told"] += 1
            for problem in error.problems:
                assert problem.where, text
                assert problem.expected or problem.hint, (text, problem)
                for part in (problem.where, problem.what, problem.expected or "", problem.hint or ""):
                    assert part.isprintable(), (text, problem)
        assert time.process_time() - began < 2, text
    assert min(ended["loaded"], ended["told"]) > 100, ended


def test_mutants_through_the_command_line_end_in_a_result_or_in_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0, 2 or 4, and never the words of a bug."""
    monkeypatch.chdir(tmp_path)
    ended: collections.Counter[int] = collections.Counter()
    texts = {name: SHIPPED[name] for name in SMALL}
    for number, text in enumerate(mutants(texts, 40, seed=1, most=1)):
        file = Path(f"recipe-{number}.yaml")
        file.write_text(text, encoding="utf-8")
        code = run(["baseline", str(file), "--quiet", "--set", TINY])
        shown = capsys.readouterr()
        assert code in (0, 2, 4), (text, shown.err)
        assert "Traceback" not in shown.err, text
        assert code == 0 or "error: " in shown.err or "nothing" in shown.err, (text, shown.err)
        ended[code] += 1
    assert min(ended[0], ended[2]) >= 5, ended


def test_the_recipes_that_are_mutated_by_command_need_nothing_that_is_not_there() -> None:
    assert all(
        not sources()[source].needs for source in ("sklearn/digits", "sklearn/diabetes", "sklearn/breast_cancer")
    )
