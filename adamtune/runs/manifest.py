"""What must be known to make a run again: versions, seeds, device, strategy, commit, command line."""

from __future__ import annotations

import platform
import re
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any, Final, Literal

_OID: Final = "# branch.oid "
_PACKAGES = ("torch", "optuna", "numpy", "scikit-learn")

_VERSION: Final = re.compile(r"^Version:(.+)$", re.MULTILINE)
_PASSWORD: Final = re.compile(r"(://[^:/@\s]*):[^@]+@")

Role = Literal["baseline", "search", "confirm", "remedy"]


def without_password(text: str) -> str:
    """A URL, or words with one in them, as it may be shown and kept.

    >>> without_password("postgresql://me:a / b@host/studies"), without_password("sqlite:///s.db")
    ('postgresql://me:***@host/studies', 'sqlite:///s.db')
    """
    return _PASSWORD.sub(r"\1:***@", text)


@dataclass(frozen=True, slots=True)
class MemberEntry:
    """One member of a run's populations.

    Args:
        number: Its number in the run, from 0; the `member` of its lines.
        seed: Draws its initial weights and the order of its batches.
        settings: Dotted recipe keys and values in which it differs from the run's recipe.
        trial: Number of the Optuna trial that it belongs to, if any.
        role: What it was trained for.
        total_steps: Steps that it was to make, where that is not what the run says of all; 0 where it is.
    """

    number: int
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    trial: int | None = None
    role: Role = "baseline"
    total_steps: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the manifest."""
        return {
            "member": self.number,
            "seed": self.seed,
            "settings": dict(self.settings),
            "trial": self.trial,
            "role": self.role,
        } | ({"total_steps": self.total_steps} if self.total_steps else {})

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> MemberEntry:
        """The entry that a manifest holds."""
        return cls(
            number=int(entry["member"]),
            seed=int(entry.get("seed", 0)),
            settings=dict(entry.get("settings") or {}),
            trial=entry.get("trial"),
            role=entry.get("role", "baseline"),
            total_steps=int(entry.get("total_steps", 0)),
        )


def describe_machine() -> dict[str, Any]:
    """Versions, machine and time; importing none of the packages that it names."""
    return {
        "adamtune": _version("adamtune"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "started": now(),
    }


def _version(package: str) -> str:
    """One line of a package's metadata: `importlib.metadata.version` parses all of it, 5 ms for torch."""
    try:
        text = distribution(package).read_text("METADATA") or ""
        found = _VERSION.search(text)
        return found[1].strip() if found else version(package)
    except PackageNotFoundError:
        return "not installed"


def now() -> str:
    """The time as ISO 8601 in UTC, to the microsecond, so that it also sorts."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def git_commit(folder: Path) -> str:
    """Commit of the repository that the recipe lies in, `+changes` if there are any; empty without one."""
    words = ["git", "-C", str(folder), "status", "--porcelain=v2", "--branch", "-uno"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError):
        return ""
    lines = done.stdout.splitlines()
    commits = [line.removeprefix(_OID) for line in lines if line.startswith(_OID)]
    changed = any(not line.startswith("#") for line in lines)
    return commits[0] + ("+changes" if changed else "") if commits and commits[0] != "(initial)" else ""


def members_as_dicts(members: Sequence[MemberEntry]) -> list[dict[str, Any]]:
    """The manifest's `members`."""
    return [member.as_dict() for member in members]
