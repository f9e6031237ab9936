"""Faults of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from planted.bases import Arrays, Base
from planted.kind import Kind, Plant, Spoil

IMAGES = ("digits-mlp", "digits-cnn"), ("mnist-mlp", "rows-gru")
TABLES = ("digits-mlp", "cancer-mlp"), ("mnist-mlp", "wine-mlp")


def few_wrong_rows(n: int) -> Spoil:
    """So many training rows, a tenth of them with another label."""

    def spoil(arrays: Arrays, rng: np.random.Generator) -> Arrays:
        few = arrays | {"x_train": arrays["x_train"][:n], "y_train": arrays["y_train"][:n]}
        return flips(0.1)(few, rng)

    return spoil


def flips(share: float) -> Spoil:
    """A share of the training labels is another class."""

    def spoil(arrays: Arrays, rng: np.random.Generator) -> Arrays:
        y = arrays["y_train"].copy()
        classes = np.unique(y)
        for row in rng.choice(len(y), round(share * len(y)), replace=False):
            y[row] = rng.choice(classes[classes != y[row]])
        return arrays | {"y_train": y}

    return spoil


def _nan(arrays: Arrays, rng: np.random.Generator) -> Arrays:
    x = arrays["x_train"].astype(float)
    x.reshape(-1)[rng.integers(x.size)] = np.nan
    return arrays | {"x_train": x}


def _both(function: Any) -> Spoil:
    """The same change of the features of both splits."""
    return lambda arrays, _: arrays | {name: function(arrays[name].astype(float)) for name in ("x_train", "x_val")}


def _one_wide(x: Any) -> Any:
    x = x.copy()
    x[:, 3] *= 1e4
    return x


def _far_target(arrays: Arrays, rng: np.random.Generator) -> Arrays:
    mean, std = arrays["y_train"].mean(), arrays["y_train"].std()
    return arrays | {name: 1000 + 50 * (arrays[name] - mean) / std for name in ("y_train", "y_val")}


def _useless(share: float) -> Spoil:
    def spoil(arrays: Arrays, rng: np.random.Generator) -> Arrays:
        width = arrays["x_train"].shape[1]
        alive = np.flatnonzero(arrays["x_train"].std(axis=0) > 0)
        copied = rng.choice(alive, max(4, int(share * width)))

        def more(x: Any) -> Any:
            constant = np.full((len(x), max(4, int(share * width))), 3.0)
            return np.concatenate([x, constant, x[:, copied]], axis=1)

        return arrays | {name: more(arrays[name]) for name in ("x_train", "x_val")}

    return spoil


def _random(arrays: Arrays, rng: np.random.Generator) -> Arrays:
    return arrays | {name: rng.permutation(arrays[name]) for name in ("y_train", "y_val")}


def _rolled(arrays: Arrays, rng: np.random.Generator) -> Arrays:
    return arrays | {name: np.roll(arrays[name], 1) for name in ("y_train", "y_val")}


def _conflicts(share: float) -> Spoil:
    def spoil(arrays: Arrays, rng: np.random.Generator) -> Arrays:
        x, y = arrays["x_train"], arrays["y_train"]
        rows = rng.choice(len(y), round(share * len(y)), replace=False)
        n = len(np.unique(y))
        wrong = (y[rows] + rng.integers(1, n, len(rows))) % n
        return arrays | {"x_train": np.concatenate([x, x[rows]]), "y_train": np.concatenate([y, wrong])}

    return spoil


def _rare(share: float) -> Spoil:
    """All classes but the two first (of two classes: the second) are kept at a share, in both splits."""

    def spoil(arrays: Arrays, rng: np.random.Generator) -> Arrays:
        found = dict(arrays)
        few = len(np.unique(arrays["y_train"]))
        kept_whole = 1 if few <= 3 else 2
        for split in ("train", "val"):
            y = arrays[f"y_{split}"]
            rows = [
                r for c in np.unique(y) for r in _share(np.flatnonzero(y == c), share if c >= kept_whole else 1.0, rng)
            ]
            order = rng.permutation(rows)
            found |= {f"x_{split}": arrays[f"x_{split}"][order], f"y_{split}": y[order]}
        return found

    return spoil


def _share(rows: Any, share: float, rng: np.random.Generator) -> Any:
    return rng.choice(rows, max(2, round(share * len(rows))), replace=False)


def _leak(share: float, noise: float = 0.0) -> Spoil:
    """A share of the validation rows stands in the training split, exactly or nearly."""

    def spoil(arrays: Arrays, rng: np.random.Generator) -> Arrays:
        n = len(arrays["y_val"])
        rows, taken = rng.permutation(n)[: int(share * n)], rng.permutation(len(arrays["y_train"]))[: int(share * n)]
        x, y = arrays["x_val"].astype(float).copy(), arrays["y_val"].copy()
        rows = rows[: len(taken)]
        x[rows], y[rows] = arrays["x_train"][taken], arrays["y_train"][taken]
        x[rows] += noise * arrays["x_train"].std(axis=0) * rng.standard_normal(x[rows].shape)
        return arrays | {"x_val": x, "y_val": y}

    return spoil


def _told(arrays: Arrays, rng: np.random.Generator) -> Arrays:
    return arrays | {
        f"x_{split}": np.concatenate([arrays[f"x_{split}"], arrays[f"y_{split}"][:, None] / 10], axis=1)
        for split in ("train", "val")
    }


def _in_order(arrays: Arrays, rng: np.random.Generator) -> Arrays:
    order = np.argsort(arrays["y_train"], kind="stable")
    return arrays | {"x_train": arrays["x_train"][order], "y_train": arrays["y_train"][order]}


def _wild_rows(n: int) -> Spoil:
    """A few rows far away with labels of chance, which make the batches that hold one spike."""

    def spoil(arrays: Arrays, rng: np.random.Generator) -> Arrays:
        x, y = arrays["x_train"].astype(float), arrays["y_train"]
        spread = x.std(axis=0)
        wild = x.mean(axis=0) + 30 * spread * rng.standard_normal((n, *x.shape[1:]))
        return arrays | {"x_train": np.concatenate([x, wild]), "y_train": np.concatenate([y, rng.permutation(y)[:n]])}

    return spoil


def _plant(dev: Spoil, held: Spoil | None = None, **sets: Any) -> Any:
    settings = {name.replace("__", "."): value for name, value in sets.items()}

    def plant(base: Base, is_held: bool) -> Plant:  # noqa: FBT001 - a table of plants is read better so
        return Plant(settings, spoil=held if is_held and held else dev)

    return plant


_RAW = {"data__normalize": "none"}
KINDS = (
    Kind("nan-cell", frozenset({"data-nonfinite"}), _plant(_nan), *IMAGES, present=True),
    Kind(
        "x255+100",
        frozenset({"input-scale"}),
        _plant(_both(lambda x: 255 * x + 100), _both(lambda x: 60 * x + 500), **_RAW),
        *IMAGES,
        present=True,
        curable=True,
        as_info=True,
    ),
    Kind(
        "one-feature-1e4",
        frozenset({"input-scale"}),
        _plant(_both(_one_wide), **_RAW),
        *TABLES,
        present=True,
        curable=True,
        as_info=True,
    ),
    Kind(
        "target-1000",
        frozenset({"target-scale"}),
        _plant(_far_target, data__normalize_target="none"),
        ("diabetes-mlp",),
        ("diamonds-mlp",),
        curable=True,
    ),
    Kind(
        "useless-columns",
        frozenset({"const-dup-features"}),
        _plant(_useless(0.4), _useless(0.6)),
        ("digits-mlp", "cancer-mlp"),
        ("wine-mlp", "diamonds-mlp"),
        present=True,
        as_info=True,
    ),
    Kind("random-labels", frozenset({"random-labels"}), _plant(_random), *IMAGES, present=True),
    Kind("labels-rolled", frozenset({"random-labels"}), _plant(_rolled), *TABLES, present=True),
    Kind("flips-10", frozenset({"label-noise"}), _plant(flips(0.1), flips(0.15)), *IMAGES, present=True),
    Kind("flips-30", frozenset({"label-noise"}), _plant(flips(0.3), flips(0.25)), *TABLES, present=True),
    Kind(
        "conflicting-dupes",
        frozenset({"conflicting-dupes"}),
        _plant(_conflicts(0.125), _conflicts(0.08)),
        *IMAGES,
        present=True,
    ),
    Kind(
        "imbalance",
        frozenset({"class-imbalance", "rare-classes"}),
        _plant(_rare(0.04), _rare(0.06)),
        *TABLES,
        present=True,
        as_info=True,
    ),
    Kind("val-leak", frozenset({"train-val-leak"}), _plant(_leak(0.5), _leak(0.3)), *IMAGES, present=True),
    Kind(
        "near-leak",
        frozenset({"train-val-leak"}),
        _plant(_leak(0.5), _leak(0.4, 1e-3)),
        (),
        ("mnist-mlp", "wine-mlp"),
        present=True,
    ),
    Kind(
        "target-leak",
        frozenset({"target-leak"}),
        _plant(_told),
        ("digits-mlp", "cancer-mlp"),
        ("mnist-mlp", "wine-mlp"),
        present=True,
    ),
    Kind("rows-in-order", frozenset({"not-shuffled"}), _plant(_in_order), *TABLES, present=True, as_info=True),
    Kind(
        "wild-rows",
        frozenset({"grad-spikes", "input-scale"}),
        _plant(_wild_rows(4), _wild_rows(3)),
        ("digits-mlp", "cancer-mlp"),
        ("mnist-mlp", "wine-mlp"),
        as_info=True,
    ),
)
