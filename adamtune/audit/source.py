"""What the source of a class says that its movements cannot: read only to word a finding."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Final

from torch.optim import Optimizer

_LR: Final = re.compile(r"lr|step_?size|alpha|learning_?rate|eta", re.IGNORECASE)
_ROOT: Final = re.compile(r"sqrt|_sq$|_root$|root_", re.IGNORECASE)
_EPS: Final = re.compile(r"eps", re.IGNORECASE)


def folds_corrections(cls: type) -> bool:
    """Whether some expression of the class scales lr by the root of a bias correction.

    That is the paper's efficient form, in which eps is another number, eps-hat. Its movements are the same as those of
    a class that only puts eps in the wrong place.
    """
    return any(_folds(expression) for tree in _trees(cls) for expression in _products(tree))


def _trees(cls: type) -> Iterator[ast.AST]:
    """The class, what it inherits short of torch's own base, and the functions of its module that it names."""
    for base in inspect.getmro(cls):
        if base in {Optimizer, object} or base.__module__.startswith("torch."):
            continue
        tree = _parse(base)
        if tree is None:
            continue
        yield tree
        module = getattr(sys.modules.get(base.__module__), "__dict__", {})
        for name in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
            function = module.get(name)
            if inspect.isfunction(function) and (body := _parse(function)) is not None:
                yield body


def _parse(thing: Any) -> ast.AST | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError, IndexError):
        return None


def _products(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if (isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Mult | ast.Div)) or (
            isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)
        ):
            yield node


def _folds(expression: ast.AST) -> bool:
    words = list(_words(expression))
    has_root = any(_ROOT.search(word) for word in words) or any(_is_root(node) for node in ast.walk(expression))
    return has_root and any(map(_LR.match, words)) and not any(map(_EPS.search, words))


def _words(expression: ast.AST) -> Iterator[str]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _is_root(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Pow)
        and isinstance(node.right, ast.Constant)
        and node.right.value == 0.5
    )
