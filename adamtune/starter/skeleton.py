"""Code to start from: a network and a data function of one's own, which train as they stand."""

from __future__ import annotations

from typing import Final

MODEL_FILE: Final = "my_model.py"
DATA_FILE: Final = "my_data.py"

_MODEL: Final = '''\
"""The network of a recipe. adamtune calls build() for each of its members, with the seed already set."""

import math

from torch import nn


def build(input_shape, output_size, width=64):
    """A network of your own.

    input_shape: shape of one example, without the batch.
    output_size: how many classes, or how many numbers to predict.
    width: comes from model.args of the recipe; add whatever you like there and here.

    Takes a batch of shape [B, *input_shape] and gives [B, output_size]: for classes the logits,
    without a softmax, which the loss brings along.
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(input_shape), width),
        nn.ReLU(),
        nn.Linear(width, output_size),
    )
'''

_LANGUAGE: Final = '''\
"""The network of a recipe. adamtune calls build() for each of its members, with the seed already set."""

from torch import nn


def build(input_shape, output_size, width=64):
    """A language model of your own; this one knows no more than the last token.

    input_shape: how many tokens it sees at once.
    output_size: how many different tokens there are.
    width: comes from model.args of the recipe; add whatever you like there and here.

    Takes tokens of shape [B, T] and gives the logits of the token after each, [B, T, output_size].
    """
    return nn.Sequential(
        nn.Embedding(output_size, width),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, output_size),
    )
'''

_DATA: Final = '''\
"""The data of a recipe. adamtune calls load() once, with data.args of the recipe."""

from sklearn.datasets import {function}


def load(rows=None):
    """Features and targets, as numpy arrays, torch tensors or a table of polars or pandas.

    Put your own in the place of these {what}. Where you have splits of your own, return
    x_train, y_train, x_val, y_val and perhaps x_test, y_test, and nothing is drawn at random.
    """
    x, y = {function}(return_X_y=True)
    return {{"x": x[:rows], "y": y[:rows]}}
'''


def model_code(task: str) -> str:
    """The file of a network for a task."""
    return _LANGUAGE if task == "language-model" else _MODEL


def data_code(task: str) -> str:
    """The file of a data function for classification or regression."""
    if task == "regression":
        return _DATA.format(function="load_diabetes", what="442 patients")
    return _DATA.format(function="load_digits", what="1,797 handwritten digits")
