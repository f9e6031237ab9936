"""`adamtune schema`, through the real command line."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import yaml
from commands import adamtune, answer

from adamtune.recipe.shipped import find_recipe


def test_the_schema_is_printed_and_written_to_a_file_that_judges_a_recipe(tmp_path: Path) -> None:
    printed = json.loads(adamtune("schema", cwd=tmp_path).stdout)
    done = adamtune("schema", "--output", "adamtune.schema.json", cwd=tmp_path)
    assert "# yaml-language-server: $schema=./adamtune.schema.json" in done.stdout
    written = json.loads((tmp_path / "adamtune.schema.json").read_text())
    assert written == printed
    recipe = yaml.safe_load(find_recipe("digits-mlp").read_text())
    recipe["optimizer"] = {"lr": 1e-3}
    assert jsonschema.Draft202012Validator(written).is_valid(recipe)
    assert not jsonschema.Draft202012Validator(written).is_valid(recipe | {"optimizer": {"lr": 0}})


def test_an_older_schema_is_written_over_and_nothing_else_is(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"mine": true}')
    done = adamtune("schema", "--output", "mine.json", cwd=tmp_path, check=2)
    assert "error: --output: mine.json is there already" in done.stderr
    assert (tmp_path / "mine.json").read_text() == '{"mine": true}'
    (tmp_path / "mine.json").write_text('{"title": "adamtune recipe"}')
    assert answer("schema", "--output", "mine.json", cwd=tmp_path)["file"] == "mine.json"
    assert "properties" in json.loads((tmp_path / "mine.json").read_text())
    assert "cannot be written" in adamtune("schema", "--output", "no/where.json", cwd=tmp_path, check=2).stderr
