"""Which optimizers a recipe can name, what each reads of the section `optimizer`, and its own defaults.

Plain data, so that a recipe is checked without torch; how each is made stands in `adamtune/optim/others/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

READ_BY_ALL: Final = frozenset({"name", "lr", "weight_decay", "no_decay"})
READ_BY_SOME: Final = ("betas", "eps", "momentum")
"""Keys of the section that not every optimizer reads."""

PACKAGE: Final = "pytorch-optimizer"
"""What stands before the slash where a recipe names a class of the package `pytorch_optimizer`."""

PACKAGE_NAME: Final = f"{PACKAGE}/NAME"


@dataclass(frozen=True, slots=True)
class Known:
    """An optimizer that a recipe can name.

    Args:
        name: What `optimizer.name` says.
        summary: What it is, in a few words, and what `weight_decay` means to it.
        reads: Which of `READ_BY_SOME` it reads.
        defaults: Values where the recipe says nothing, as far as they are not those of `configs/baseline.yaml`. `lr`
            is where a search for the best one starts.
    """

    name: str
    summary: str
    reads: frozenset[str]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unread(self) -> frozenset[str]:
        """Keys of the section that change nothing for it."""
        return frozenset(READ_BY_SOME) - self.reads


_ADAPTIVE: Final = frozenset({"betas", "eps"})

OPTIMIZERS: Final[tuple[Known, ...]] = (
    Known("adamw", "Adam with decoupled weight decay", _ADAPTIVE),
    Known("adam", "Adam; weight_decay is L2, inside the gradient", _ADAPTIVE),
    Known(
        "sgd",
        "gradient descent with momentum; weight_decay is L2",
        frozenset({"momentum"}),
        # Krizhevsky, Sutskever & Hinton 2012, section 5; lr is also that of Keras.
        {"lr": 1e-2, "momentum": 0.9, "weight_decay": 5e-4},
    ),
    Known(
        "nadamw",
        "Adam with Nesterov's look ahead and decoupled weight decay",
        _ADAPTIVE,
        {"lr": 2e-3},  # torch.optim.NAdam, after Dozat 2016
    ),
    Known(
        "radam",
        "Adam whose first steps are plain momentum until v can be trusted; decoupled weight decay",
        _ADAPTIVE,
        {"lr": 1e-3},  # torch.optim.RAdam
    ),
    Known(
        "adamax",
        "Adam with the largest gradient so far in the place of sqrt(v_hat); weight_decay is L2",
        _ADAPTIVE,
        {"lr": 2e-3},  # Kingma & Ba 2014, Algorithm 2
    ),
    Known(
        "rmsprop",
        "the gradient over its running size, smoothed by 0.99; weight_decay is L2",
        frozenset({"momentum", "eps"}),
        # lr: Hinton's lecture 6 of "Neural Networks for Machine Learning", and Keras. momentum: torch.optim.RMSprop.
        {"lr": 1e-3, "momentum": 0.0},
    ),
    Known(
        "adagrad",
        "the gradient over the root of the sum of all squares so far; weight_decay is L2",
        frozenset({"eps"}),
        {"lr": 1e-2, "eps": 1e-10},  # torch.optim.Adagrad, after Duchi, Hazan & Singer 2011
    ),
    Known(
        "lion",
        "the sign of a mixture of momentum and gradient; decoupled weight decay",
        frozenset({"betas"}),
        # Chen et al. 2023, section 5: an lr 3 to 10 times smaller than AdamW's beside a weight decay larger by as much;
        # betas: section 4.
        {"lr": 1e-4, "betas": [0.9, 0.99], "weight_decay": 0.03},
    ),
)
"""Every optimizer by its own name, ours first."""

NAMES: Final = tuple(known.name for known in OPTIMIZERS)
NAME_PATTERN: Final = rf"^({'|'.join(NAMES)}|{PACKAGE}/[A-Za-z][A-Za-z0-9_]*)$"


def known_optimizer(name: Any) -> Known | None:
    """What is known of the optimizer of this name; None for a name that no recipe can have.

    Args:
        name: Such as `sgd` or `pytorch-optimizer/Lamb`.
    """
    if isinstance(name, str) and name.startswith(f"{PACKAGE}/"):
        return Known(name, f"a class of {PACKAGE}, with defaults of its own", frozenset())
    return next((known for known in OPTIMIZERS if known.name == name), None)


def readers(key: str) -> list[str]:
    """Names of the optimizers that read a key of the section.

    >>> readers("momentum")
    ['sgd', 'rmsprop']
    """
    return [known.name for known in OPTIMIZERS if key in READ_BY_ALL | known.reads]


def own_settings(name: str) -> dict[str, Any]:
    """What takes a recipe from one optimizer to another, by key path: its name and its own defaults.

    A recipe file gets these without being asked, where it does not say otherwise; for a member of a search whoever
    makes the member sets them.

    >>> own_settings("lion")["optimizer.betas"]
    [0.9, 0.99]
    """
    known = known_optimizer(name)
    values = {"name": name, **(known.defaults if known is not None else {})}
    return {f"optimizer.{key}": value for key, value in values.items()}
