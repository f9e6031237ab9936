"""adamtune tunes Adam and AdamW for PyTorch models, and explains what it does."""

from importlib.metadata import version

__version__ = version("adamtune")
