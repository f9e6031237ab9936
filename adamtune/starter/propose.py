"""From a look at the data to the settings of a recipe, each with the reason that stands beside it."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from adamtune.errors import Problem, UsageError
from adamtune.recipe.paths import near
from adamtune.starter import roles
from adamtune.starter.look import Column, Look

UPDATES_AN_EPOCH: Final = 20
"""At least so many, where the data allow: with fewer, a curve by epochs shows nothing of how a training went."""

UPDATES: Final = 1_000
"""Of a first training: enough for lr 3e-4 to get somewhere with a small network, and soon over."""

_TRAINED: Final = 0.6  # the share that the default split leaves for training


@dataclass(frozen=True, slots=True)
class Choice:
    """One setting of the recipe.

    Args:
        key: Dotted path.
        value: What it is set to.
        why: What speaks for it, in a few words; empty where nothing needs saying.
        asked: Whether it is only proposed: it then stands in the recipe as a comment.
    """

    key: str
    value: Any
    why: str = ""
    asked: bool = False


def target_of(look: Look, wanted: str | None) -> Column | None:
    """The column to predict, or None where there is nothing to choose.

    Raises:
        UsageError: The table has no such column.
    """
    if look.form != "table":
        return look.y
    columns = {column.name: column for column in look.columns}
    if wanted is not None and wanted not in columns:
        close = near(wanted, columns)
        what = f"there is no column {wanted}"
        raise UsageError(
            Problem(what, "--target", f"one of {listed(columns)}", f"did you mean: {close[0]}" if close else None)
        )
    return columns[wanted] if wanted is not None else None


def task_of(look: Look, target: Column | None) -> tuple[str, str]:
    """What the data are probably for, and why."""
    if look.form == "text":
        return "language-model", "a text, of which each character follows from those before it"
    if look.form == "images":
        return "classification", f"{target.n_distinct if target else 0} folders of images, one for each class"
    return roles.guess_task(target) if target is not None else ("regression", "")


def data_choices(look: Look, target: Column | None, how: str, categorical: Collection[str] | None) -> list[Choice]:
    """What stands below `data:`, the file itself left out.

    Args:
        look: What lies in the file.
        target: The column to predict.
        how: How that was found.
        categorical: Columns that somebody said hold names; None where nobody was asked.
    """
    if look.form != "table" or target is None:
        return [Choice("data.context", _context(look.n), "characters seen at once")] if look.form == "text" else []
    features = [column for column in look.columns if column.name != target.name]
    groups, time = roles.group_column(features), roles.time_column(features)
    by = groups or time
    dropped = {name: why for name, why in roles.own_names(features).items() if by is None or name != by.name}
    dropped |= {c.name: "dates" for c in features if c.kind == "date" and (by is None or c.name != by.name)}
    found = [Choice("data.target", target.name, f"{how}; {_target_words(target)}")]
    if dropped:
        found.append(Choice("data.drop", list(dropped), "; ".join(f"{name}: {why}" for name, why in dropped.items())))
    rest = [column for column in features if column.name not in dropped and (by is None or column.name != by.name)]
    found += _categorical(rest, categorical)
    if by is not None:
        split = {"by": "groups" if groups else "time", "column": by.name}
        found.append(Choice("data.split", split, _split_words(by, groups is not None)))
    return found


def training_choices(look: Look, task: str) -> list[Choice]:
    """Length and batches, from the number of examples."""
    if task == "language-model":
        windows = max(1, int(_TRAINED * look.n) // _context(look.n))
        batch = min(32, _power_of_two(windows / UPDATES_AN_EPOCH))
        why = f"about {windows:,} windows of text to train on"
        return [Choice("training.steps", UPDATES), Choice("training.batch_size", batch, why)]
    n = max(1, look.n if look.split else int(_TRAINED * look.n))
    batch = min(256, max(8, _power_of_two(n / UPDATES_AN_EPOCH)))
    updates = math.ceil(n / batch)
    epochs = min(100, max(5, math.ceil(UPDATES / updates)))
    why = f"about {n:,} examples to train on: {updates:,} update{'s' * (updates != 1)} an epoch"
    return [Choice("training.epochs", epochs), Choice("training.batch_size", batch, why)]


def model_choices(kind: str, look: Look) -> list[Choice]:
    """A small network of a family; whatever is left out has the family's defaults."""
    why = _model_words(look)
    found = [Choice("model.kind", kind, why)]
    if kind == "mlp":
        n = _TRAINED * look.n
        found.append(Choice("model.hidden", [32] if n < 1_000 else [128] if n < 20_000 else [256, 128]))
    return found


def kind_of(look: Look, task: str, kinds: Collection[str]) -> str:
    """The model family that suits the form of the data best, of those there are."""
    wished = ["transformer", "rnn"] if task == "language-model" else []
    wished += ["cnn"] if look.form == "images" or len(look.shape) == 3 else []
    wished += ["rnn"] if len(look.shape) == 2 else []
    return next((kind for kind in (*wished, "mlp") if kind in kinds), "mlp")


def listed(names: Collection[str]) -> str:
    """The first dozen names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"{', '.join(names[:12])}{more}"


def _categorical(columns: list[Column], said: Collection[str] | None) -> list[Choice]:
    if said is not None:
        return [Choice("data.categorical", list(said), "their numbers are names")] if said else []
    questions = roles.perhaps_names(columns)
    why = "; ".join(f"{name}: {words}" for name, words in questions.items())
    return [Choice("data.categorical", list(questions), why, asked=True)] if questions else []


def _target_words(target: Column) -> str:
    gaps = f"; missing in {target.n_missing:,} rows, which must be left out first" if target.n_missing else ""
    return f"{target.words}{gaps}"


def _split_words(column: Column, groups: bool) -> str:  # noqa: FBT001 - one of two kinds
    if groups:
        return f"{column.name} has {column.n_distinct:,} values in {column.n:,} rows: rows of one stay together"
    return f"{column.name} holds dates: the latest rows are for validation and test"


def _model_words(look: Look) -> str:
    if look.form == "images":
        return "for images"
    if look.form == "text":
        return "for text"
    return f"for examples of shape {list(look.shape)}" if look.shape else "for the columns of a table"


def _context(n: int) -> int:
    """Characters at once: 64, or fewer where a text is too short to have some hundred windows of so many."""
    return max(4, min(64, _power_of_two(n / 300)))


def _power_of_two(number: float) -> int:
    return 1 << max(0, int(math.log2(max(1.0, number))))
