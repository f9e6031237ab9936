"""What a run notes about where it comes from."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

from adamtune.runs.manifest import describe_machine, git_commit


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_is_that_of_the_recipes_repository_and_changes_are_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: a\n")
    assert git_commit(tmp_path) == "", "nothing is committed yet"
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert git_commit(tmp_path) == commit
    (tmp_path / "untracked").touch()
    assert git_commit(tmp_path) == commit
    recipe.write_text("name: b\n")
    assert git_commit(tmp_path) == f"{commit}+changes"
    git(tmp_path, "checkout", "-q", "--detach")
    assert git_commit(tmp_path) == f"{commit}+changes"


def test_without_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert git_commit(tmp_path / "nowhere") == ""


def test_versions_are_those_that_python_tells() -> None:
    packages = describe_machine()["packages"]
    for name in ("torch", "optuna", "numpy"):
        assert packages[name] == version(name)
