"""Loading a user's own functions: only with trust, only from where they may lie, and blamed by their own lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from adamtune.errors import AdamtuneError, DataError, ModelError, Problem, RecipeError, TrustError
from adamtune.recipe.plugins import load_target


def load(target: str, folder: Path, *, trusted: bool = True, key: str = "data.python") -> Any:
    return load_target(target, folder=folder, trusted=trusted, key=key, where="recipe.yaml:4")


def problem_of(error: pytest.ExceptionInfo[AdamtuneError]) -> Problem:
    (problem,) = error.value.problems
    return problem


def test_a_function_of_a_file_beside_the_recipe_is_called_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "my_data.py").write_text("def load(n, k=1):\n    return n + k\n")
    assert load("my_data.py:load", tmp_path)(2, k=3) == 5


def test_a_function_of_an_installed_package_is_found(tmp_path: Path) -> None:
    assert load("sklearn.datasets:make_moons", tmp_path)(n_samples=4, random_state=0)[0].shape == (4, 2)


def test_without_trust_nothing_runs_and_the_error_says_what_would_have(tmp_path: Path) -> None:
    (tmp_path / "my_data.py").write_text("raise SystemExit('this must not run')\n")
    with pytest.raises(TrustError) as error:
        load("my_data.py:load", tmp_path, trusted=False)
    problem = problem_of(error)
    assert problem.where == "recipe.yaml:4"
    assert "my_data.py:load" in problem.what
    assert f"load() of {tmp_path.resolve() / 'my_data.py'}" in str(problem.expected)
    assert "--trust-code" in str(problem.hint)


def test_without_trust_no_package_is_imported(tmp_path: Path) -> None:
    sys.modules.pop("this", None)
    with pytest.raises(TrustError):
        load("this:load", tmp_path, trusted=False)
    assert "this" not in sys.modules


@pytest.mark.parametrize(
    "target", ["../outside.py:load", "{parent}/outside.py:load", "link.py:load", "folder/outside.py:load"]
)
def test_a_file_outside_the_recipe_s_folder_is_refused_however_it_is_reached(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside.py").write_text("def load():\n    return 1\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.py").symlink_to(tmp_path / "outside.py")
    (inside / "folder").symlink_to(tmp_path)
    with pytest.raises(TrustError, match="outside the recipe's folder"):
        load(target.format(parent=tmp_path), inside)


def test_a_link_within_the_folder_and_an_absolute_path_into_it_are_fine(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("def load():\n    return 1\n")
    (tmp_path / "link.py").symlink_to("real.py")
    assert load("link.py:load", tmp_path)() == 1
    assert load(f"{tmp_path}/real.py:load", tmp_path)() == 1


def test_a_file_imports_the_files_beside_it_at_once_and_later(tmp_path: Path) -> None:
    (tmp_path / "beside_one.py").write_text("VALUE = 1\n")
    (tmp_path / "beside_two.py").write_text("VALUE = 2\n")
    (tmp_path / "my_data.py").write_text(
        "import beside_one\ndef load():\n    import beside_two\n    return beside_one.VALUE + beside_two.VALUE\n"
    )
    assert load("my_data.py:load", tmp_path)() == 3


def test_two_folders_may_each_have_their_own_file_of_one_name(tmp_path: Path) -> None:
    functions = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "beside_same.py").write_text(f"VALUE = {number}\n")
        (folder / "my_data.py").write_text("import beside_same\ndef load():\n    return beside_same.VALUE\n")
        functions.append(load("my_data.py:load", folder))
    assert [function() for function in functions] == [1, 2]


def test_a_folder_that_was_on_the_path_before_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        (folder / "beside_package").mkdir(parents=True)
        (folder / "beside_package" / "__init__.py").write_text(f"VALUE = {folder.name!r}\n")
        (folder / "my_data.py").write_text("def load():\n    import beside_package\n    return beside_package.VALUE\n")
    monkeypatch.syspath_prepend(str(first))
    assert [load("my_data.py:load", folder)() for folder in (first, second, first)] == ["first", "second", "first"]
    load("my_data.py:load", second)
    assert str(first) in sys.path


def test_data_and_model_of_one_file_share_its_state_and_an_edited_file_is_loaded_anew(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("STATE = []\ndef load():\n    STATE.append(1)\n    return STATE\n")
    first = load("mine.py:load", tmp_path)()
    assert load("mine.py:load", tmp_path, key="model.python")() is first
    file.write_text("def load():\n    return 'new'\n")
    assert load("mine.py:load", tmp_path)() == "new"


def test_no_file_of_the_user_hides_a_module_of_ours_afterwards(tmp_path: Path) -> None:
    (tmp_path / "colorsys.py").write_text("VALUE = 'theirs'\n")
    (tmp_path / "my_data.py").write_text("def load():\n    return 1\n")
    load("my_data.py:load", tmp_path)()
    sys.modules.pop("colorsys", None)
    import colorsys

    assert hasattr(colorsys, "rgb_to_hsv")


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (
            "def load():\n    x = 1\n    raise ValueError('no such column: age')\n",
            "my_data.py:3",
            "ValueError: no such column: age",
        ),
        (
            "import nothing_of_this_name\n",
            "my_data.py:1",
            "ModuleNotFoundError: No module named 'nothing_of_this_name'",
        ),
        ("def load(:\n", "my_data.py:1", "SyntaxError: invalid syntax"),
        ("def load():\n    return 1 / 0\n", "my_data.py:2", "ZeroDivisionError: division by zero"),
        ("import json\ndef load():\n    return json.loads('{')\n", "my_data.py:3", "JSONDecodeError: Expecting"),
        ("def load():\n    raise SystemExit('bye')\n", "my_data.py:2", "SystemExit: bye"),
        ("def load():\n    raise RuntimeError\n", "my_data.py:2", "RuntimeError: no message"),
        ("def load():\n    assert False, 'two\\nlines'\n", "my_data.py:2", "AssertionError: two"),
    ],
)
@pytest.mark.parametrize(("key", "kind"), [("data.python", DataError), ("model.python", ModelError)])
def test_an_exception_of_the_user_s_code_is_told_by_their_file_and_line(
    tmp_path: Path, text: str, where: str, what: str, key: str, kind: type[AdamtuneError]
) -> None:
    (tmp_path / "my_data.py").write_text(text)
    with pytest.raises(kind) as error:
        load("my_data.py:load", tmp_path, key=key)()
    problem = problem_of(error)
    assert problem.where == where
    assert problem.what.startswith(what)


def test_an_exception_raised_deep_in_a_package_is_told_by_the_user_s_line(tmp_path: Path) -> None:
    (tmp_path / "my_data.py").write_text("import numpy as np\n\ndef load():\n    return np.zeros(3).reshape(2, 2)\n")
    with pytest.raises(DataError, match="ValueError: cannot reshape") as error:
        load("my_data.py:load", tmp_path)()
    assert problem_of(error).where == "my_data.py:4"


def test_arguments_that_do_not_fit_are_told_with_the_likely_name(tmp_path: Path) -> None:
    (tmp_path / "my_data.py").write_text("def load(path, n=3):\n    return path\n")
    with pytest.raises(DataError, match="it takes no paht") as error:
        load("my_data.py:load", tmp_path)(paht="x")
    assert problem_of(error).where == "recipe.yaml:4"
    assert problem_of(error).hint == "did you mean: path"
    assert "load(path, n=3)" in str(problem_of(error).expected)


@pytest.mark.parametrize(
    ("target", "what", "hint"),
    [
        ("my_data.py:lod", "my_data.py has no function lod", "did you mean: my_data.py:load"),
        ("my_dta.py:load", "data.python names my_dta.py, and there is no such file", "did you mean: my_data.py:load"),
        ("my_data.py:NUMBER", "my_data.py:NUMBER is no function", None),
        ("nothing_of_this_name:load", "there is no module nothing_of_this_name", None),
        ("sklearn.nothing:load", "there is no module sklearn.nothing", None),
        (
            "sklearn.datasets:load_digit",
            "sklearn.datasets has no function load_digit",
            "did you mean: sklearn.datasets:load_digits",
        ),
        ("my_data.py", 'data.python is "my_data.py"', "try: my_data.py:load"),
    ],
)
def test_what_is_not_there_is_told_with_what_comes_near(
    tmp_path: Path, target: str, what: str, hint: str | None
) -> None:
    (tmp_path / "my_data.py").write_text("NUMBER = 3\ndef load():\n    return 1\n")
    with pytest.raises(RecipeError) as error:
        load(target, tmp_path)
    assert what in problem_of(error).what
    assert problem_of(error).hint == hint


def test_a_file_of_the_current_folder_is_no_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lying_here.py").write_text("def load():\n    return 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    with pytest.raises(TrustError, match="not an installed package") as error:
        load("lying_here:load", tmp_path)
    assert problem_of(error).hint == "try: lying_here.py:load, beside the recipe"


def test_what_the_code_prints_does_not_reach_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my_data.py").write_text("print('loading')\ndef load():\n    print('called')\n")
    load("my_data.py:load", tmp_path)()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "loading\ncalled\n"
