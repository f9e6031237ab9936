"""The user's own functions that a recipe names: found, loaded only with trust, and blamed by their own lines."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import importlib.util
import inspect
import site
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from adamtune.errors import AdamtuneError, DataError, ModelError, Problem, RecipeError, TrustError
from adamtune.recipe.inside import inside
from adamtune.recipe.paths import near
from adamtune.recipe.showing import one_line
from adamtune.recipe.siblings import siblings
from adamtune.recipe.targets import Target, parse_target

_KINDS: Final[Mapping[str, type[AdamtuneError]]] = {"data": DataError, "model": ModelError}


def load_target(target: str, *, folder: Path, trusted: bool, key: str, where: str | None = None) -> Callable[..., Any]:
    """The function that a `python:` key names; what it raises when called arrives as an error of ours.

    Args:
        target: `my_data.py:load` or `package.module:function`.
        folder: The recipe's folder; a file must lie at or below it, symbolic links followed.
        trusted: Whether the user allowed the recipe's Python code to run.
        key: Which key names it: `data.python` (errors are `DataError`) or `model.python` (`ModelError`).
        where: Where the recipe says so, for messages.

    Raises:
        RecipeError: This is no target, or there is no such file, module or function.
        TrustError: The user did not allow it, or the file lies outside the folder.
        DataError: Importing the code raised; `ModelError` for a model.
    """
    parsed = parse_target(target)
    if parsed is None:
        what = f'{key} is "{target}"'
        expected = "file.py:function beside the recipe, or package.module:function of an installed package"
        raise RecipeError(Problem(what, where=where, expected=expected, hint="try: my_data.py:load"))
    plugin = _Plugin(parsed, target, key, where, folder.resolve())
    file = plugin.file() if parsed.file else None
    if not trusted:
        raise TrustError(
            plugin.problem(
                f"{key} is {target}, which is Python code",
                f"leave to run {parsed.function}() of {file or parsed.module}",
                "run: the same command with --trust-code, once you have read that code",
            )
        )
    module = plugin.from_file(file) if file is not None else plugin.from_package()
    return plugin.wrapped(plugin.function(module))


@dataclass(frozen=True)
class _Plugin:
    target: Target
    text: str
    key: str
    where: str | None
    folder: Path

    def problem(self, what: str, expected: str | None = None, hint: str | None = None) -> Problem:
        return Problem(what, where=self.where, expected=expected, hint=hint)

    def file(self) -> Path:
        """The file, which is known to lie at or below the folder."""
        path = inside(self.folder, self.target.file, self.key, self.where)
        if not path.is_file():
            beside = [str(p.relative_to(self.folder)) for p in self.folder.glob("*.py")]
            close = near(self.target.file, beside)
            hint = f"did you mean: {close[0]}:{self.target.function}" if close else None
            raise RecipeError(
                self.problem(
                    f"{self.key} names {self.target.file}, and there is no such file",
                    f"a file in {self.folder} or below it",
                    hint,
                )
            )
        return path

    def from_file(self, path: Path) -> ModuleType:
        try:
            code = path.read_bytes()
        except OSError as error:
            what = f"{self.key} names {self.target.file}, which cannot be read: {error.strerror}"
            raise RecipeError(self.problem(what)) from None
        digest = hashlib.sha256(str(path).encode() + b"\0" + code).hexdigest()[:12]
        name = f"_adamtune_{path.stem}_{digest}"
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise RecipeError(self.problem(f"{self.key}: Python cannot import {path.name}"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            with self.blaming(), siblings(path.parent):
                spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return module

    def from_package(self) -> ModuleType:
        name = self.target.module
        top = name.partition(".")[0]
        with self.blaming():
            spec = importlib.util.find_spec(top)
            found = _places(spec) if spec is not None else []
            if spec is not None and found and not any(_is_installed(place) for place in found):
                raise TrustError(
                    self.problem(
                        f"{self.key} names {top}, which is not an installed package but lies at {found[0]}",
                        "a function of an installed package, or a file at or below the recipe's folder",
                        f"try: {top}.py:{self.target.function}, beside the recipe",
                    )
                )
            try:
                return importlib.import_module(name)
            except ModuleNotFoundError as error:
                if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
                    raise
                expected = "an installed package, or a file beside the recipe such as my_data.py:load"
                raise RecipeError(
                    self.problem(f"{self.key} names {name}, and there is no module {error.name}", expected)
                ) from None

    def function(self, module: ModuleType) -> Callable[..., Any]:
        found = getattr(module, self.target.function, None)
        if callable(found):
            return found  # type: ignore[no-any-return]
        functions = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        close = near(self.target.function, functions)
        source = self.target.file or self.target.module
        what = f"{source} has no function {self.target.function}" if found is None else f"{self.text} is no function"
        listed = ", ".join(functions[:8])
        raise RecipeError(
            self.problem(
                what, f"one of {listed}" if listed else None, f"did you mean: {source}:{close[0]}" if close else None
            )
        )

    def wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._check_arguments(function, args, kwargs)
            beside = siblings((self.folder / self.target.file).resolve().parent) if self.target.file else None
            with self.blaming(), beside or contextlib.nullcontext():
                return function(*args, **kwargs)

        return call

    def _check_arguments(self, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            section = self.key.partition(".")[0]
            wrong = next((name for name in kwargs if name not in signature.parameters), None)
            close = near(wrong, signature.parameters) if wrong else []
            reason = f"it takes no {wrong}" if wrong else str(error)
            problem = self.problem(
                f"{self.text} cannot be called with {section}.args: {reason}",
                f"what {self.target.function}{signature} takes",
                f"did you mean: {close[0]}" if close else None,
            )
            raise _KINDS.get(section, RecipeError)(problem) from None

    @contextlib.contextmanager
    def blaming(self) -> Iterator[None]:
        """Turns an exception of the user's code into an error of ours that names their file and line.

        What the code prints goes to stderr: stdout belongs to our result.
        """
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except AdamtuneError:
            raise
        except (Exception, SystemExit) as error:
            kind = _KINDS.get(self.key.partition(".")[0], RecipeError)
            raise kind(
                Problem(
                    f"{type(error).__name__}: {_first_line(error)}",
                    where=_blamed(error, self.folder, self.where),
                    expected=f"{self.text}, which {self.key} names, to run without an exception",
                )
            ) from error


def _blamed(error: BaseException, folder: Path, where: str | None) -> str | None:
    """File and line of the user's code that an exception went through last, else where it came from."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_relative(error.filename, folder)}:{error.lineno}"
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    foreign = [frame for frame in frames if frame[0] != __file__ and "importlib" not in frame[0]]
    own = [frame for frame in foreign if Path(frame[0]).is_relative_to(folder)]
    chosen = (own or foreign)[-1:]
    return f"{_relative(chosen[0][0], folder)}:{chosen[0][1]}" if chosen else where


def _relative(file: str, folder: Path) -> str:
    path = Path(file)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else file


def _first_line(error: BaseException) -> str:
    lines = str(error.msg if isinstance(error, SyntaxError) else error).strip().splitlines()
    return one_line(lines[0], 300) if lines else "no message"


def _places(spec: Any) -> list[Path]:
    places = list(spec.submodule_search_locations or []) or [spec.origin or ""]
    return [Path(place).resolve() for place in places if place not in ("", "built-in", "frozen")]


def _is_installed(place: Path) -> bool:
    """Whether a module lies where installers put them, or was put on the path on purpose."""
    names = ("purelib", "platlib", "stdlib", "platstdlib")
    roots = [sysconfig.get_path(name) for name in names] + site.getsitepackages() + [site.getusersitepackages()]
    if any(place.is_relative_to(Path(root).resolve()) for root in roots if root):
        return True
    here = Path.cwd().resolve()
    return not place.is_relative_to(here) or any(
        Path(entry).resolve() != here and place.is_relative_to(Path(entry).resolve()) for entry in sys.path if entry
    )
