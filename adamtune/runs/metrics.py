"""Lines of `metrics.jsonl`: writing them, and reading back whatever a killed process left."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from adamtune.errors import Problem, RunError
from adamtune.runs.jsonfile import number, speak
from adamtune.runs.record import FORMAT_VERSION, LAYER_SIGNALS, Record, State

_LAYERS: Final = "layers"
_PLACES: Final = {name: place for place, name in enumerate(LAYER_SIGNALS)}
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_OWN_KEYS: Final = frozenset({"v", "member", "step", "epoch", "state", "reason", _LAYERS})


def to_line(record: Record) -> str:
    r"""One line of the file, newline included.

    >>> to_line(Record(member=0, step=17, epoch=1.0, signals={"val_loss": float("inf")}))
    '{"v":1,"member":0,"step":17,"epoch":1.0,"state":"running","val_loss":"inf"}\n'
    """
    line: dict[str, Any] = {
        "v": FORMAT_VERSION,
        "member": record.member,
        "step": record.step,
        "epoch": record.epoch,
        "state": record.state,
    }
    if record.reason:
        line["reason"] = record.reason
    line |= _packed(record.signals)
    try:
        return _encode(line) + "\n"
    except ValueError:  # nan or inf somewhere, which is rare; looking for them takes longer than writing a line
        return _encode(speak(line)) + "\n"


def _packed(signals: Mapping[str, float]) -> dict[str, Any]:
    """Signals as a line holds them: those of a layer's together, so that its name stands there once."""
    plain: dict[str, Any] = {}
    layers: dict[str, list[float | None]] = {}
    for key, value in signals.items():
        name, slash, layer = key.partition("/")
        if slash and layer and name in _PLACES:
            layers.setdefault(layer, [None] * len(_PLACES))[_PLACES[name]] = value
        else:
            plain[key] = value
    return plain | ({_LAYERS: layers} if layers else {})


def _of_layers(layers: Any) -> dict[str, float]:
    """The signals that `layers` holds; what is no number in it is passed over."""
    found = {}
    for layer, values in layers.items() if isinstance(layers, dict) else ():
        for name, value in zip(LAYER_SIGNALS, values if isinstance(values, list) else (), strict=False):
            try:
                found[f"{name}/{layer}"] = number(value)
            except ValueError:
                continue
    return found


def from_line(text: str) -> Record:
    """The record that a line holds; keys that are no numbers and no part of a record are passed over.

    Raises:
        ValueError: The line is no JSON object, or lacks a step, or comes from a newer format.
    """
    try:
        line = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(line, dict):
        raise ValueError("expected one JSON object a line")  # noqa: TRY004 - one error for all that cannot be read
    line = {key: value for key, value in line.items() if value is not None}
    if line.get("v", FORMAT_VERSION) != FORMAT_VERSION:
        raise ValueError(f"format version {line['v']!r}, this adamtune reads {FORMAT_VERSION!r}")
    state: Any = line.get("state", "running")
    if state not in get_args(State):
        raise ValueError(f"state {state!r}, expected one of {', '.join(get_args(State))}")
    signals = {}
    for key, value in line.items():
        if key not in _OWN_KEYS:
            try:
                signals[key] = number(value)
            except ValueError:
                continue
    signals |= _of_layers(line.get(_LAYERS))
    return Record(
        member=_whole(line.get("member", 0), "member"),
        step=_whole(line.get("step"), "step"),
        epoch=number(line.get("epoch", "nan")),
        state=state,
        signals=signals,
        reason=str(line.get("reason", "")),
    )


def _whole(value: Any, name: str) -> int:
    """A whole number, which many loggers write as 100.0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
        raise ValueError(f"no integer {name}")
    return int(value)


def read_metrics(path: Path) -> dict[int, tuple[Record, ...]]:
    """Every finished line by member, in the order of the steps; see `MetricsReader`."""
    return MetricsReader(path).read()


class MetricsReader:
    """Reads a file that grows: what was read once is not read again.

    Args:
        path: The file; it may be missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes, self._read_lines = 0, 0
        self._found: dict[int, dict[int, Record]] = {}

    def read(self) -> dict[int, tuple[Record, ...]]:
        """Every finished line by member, in the order of the steps.

        A last line that a kill cut short is left out. Where a continued run wrote a step again, the later line counts.

        Raises:
            RunError: A finished line cannot be read; the file and the line are named.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                data = file.read()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise RunError(Problem(f"cannot read this file ({error.strerror})", where=str(self._path))) from None
        finished, newline, rest = data.rpartition(b"\n")
        self._take(finished.decode("utf-8" if self._read_bytes else "utf-8-sig", errors="replace").split("\n"))
        self._read_bytes += len(finished) + len(newline)
        found = self._found
        last = rest.decode("utf-8" if self._read_bytes else "utf-8-sig", errors="replace")
        if last and _parses(last):  # another program may not end its last line
            record = from_line(last)
            found = {**found, record.member: {**found.get(record.member, {}), record.step: record}}
        return {member: tuple(steps[s] for s in sorted(steps)) for member, steps in sorted(found.items())}

    def _take(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._read_lines += 1
            if not line.strip():
                continue
            try:
                record = from_line(line)
            except ValueError as error:
                where = f"{self._path}:{self._read_lines}"
                raise RunError(
                    Problem(f"cannot read this line ({error})", where=where, expected="one record a line")
                ) from None
            self._found.setdefault(record.member, {})[record.step] = record


def _parses(text: str) -> bool:
    try:
        from_line(text)
    except ValueError:
        return False
    return True


class MetricsFile:
    """The file of a run that is being written; every line that was appended survives a kill."""

    def __init__(self, path: Path) -> None:
        _cut_torn_line(path)
        self._file = path.open("a", encoding="utf-8")

    def append(self, records: Iterable[Record]) -> None:
        """Appends one line a record and hands them to the operating system at once."""
        self._file.write("".join(to_line(record) for record in records))
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _cut_torn_line(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb+") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)
