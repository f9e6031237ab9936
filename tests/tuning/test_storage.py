"""The database of a study: made in a moment, and no other than Optuna makes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from adamtune.tuning.sweeps import storage


def tables(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        texts = [text or "" for (text,) in connection.execute("SELECT sql FROM sqlite_master")]
    return sorted("".join(text.split()) for text in texts)


@pytest.mark.parametrize("known", [True, False])
def test_new_tables_are_those_of_optuna(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, known: bool) -> None:
    """Also where its scripts are not what they were, and so do not tell their version."""
    if not known:
        monkeypatch.setattr(storage, "_newest_tables", lambda: None)
    ours = storage.opened(f"sqlite:///{tmp_path / 'ours.db'}")
    theirs = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'theirs.db'}")
    assert ours.get_current_version() == theirs.get_current_version() == ours.get_head_version()
    assert tables(tmp_path / "ours.db") == tables(tmp_path / "theirs.db")
    assert optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'ours.db'}").get_all_studies() == []


def test_what_a_killed_process_has_marked_alone_is_taken_up(tmp_path: Path) -> None:
    storage._mark(tmp_path / "study.db")
    opened = storage.opened(f"sqlite:///{tmp_path / 'study.db'}")
    assert opened.get_current_version() == opened.get_head_version()
    opened.create_new_study([optuna.study.StudyDirection.MINIMIZE])
    assert len(opened.get_all_studies()) == 1


def test_the_newest_tables_are_known_without_running_a_script() -> None:
    assert storage._newest_tables() is not None
