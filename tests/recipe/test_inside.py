"""A path of a recipe leads to a file at or below the recipe's folder, or nowhere."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adamtune.errors import AdamtuneError, RecipeError, TrustError
from adamtune.recipe.inside import inside


def lead(folder: Path, text: str) -> Path:
    return inside(folder, text, "data.file", "recipe.yaml:4")


@pytest.mark.parametrize(
    "text", ["a.csv", "./a.csv", "data/a.csv", "data/../a.csv", "data//a.csv", "100%.csv", "a$.csv"]
)
def test_a_path_within_the_folder_is_followed(tmp_path: Path, text: str) -> None:
    found = lead(tmp_path, text)
    assert found.is_absolute()
    assert found.is_relative_to(tmp_path.resolve())
    assert found.suffix == ".csv"


@pytest.mark.parametrize(
    "text", ["../a.csv", "/etc/passwd", "data/../../a.csv", "data/../data/../../x", "..", "//etc/passwd", "/"]
)
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(TrustError, match=r"lies outside the recipe's folder$") as error:
        lead(tmp_path, text)
    assert error.value.problems[0].where == "recipe.yaml:4"


@pytest.mark.parametrize(("text", "way"), [("link.csv", "a.csv"), ("folder/a.csv", "."), ("folder/../a.csv", "below")])
def test_a_symbolic_link_out_of_the_folder_is_refused_and_named(tmp_path: Path, text: str, way: str) -> None:
    """`folder/..` is where the link leads and up from there, as the kernel reads it, and not the folder itself."""
    folder = tmp_path / "recipes"
    (tmp_path / "below").mkdir()
    folder.mkdir()
    (folder / Path(text).parts[0]).symlink_to(tmp_path / way)
    with pytest.raises(TrustError, match="by way of a symbolic link"):
        lead(folder, text)


def test_a_link_within_the_folder_and_a_folder_that_is_a_link_itself_are_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").touch()
    (tmp_path / "real" / "b.csv").symlink_to("a.csv")
    (tmp_path / "linked").symlink_to("real")
    assert lead(tmp_path / "linked", "b.csv") == (tmp_path / "real" / "a.csv").resolve()


def test_links_in_a_circle_are_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to("b.csv")
    (tmp_path / "b.csv").symlink_to("a.csv")
    with pytest.raises(RecipeError, match=r'data.file is "a.csv": '):
        lead(tmp_path, "a.csv")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\0.csv", "a character that no file name should"),
        ("a\n.csv", "a character that no file name should"),
        ("", "is empty"),
        (" ", "is empty"),
        ("~/a.csv", "~ is not expanded"),
        ("~root/a.csv", "~ is not expanded"),
        ("$HOME/a.csv", "variables are not expanded"),
        ("data/${X}.csv", "variables are not expanded"),
        ("$(pwd)/a.csv", "variables are not expanded"),
        ("%USERPROFILE%/a.csv", "variables are not expanded"),
        ("C:/a.csv", "a drive or a scheme"),
        ("c:a.csv", "a drive or a scheme"),
        ("https://example.org/a.csv", "a drive or a scheme"),
        ("file:///etc/passwd", "a drive or a scheme"),
        ("..\\a.csv", "a backslash"),
        ("x" * 300, "longer than a file name can be"),
    ],
)
def test_what_only_a_shell_or_another_system_would_read_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as error:
        lead(tmp_path, text)
    assert error.value.problems[0].what.isprintable()


@given(
    text=st.lists(st.sampled_from(["..", ".", "a", "b", "", "~", "$X", "link", "/"]) | st.text(string.printable)).map(
        "/".join
    )
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_is_written_nothing_leaves_the_folder(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "inside"
    if not folder.exists():
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "link").symlink_to("/etc")
        (folder / "link").symlink_to("a/b")
    try:
        found = lead(folder, text)
    except AdamtuneError:
        return
    assert found.resolve().is_relative_to(folder.resolve())
