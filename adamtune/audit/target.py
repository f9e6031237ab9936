"""The class that a target names, loaded. Runs in the child process only: loading is running."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from torch.optim import Optimizer

from adamtune.audit.drive import told
from adamtune.errors import Problem, UsageError
from adamtune.recipe.targets import Target, parse_target


def load_class(text: str) -> type[Optimizer]:
    """The optimizer class that `package.module:Class` or `path/file.py:Class` names.

    Raises:
        UsageError: There is no such file, module or class, importing it raised, or it is no optimizer class.
    """
    target = parse_target(text)
    if target is None:
        raise UsageError(not_a_target(text))
    module = _from_file(target) if target.file else _from_package(target)
    return _class(module, target, text)


def not_a_target(text: str) -> Problem:
    """What is said of a text that names no class at all."""
    expected = "package.module:Class of something that can be imported, or path/file.py:Class"
    return Problem(f"{text} does not name a class", expected=expected, hint="try: torch.optim:AdamW")


def _from_file(target: Target) -> ModuleType:
    path = Path(target.file).resolve()
    if not path.is_file():
        beside = sorted(str(p.name) for p in path.parent.glob("*.py")) if path.parent.is_dir() else []
        close = get_close_matches(path.name, beside, n=1)
        hint = f"did you mean: {Path(target.file).with_name(close[0])}:{target.function}" if close else None
        raise UsageError(Problem("there is no such file", target.file, hint=hint))
    sys.path.insert(0, str(path.parent))  # as `python file.py` would: files beside it can be imported
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(Problem("Python cannot import this file", target.file))
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(_import_failed(error, target.file)) from error
    return module


def _from_package(target: Target) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(target.module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{target.module}.".startswith(f"{error.name}."):
            raise UsageError(_import_failed(error, target.module)) from error
        hint = "try: path/file.py:Class for a file, or install the package that holds the module"
        raise UsageError(Problem(f"there is no module {error.name}", target.module, hint=hint)) from error
    except (Exception, SystemExit) as error:
        raise UsageError(_import_failed(error, target.module)) from error


def _import_failed(error: BaseException, where: str) -> Problem:
    words = told(error)
    return Problem(words["what"], words["where"] or where, "the file to be imported without an exception")


def _class(module: ModuleType, target: Target, text: str) -> type[Optimizer]:
    source = target.file or target.module
    found: Any = getattr(module, target.function, None)
    optimizers = [name for name, value in vars(module).items() if _is_optimizer(value) and value is not Optimizer]
    if found is None:
        close = get_close_matches(target.function, optimizers, n=1)
        hint = f"did you mean: {source}:{close[0]}" if close else None
        expected = f"one of {', '.join(optimizers[:8])}" if optimizers else "the name of an optimizer class in it"
        raise UsageError(Problem(f"there is no class {target.function}", source, expected, hint))
    if not _is_optimizer(found):
        expected = "a class that inherits from torch.optim.Optimizer"
        kind = "class" if inspect.isclass(found) else type(found).__name__
        listed = f"try: {source}:{optimizers[0]}" if optimizers else None
        raise UsageError(Problem(f"{target.function} is a {kind} and no optimizer", text, expected, listed))
    return found  # type: ignore[no-any-return]


def _is_optimizer(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, Optimizer)
