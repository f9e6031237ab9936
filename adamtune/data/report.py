"""Measured facts about features, labels and splits. They are judged elsewhere, by the data rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Nonfinite:
    """Where NaN and infinities stand.

    Args:
        count: How many, in x and y of all splits; after the cast to float32.
        where: `x`, `y`, `x and y`, or empty.
        rows: The first 20 rows that have one, counted from 0 as in the source (where the source
            is already split: within their split).
        columns: The first 20 columns of x that have one, counted from 0; features with several
            axes are counted as if flattened.
        cells: The first 20 as `{split, where, row, column, value}`.
    """

    count: int
    where: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    cells: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class FeatureScale:
    """Size of the training features as the model sees them, over finite values of columns that vary."""

    rms: float
    max_abs: float


@dataclass(frozen=True, slots=True)
class TargetScale:
    """The training targets of a regression, one number per target: as the model sees them, and before."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    raw_mean: tuple[float, ...]
    raw_std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DataReport:
    """What there is to know about a data set without training on it; written to `data.json`.

    Args:
        source: What the recipe names: a built-in source, a file, or a `python:` target.
        task: `classification`, `regression` or `language-model`.
        n_train, n_val, n_test: Examples per split; of a text, windows.
        input_shape: Shape of one example.
        n_features: Numbers in one example.
        output_size: Classes, targets, or tokens.
        split: `stratified`, `random`, `groups` or `time` (we drew it), `position` (of a text), or `given`.
        feature_names: Names of the features; empty where unknown. A column of a table with categories has
            one for each of them (`colour=red`), one with gaps has another for these (`age is missing`).
        class_names: Labels as the source writes them, in the order of their classes, or tokens of a text;
            empty for regression.
        class_counts: Examples of each class per split; empty for regression and for a text.
        label_gaps: Whole numbers between the smallest and the largest label that no example has.
        unseen_classes: Names of classes that the training split does not have.
        nonfinite: Where NaN and infinities stand.
        constant_columns: Columns of x that have one value throughout the training split.
        features: Size of the features as the model sees them.
        target: Size of the targets; None for classification.
        constant_loss: Loss on the validation split of the best constant predictor of the training
            split: cross-entropy in nats of its class frequencies (of a text, of its token frequencies, for
            each token), or mean squared error of its mean (in the model's units). What "has learned
            nothing" means.
        fingerprint: That of the dataset.
    """

    source: str
    task: str
    n_train: int
    n_val: int
    n_test: int
    input_shape: tuple[int, ...]
    n_features: int
    output_size: int
    split: str
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    class_counts: Mapping[str, tuple[int, ...]]
    label_gaps: tuple[int, ...]
    unseen_classes: tuple[str, ...]
    nonfinite: Nonfinite
    constant_columns: tuple[int, ...]
    features: FeatureScale
    target: TargetScale | None
    constant_loss: float
    fingerprint: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold: dicts, lists, text, finite numbers; None where a number is not finite."""
        plain = _plain(asdict(self))
        assert isinstance(plain, dict)
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        return None
    return value
