"""Data of a wrong form ends in one clear message that names the array, the row and what would have been right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adamtune.data.dataset import Dataset
from adamtune.errors import DataError

Load = Callable[..., Dataset]

EXPECTED_KEYS = "x and y, or x_train, y_train, x_val and y_val, and with those perhaps x_test and y_test"
LONG = "x = np.arange(n); y = np.arange(n) % 2; "


@pytest.mark.parametrize(
    ("body", "what", "expected", "hint"),
    [
        (
            "return None",
            "my_data.py:load returned None; was the return forgotten?",
            f"a dict with {EXPECTED_KEYS}",
            None,
        ),
        ("return (1, 2)", "my_data.py:load returned a tuple", f"a dict with {EXPECTED_KEYS}", None),
        ("return {}", "my_data.py:load returned an empty dict", f"{EXPECTED_KEYS}; x, y is missing", None),
        (
            "return {'X': [1], 'y': [1]}",
            "my_data.py:load returned an unknown key 'X'",
            EXPECTED_KEYS,
            "did you mean: x",
        ),
        (
            "return {'x_train': [1], 'y_train': [1], 'x_valid': [1], 'y_val': [1]}",
            "my_data.py:load returned an unknown key 'x_valid'",
            EXPECTED_KEYS,
            "did you mean: x_val",
        ),
        (
            "return {'x_train': [1], 'y_train': [1], 'x_val': [1]}",
            "my_data.py:load returned x_train, y_train, x_val",
            f"{EXPECTED_KEYS}; y_val is missing",
            None,
        ),
        (
            "return {'x': [1], 'y_train': [1]}",
            "my_data.py:load returned x, y_train",
            f"{EXPECTED_KEYS}; x_train, x_val, y_val is missing",
            None,
        ),
        ("return {'x': None, 'y': [1]}", "x of my_data.py:load is None", "an array, a tensor or a list", None),
        ("return {'x': 3, 'y': [1]}", "x of my_data.py:load is an int", "one entry for each example", None),
        ("return {'x': 'text', 'y': [1]}", "x of my_data.py:load is a str", "an array, a tensor or a list", None),
        (
            "return {'x': [[1, 2], [3]], 'y': [0, 1]}",
            "x of my_data.py:load is no array: its rows differ in length",
            "rows of equal length",
            None,
        ),
        (
            LONG + "return {'x': x[:7], 'y': y}",
            "x of my_data.py:load has 7 rows and y has 20",
            "one target for each example",
            None,
        ),
        (
            "return {'x': [['1', 'a']] * 20, 'y': [0, 1] * 10}",
            "x of my_data.py:load holds text, such as '1'",
            "numbers; text must be encoded first, as one column per word for example",
            None,
        ),
        (
            "x = np.ones((n, 2), dtype=object); x[3, 1] = 'red'; return {'x': x, 'y': [0, 1] * 10}",
            "x of my_data.py:load holds 'red' in row 3, column 1",
            "numbers; text must be encoded first, as one column per word for example",
            None,
        ),
        (
            LONG + "return {'x': x + 1j, 'y': y}",
            "x of my_data.py:load holds complex numbers, such as 1j",
            "numbers; text must be encoded first, as one column per word for example",
            None,
        ),
        (
            LONG + "return {'x': np.ones((n, 0)), 'y': y}",
            "x of my_data.py:load has shape [20, 0]",
            "at least one feature",
            None,
        ),
        (
            LONG + "return {'x': x, 'y': x + 0.5}",
            "y of my_data.py:load is 0.5 in row 0, which is no class label",
            "whole numbers or text, for task: classification",
            "try: task: regression, if these are numbers to predict",
        ),
        (
            LONG + "return {'x': x, 'y': np.eye(2)[y]}",
            "y of my_data.py:load has shape [20, 2]",
            "one label for each example, shape [N]",
            "try: y.argmax(1), if each row has one 1",
        ),
        (
            LONG + "return {'x': x, 'y': y * 0}",
            "y of my_data.py:load has one label only: 0",
            "at least two classes",
            None,
        ),
        (
            LONG + "return {'x': x, 'y': y * np.nan}",
            "y of my_data.py:load has no label at all",
            "at least two classes",
            None,
        ),
        (
            LONG + "z = y.astype(object); z[3] = 'a'; return {'x': x, 'y': z}",
            "y of my_data.py:load holds 0 in row 0 among text",
            "labels of one kind: all text, or all numbers",
            None,
        ),
        (
            "return {'x_train': [1, 2], 'y_train': ['a', 'b'], 'x_val': [1, 2], 'y_val': ['a', 'c']}",
            "y_val of my_data.py:load has labels that y_train of my_data.py:load does not have: c",
            "in each split only labels that the model can learn",
            None,
        ),
        (
            "return {'x_train': [1, 2], 'y_train': ['a', 'b'], 'x_val': [1, 2], 'y_val': [0, 1]}",
            "y_train of my_data.py:load is text and y_val of my_data.py:load is numbers",
            "labels of one kind in all splits",
            None,
        ),
        (
            "return {'x_train': [[1, 2], [3, 4]], 'y_train': [0, 1], 'x_val': [[1, 2, 3]], 'y_val': [0]}",
            "an example of x_val of my_data.py:load has shape [3], one of x_train has [2]",
            "examples of one shape in all splits",
            None,
        ),
        (
            "return {'x_train': [1, 2], 'y_train': [0, 1], 'x_val': [], 'y_val': []}",
            "x_val of my_data.py:load has no rows",
            "at least 1",
            None,
        ),
        (
            "return {'x': [1, 2, 3], 'y': [0, 1, 0]}",
            "3 examples are too few to hold out 1 for val and 1 for test",
            "at least 2 left to train on",
            None,
        ),
    ],
)
def test_wrong_data_is_told_in_exactly_these_words(
    load: Load, body: str, what: str, expected: str, hint: str | None
) -> None:
    with pytest.raises(DataError) as error:
        load(body)
    (problem,) = error.value.problems
    assert (problem.what, problem.expected, problem.hint) == (what, expected, hint)
    assert str(problem.where).endswith("recipe.yaml:3") or "too few" in what


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return {'x': np.arange(n), 'y': ['a', 'b'] * 10}", "y of my_data.py:load holds text, such as 'a'"),
        (
            "return {'x_train': [1, 2], 'y_train': [1, 2], 'x_val': [1], 'y_val': [[1, 2]]}",
            "y_val of my_data.py:load has 2 numbers for each example, y_train of my_data.py:load has 1",
        ),
    ],
)
def test_wrong_targets_of_a_regression_are_told(load: Load, body: str, what: str) -> None:
    with pytest.raises(DataError) as error:
        load(body, task="regression")
    assert error.value.problems[0].what == what


def test_an_exception_of_the_user_s_function_is_told_by_its_line(load: Load) -> None:
    with pytest.raises(DataError, match=r"^my_data\.py:4: ZeroDivisionError: division by zero$"):
        load("return 1 / 0")


@pytest.mark.parametrize(
    ("x", "way_out"), [("s.eye(20).tocsr()", ".toarray()"), ("torch.eye(20).to_sparse()", ".to_dense()")]
)
def test_a_sparse_matrix_is_refused_with_the_way_out(load: Load, x: str, way_out: str) -> None:
    with pytest.raises(DataError, match=r"x of my_data\.py:load is sparse") as error:
        load(f"import scipy.sparse as s; return {{'x': {x}, 'y': [0, 1] * 10}}")
    assert error.value.problems[0].hint == f"try: {way_out}, if it fits into memory"
