"""Reading a run directory, whoever wrote it and however it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from adamtune.errors import Problem, RunError
from adamtune.recipe.plain import load_yaml
from adamtune.runs import directory
from adamtune.runs.jsonfile import read_json
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.metrics import MetricsReader
from adamtune.runs.record import Record


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it lies on disk.

    Args:
        path: The run directory.
        command: `baseline`, `sweep`, ...; empty for a run of another program.
        recipe: The resolved recipe as plain data; None where there is none.
        data: The data report as plain data; empty where there is none.
        manifest: The manifest as plain data; empty where there is none.
        members: By number.
        records: Each member's lines in the order of the steps.
        total_steps: Steps that each member was to make; 0 where unknown.
        finished: Whether the run came to its end.
    """

    path: Path
    command: str
    recipe: Mapping[str, Any] | None
    data: Mapping[str, Any]
    manifest: Mapping[str, Any]
    members: tuple[MemberEntry, ...]
    records: Mapping[int, tuple[Record, ...]]
    total_steps: int
    finished: bool


def read_run(path: Path, metrics: MetricsReader | None = None) -> Run:
    """Everything that a run directory tells.

    A directory that holds nothing but a `metrics.jsonl` is a run too.

    Args:
        path: The directory.
        metrics: What has read the run's metrics so far, where it is read again while it grows.

    Raises:
        RunError: There is no such directory, it is no run, or one of its files is damaged.
    """
    if not path.is_dir():
        raise RunError(Problem("no such run directory", where=str(path), hint="run: adamtune baseline RECIPE"))
    manifest = read_json(path / directory.MANIFEST)
    records = (metrics or MetricsReader(path / directory.METRICS)).read()
    if not manifest and not records:
        raise RunError(
            Problem(
                "not a run directory",
                where=str(path),
                expected=f"a folder with {directory.METRICS}, such as runs/<recipe name>/001-baseline",
            )
        )
    members = {entry.number: entry for entry in _members(manifest, path / directory.MANIFEST)}
    for number in records:
        members.setdefault(number, MemberEntry(number=number, seed=0))
    return Run(
        path=path,
        command=str(manifest.get("command", "")),
        recipe=_read_recipe(path / directory.RECIPE),
        data=read_json(path / directory.DATA),
        manifest=manifest,
        members=tuple(members[number] for number in sorted(members)),
        records=records,
        total_steps=int(manifest.get("total_steps", 0)),
        finished=bool(manifest.get("finished")),
    )


def _members(manifest: Mapping[str, Any], path: Path) -> list[MemberEntry]:
    try:
        return [MemberEntry.from_dict(entry) for entry in manifest.get("members") or []]
    except (TypeError, ValueError, KeyError, AttributeError):
        expected = 'a list of objects, each with a number "member"'
        raise RunError(Problem("cannot read members", where=str(path), expected=expected)) from None


def _read_recipe(path: Path) -> Mapping[str, Any] | None:
    try:
        value = load_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RunError(Problem(f"not valid YAML ({str(error).splitlines()[0]})", where=str(path))) from None
    return value if isinstance(value, dict) else None
