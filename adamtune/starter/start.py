"""A first recipe for somebody's data: looked at, proposed, asked about where somebody can answer, written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from adamtune.data.reading import source_names, sources
from adamtune.errors import Problem, RecipeError, UsageError
from adamtune.models.build import option_schemas
from adamtune.recipe.load import load_recipe
from adamtune.recipe.paths import near
from adamtune.recipe.showing import one_line
from adamtune.starter import propose, roles, skeleton
from adamtune.starter.look import Column, Look
from adamtune.starter.other import look_at
from adamtune.starter.propose import Choice
from adamtune.starter.text import recipe_text

TASKS: Final = ("classification", "regression", "language-model", "reinforcement")
_ENVIRONMENT: Final = "CartPole-v1"

Ask = Callable[[str, str], str]
"""Asks a person a question, with the answer that Enter gives; returns the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user said; None leaves a thing to what the data look like.

    Args:
        output: The recipe to write.
        data: A file, a folder, or the name of a built-in source.
        target: The column to predict.
        task: What to learn.
        model: A model family, or `python`: code to start from is then written too.
        name: Name of the recipe.
        sure: Whether every guess may be taken without asking.
        force: Whether files that are there may be overwritten.
    """

    output: Path
    data: str | None = None
    target: str | None = None
    task: str | None = None
    model: str | None = None
    name: str | None = None
    sure: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """What was written, and why it says what it says.

    Args:
        recipe: The recipe's path.
        files: All files that were written, the recipe among them.
        data: The data, as the recipe names them.
        look: What was seen in the data; None where nothing was looked at.
        choices: The settings of the recipe, in its order, each with its reason.
        uses_code: Whether the recipe names code, which needs trust to run.
    """

    recipe: Path
    files: tuple[Path, ...]
    data: str
    look: Look | None
    choices: tuple[Choice, ...]
    uses_code: bool


def start(wish: Wish, ask: Ask | None) -> Started:
    """Writes a recipe that loads, and what it needs beside it.

    Args:
        wish: What the user said.
        ask: Asks the user for what is open; None where nobody is there to answer.

    Raises:
        UsageError: Something that cannot be guessed is missing, or a file is there already.
        DataError: The data cannot be looked at.
        RecipeError: What was wished for does not go together.
    """
    _check_words(wish)
    wish = _with_data(wish, ask)
    files: dict[Path, str] = {}
    if wish.data is None or wish.data in sources():
        look, choices = None, _without_look(wish, files)
    else:
        look, choices = _with_look(wish, ask)
    task = next(str(choice.value) for choice in choices if choice.key == "task")
    if wish.model == "python":
        files[wish.output.parent / skeleton.MODEL_FILE] = skeleton.model_code(task)
    data = next(str(c.value) for c in choices if c.key.startswith("data."))
    files = {wish.output: recipe_text(choices, _head(wish, data, look)), **files}
    _write(files, wish)
    uses_code = any(choice.key in ("data.python", "model.python") for choice in choices)
    return Started(wish.output, tuple(files), data, look, tuple(choices), uses_code)


def _check_words(wish: Wish) -> None:
    for option, word, known in (
        ("--task", wish.task, TASKS),
        ("--model", wish.model, (*option_schemas(), "python")),
    ):
        if word is not None and word not in known:
            close = near(word, known)
            hint = f"did you mean: {close[0]}" if close else None
            raise UsageError(Problem(f'"{one_line(word)}" is none of those there are', option, ", ".join(known), hint))
    if wish.output.suffix not in (".yaml", ".yml"):
        what = f"the recipe would be {wish.output}"
        raise UsageError(Problem(what, "--output", "a name that ends in .yaml", f"try: {wish.output}.yaml"))


def _with_data(wish: Wish, ask: Ask | None) -> Wish:
    """The wish with its data known, or known to be unneeded."""
    if wish.data is not None or wish.model == "python" or wish.task == "reinforcement":
        return wish
    if ask is not None:
        answer = ask("data: a file, a folder of images, or a built-in source", "sklearn/digits")
        return replace(wish, data=answer)
    raise UsageError(
        Problem(
            "there is nothing to start from, and nobody to ask",
            "adamtune init",
            "--data FILE with --target COLUMN for a table, or --model python for code of your own",
            "try: adamtune init --data table.csv --target label",
        )
    )


def _without_look(wish: Wish, files: dict[Path, str]) -> list[Choice]:
    """A recipe for a built-in source, an environment, or a data function of the user's; notes its file."""
    source = sources().get(wish.data or "")
    task = wish.task or (source.task if source else "classification")
    if source is not None:
        data, stem = Choice("data.source", source.name, source.summary), source.name.rpartition("/")[2]
    elif task == "reinforcement":
        data, stem = Choice("data.environment", _ENVIRONMENT, "a pole to balance on a cart"), "cartpole"
    elif task == "language-model":
        data, stem = Choice("data.source", "python/topics", "Python's own help texts"), "topics"
    else:
        data, stem = Choice("data.python", f"{skeleton.DATA_FILE}:load", "put your own data there"), "mine"
        files[wish.output.parent / skeleton.DATA_FILE] = skeleton.data_code(task)
    kinds = option_schemas()
    fit = ("transformer", "rnn", "mlp") if task == "language-model" else ("mlp",)
    kind = wish.model or next(kind for kind in fit if kind in kinds)
    name = wish.name or re.sub(r"[^A-Za-z0-9._-]+", "-", stem)
    return [Choice("name", name), Choice("task", task), data, *_model(kind, None)]


