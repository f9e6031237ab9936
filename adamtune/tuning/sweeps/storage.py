"""The database of a study: a file, or a server."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adamtune.errors import Problem, UsageError
from adamtune.runs.manifest import without_password

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

BUSY_TIMEOUT_S: Final = 60
"""How long SQLite waits while somebody else, such as optuna-dashboard, holds the file."""
_OPENINGS: Final = 20
_PAUSE_S: Final = 0.25
_SQLITE: Final = "sqlite:///"


def opened(url: str) -> RDBStorage:
    """A database, with Optuna's tables in it.

    Raises:
        UsageError: There is no such database, it cannot be written to, or its driver is not installed.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

    try:
        for _ in range(_OPENINGS):
            try:
                return _storage(url)
            except (IntegrityError, OperationalError) as error:  # another process makes the same tables at this moment
                if isinstance(error, OperationalError) and "already exists" not in str(error):
                    raise
                time.sleep(_PAUSE_S)
        return _storage(url)
    except (SQLAlchemyError, ImportError, sqlite3.Error) as error:
        words = str(error).strip().splitlines()[0]
        expected = "a URL such as sqlite:///studies.db, or that of a database server"
        hint = f"try: pip install {make_url(url).get_driver_name()}" if isinstance(error, ImportError) else None
        problem = Problem(f"cannot open {without_password(url)} ({words})", "--storage", expected, hint)
        raise UsageError(problem) from None


def _storage(url: str) -> RDBStorage:
    import optuna

    if url.startswith(_SQLITE):
        file = Path(url.removeprefix(_SQLITE))
        # Tables that are made in this moment are those of this Optuna; looking them through takes 0.1 s.
        is_new = not file.exists()
        if is_new:
            _mark(file)
        return optuna.storages.RDBStorage(
            url, engine_kwargs={"creator": lambda: _connect(file)}, skip_compatibility_check=is_new
        )
    return optuna.storages.RDBStorage(url)


def _mark(file: Path) -> None:
    """Writes down which version of its tables Optuna is about to make; it would run ten scripts to know it, 0.1 s."""
    version = _newest_tables()
    if version is not None:
        with closing(_connect(file)) as connection, connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL, "
                "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
            )
            connection.execute("INSERT OR IGNORE INTO alembic_version VALUES (?)", (version,))


def _newest_tables() -> str | None:
    """The script that no other follows, by its name for itself; None where there is not exactly one."""
    from optuna.storages import _rdb

    scripts = (Path(_rdb.__file__).parent / "alembic" / "versions").glob("*.py")
    texts = [script.read_text(encoding="utf-8") for script in scripts]
    names, followed = (
        {found[1] for text in texts if (found := re.search(rf'^{key} = "(.+)"$', text, re.MULTILINE))}
        for key in ("revision", "down_revision")
    )
    newest = names - followed
    return newest.pop() if len(newest) == 1 else None


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    connection.execute("PRAGMA synchronous=OFF")
    return connection
