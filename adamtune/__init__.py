"""adamtune tunes Adam and AdamW for PyTorch models, and explains what it does."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """Looks `__version__` up when it is asked for: reading a package's metadata costs more than all of `--help`."""
    if name == "__version__":
        from importlib.metadata import version

        return version("adamtune")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
