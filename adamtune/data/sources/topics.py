"""The pages behind Python's `help()`: a reference manual in English and code. Comes with Python (PSF licence).

The text is that of the Python that runs, so other versions have other characters, and other fingerprints.
"""

from __future__ import annotations

from adamtune.data.source import Raw, Source, Text


def _load() -> Raw:
    from pydoc_data.topics import topics

    return Raw({"all": Text("\n".join(topics.values()))})


SOURCE: Source = Source(
    "python/topics", "language-model", "half a million characters of Python's own help, nothing to install", _load
)