def _with_look(wish: Wish, ask: Ask | None) -> tuple[Look, list[Choice]]:
    """A recipe for a file or a folder."""
    path = Path(wish.data or "")
    look = look_at(path)
    relative = _relative(path, wish.output)
    target, how = _target(look, wish, ask)
    guess, why = propose.task_of(look, target)
    task = wish.task or (ask(f"task: {why}", guess) if ask else guess)
    why = why if task == guess else "as you said"
    name = wish.name or _stem(path)
    kind = wish.model or propose.kind_of(look, task, option_schemas())
    return look, [
        Choice("name", name),
        Choice("task", task, why),
        Choice("data.file", relative, _size(look)),
        *propose.data_choices(look, target, how, _categorical(look, target, ask)),
        *_model(kind, look),
        *propose.training_choices(look, task),
    ]


def _target(look: Look, wish: Wish, ask: Ask | None) -> tuple[Column | None, str]:
    """The column to predict, and how it was found."""
    if look.form != "table" or wish.target is not None:
        return propose.target_of(look, wish.target), "as you said"
    guess, is_sure = roles.guess_target(look.columns)
    names = propose.listed([column.name for column in look.columns])
    if ask is not None:
        answer = ask(f"the column to predict, one of {names}", guess or "")
        return propose.target_of(look, answer), "as you said"
    if guess is None or not (is_sure or wish.sure):
        hint = f"try: --target {guess}, or --yes to take that guess" if guess else None
        raise UsageError(Problem("which column is to be predicted?", "--target", f"one of {names}", hint))
    return propose.target_of(look, guess), "as its name says" if is_sure else "a guess: the last one that could be"


def _categorical(look: Look, target: Column | None, ask: Ask | None) -> list[str] | None:
    """The columns whose numbers are names, as somebody says; None where nobody was asked."""
    rest = [column for column in look.columns if target is None or column.name != target.name]
    out = roles.own_names(rest)
    questions = roles.perhaps_names([column for column in rest if column.name not in out])
    if ask is None or not questions:
        return None
    listed = "; ".join(f"{name} ({why})" for name, why in questions.items())
    answer = ask(f"whole numbers that are names rather than sizes, separated by commas: {listed}", "none")
    return [name for name in questions if name in [word.strip() for word in answer.split(",")]]


def _model(kind: str, look: Look | None) -> list[Choice]:
    if kind == "python":
        code = Choice("model.python", f"{skeleton.MODEL_FILE}:build", "your own network")
        return [code, Choice("model.args", {"width": 64})]
    return propose.model_choices(kind, look) if look is not None else [Choice("model.kind", kind)]


def _relative(path: Path, output: Path) -> str:
    """The data as the recipe must name them: from its own folder on."""
    relative = Path(os.path.relpath(path.absolute(), output.absolute().parent))
    if relative.is_absolute() or ".." in relative.parts:
        what = f"{path} lies outside the folder of {output}"
        hint = f"try: --output {path.parent / output.name}"
        raise UsageError(Problem(what, "--output", "a recipe in a folder that the data are in or below", hint))
    return relative.as_posix()


def _stem(path: Path) -> str:
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.absolute().stem).strip("._-")
    return stem[:80] or "my-recipe"


def _size(look: Look) -> str:
    units = {"table": "rows", "text": "characters", "images": "images", "arrays": "examples"}
    return f"{'' if look.exact else 'about '}{look.n:,} {units[look.form]}"


def _head(wish: Wish, data: str, look: Look | None) -> list[str]:
    seen = f", from its first {look.n_seen:,} rows" if look is not None and 0 < look.n_seen < look.n else ""
    return [
        f"A first recipe for {data}{seen}. Each reason is a guess: you know the data.",
        "What it leaves out has the defaults that `adamtune schema` lists.",
        f"Then: adamtune check {wish.output}, and adamtune baseline {wish.output}",
    ]


def _write(files: Mapping[Path, str], wish: Wish) -> None:
    """Writes all files or none; the recipe is loaded first, so that what is written works."""
    there = [path for path in files if path.exists()]
    if there and not wish.force:
        what = f"{' and '.join(map(str, there))} {'is' if len(there) == 1 else 'are'} there already"
        hint = "try: --output another.yaml, or --force to overwrite"
        raise UsageError(Problem(what, "adamtune init", "files that are not there yet", hint))
    scratch = wish.output.with_name(f".{wish.output.stem}.{os.getpid()}.yaml")
    try:
        wish.output.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(files[wish.output], encoding="utf-8")
        _check(scratch, wish)
        for path, text in files.items():
            if path != wish.output:
                path.write_text(text, encoding="utf-8")
        scratch.replace(wish.output)
    except OSError as error:
        what = f"{wish.output} cannot be written: {error.strerror or error}"
        raise UsageError(Problem(what, "--output", "a folder that can be written to")) from None
    finally:
        scratch.unlink(missing_ok=True)


def _check(scratch: Path, wish: Wish) -> None:
    """Loads what is to be written; what is wrong is what was wished for, and told by its key."""
    try:
        load_recipe(scratch, kinds=option_schemas(), sources=source_names())
    except RecipeError as error:
        told = [replace(problem, where=f"adamtune init, for {wish.output}") for problem in error.problems]
        raise RecipeError(*told) from None
