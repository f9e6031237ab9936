"""Running text, in one file or in several that are joined in the order of their names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from adamtune.data.folders import files_below
from adamtune.data.reader import Asked, Reader
from adamtune.data.source import Raw, Text
from adamtune.recipe.showing import one_line

_SUFFIXES: Final = (".txt",)
_BYTES_A_BYTE: Final = 24
"""A token and the one after it as int64, and the text itself at up to four bytes a character, twice."""


def _files(asked: Asked) -> list[Path]:
    return files_below(asked, _SUFFIXES) if asked.path.is_dir() else [asked.path]


def _weigh(asked: Asked) -> int:
    return _BYTES_A_BYTE * sum(path.stat().st_size for path in _files(asked))


def _read(asked: Asked) -> Raw:
    return Raw({"all": Text("\n\n".join(_decoded(path, asked) for path in _files(asked)))})


def _decoded(path: Path, asked: Asked) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        name = asked.name if path == asked.path else f"{asked.name}/{path.relative_to(asked.path)}"
        what = f"line {line} of {one_line(name, 200)} is not UTF-8 text: byte 0x{raw[error.start]:02x}"
        raise asked.error(what, "text in UTF-8", "try: save the file as UTF-8 in your editor") from None


READER: Reader = Reader("text", _SUFFIXES, "running text for a language model, in UTF-8", _read, _weigh, folders=True)
