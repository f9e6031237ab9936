"""What no key alone gets wrong: values that contradict each other.

A check is one small function: it gets a complete recipe, each of whose values is right by itself,
and gives a clash or None. The table at the end of the file is the list of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from pydantic import BaseModel

from adamtune.recipe.optimizers import known_optimizer, readers
from adamtune.recipe.paths import KeyPath, format_path
from adamtune.recipe.schema import Options, Recipe, Task

Kinds = Mapping[str, type[BaseModel]]

TABLES: Final = frozenset({".csv", ".tsv", ".tab", ".parquet", ".pq", ".npy"})
"""Ends of the names of files that have columns."""

MIN_EVALUATIONS: Final = 20
"""Evaluations of a run that does not say when to evaluate; `training/length.py` sees to it."""


READ_FOR: Final[Mapping[KeyPath, Task]] = {
    ("reinforcement",): "reinforcement",
    ("data", "context"): "language-model",
    ("data", "tokens"): "language-model",
}
"""Keys that one task alone reads."""


@dataclass(frozen=True, slots=True)
class Clash:
    """Values that do not go together.

    Args:
        path: The key to blame; the message names its line.
        what: The values, in words.
        expected: What would have gone together, and why.
        hint: What to change.
    """

    path: KeyPath
    what: str
    expected: str
    hint: str | None = None


def clashes(recipe: Recipe, kinds: Kinds) -> list[Clash]:
    """Every contradiction within a recipe.

    Args:
        recipe: Complete, and right key by key.
        kinds: Schema of each model family's own options, by `model.kind`.
    """
    found = (_wrong_family(recipe, kinds), *(check(recipe) for check in CHECKS))
    return [clash for clash in found if clash is not None]


def unread(recipe: Recipe, written: Iterable[KeyPath]) -> list[Clash]:
    """Every key that somebody wrote and that nothing reads for the recipe's task, or its optimizer.

    Args:
        recipe: Complete, and right key by key.
        written: The key paths that do not come from the defaults.
    """
    found: dict[KeyPath, Clash] = {}
    for path in written:
        section, task = next((item for item in READ_FOR.items() if path[: len(item[0])] == item[0]), ((), None))
        if task is not None and task != recipe.task and section not in found:
            what = f"{format_path(path)} is set, and nothing reads it with task: {recipe.task}"
            found[section] = Clash(path, what, f"task: {task}, which alone reads {format_path(section)}")
        clash = _unread_setting(recipe, path)
        if clash is not None:
            found[path[:2]] = clash
    return list(found.values())


def _unread_setting(recipe: Recipe, path: KeyPath) -> Clash | None:
    known = known_optimizer(recipe.optimizer.name)
    if known is None or path[:1] != ("optimizer",) or len(path) < 2 or path[1] not in known.unread:
        return None
    key = format_path(path[:2])
    what = f"{key} is set, and nothing reads it with optimizer.name: {known.name}"
    is_momentum = path[1] == "momentum" and "betas" in known.reads
    hint = "try: betas: [0.9, 0.999], whose first number is the momentum" if is_momentum else None
    return Clash(path, what, f"{key} beside {_either(readers(str(path[1])))} alone", hint)


def _either(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def _wrong_family(recipe: Recipe, kinds: Kinds) -> Clash | None:
    options = kinds.get(recipe.model.kind or "")
    if options is None or not issubclass(options, Options) or recipe.task not in options.unfit:
        return None
    others = [kind for kind, other in kinds.items() if not (issubclass(other, Options) and recipe.task in other.unfit)]
    why = options.unfit[recipe.task]
    expected = f"{' or '.join(others) or 'a model of your own, by model.python'}; as for {recipe.model.kind}, {why}"
    hint = (
        f"try: kind: {others[0]}" if others else "try: python: my_model.py:build, a function that returns an nn.Module"
    )
    return Clash(("model", "kind"), f"model.kind is {recipe.model.kind}, and task is {recipe.task}", expected, hint)


def _no_environment(recipe: Recipe) -> Clash | None:
    data = recipe.data
    used = next((key for key in ("source", "file") if getattr(data, key) is not None), None)
    if recipe.task != "reinforcement" or used is None:
        return None
    what = f"task is reinforcement, and data.{used} is {getattr(data, used)}"
    expected = "data.environment or data.python: a policy learns from what it does, not from examples"
    return Clash(("data", used), what, expected, "try: environment: CartPole-v1")


def _environment_for_examples(recipe: Recipe) -> Clash | None:
    if recipe.data.environment is None or recipe.task == "reinforcement":
        return None
    what = f"data.environment is {recipe.data.environment}, and task is {recipe.task}"
    expected = f"data.source, data.file or data.python for {recipe.task}"
    return Clash(("data", "environment"), what, expected, "try: task: reinforcement")


def _accumulated_episodes(recipe: Recipe) -> Clash | None:
    n = recipe.training.accumulate
    if recipe.task != "reinforcement" or n == 1:
        return None
    expected = "1 with task: reinforcement, which makes one update of each batch of episodes"
    return Clash(("training", "accumulate"), f"training.accumulate is {n}", expected, "try: accumulate: 1")


def _smoothing_without_classes(recipe: Recipe) -> Clash | None:
    share = recipe.training.label_smoothing
    if share == 0 or recipe.task in ("classification", "language-model"):
        return None
    what = f"training.label_smoothing is {share:g}, and task is {recipe.task}"
    expected = "0 where there are no classes among which to spread a share"
    return Clash(("training", "label_smoothing"), what, expected, "try: label_smoothing: 0")


def _patience_beyond_the_end(recipe: Recipe) -> Clash | None:
    patience, n = recipe.training.early_stopping, _evaluations(recipe)
    if patience is None or n is None or patience < n:
        return None
    what = f"training.early_stopping is {patience}, and this run has {n} evaluation{'s' * (n > 1)}"
    expected = f"fewer evaluations than {n}, or null: after as many it can no longer stop early"
    return Clash(("training", "early_stopping"), what, expected, "try: early_stopping: null")


def _evaluations(recipe: Recipe) -> int | None:
    """How many evaluations a run has, where that does not depend on how many examples there are."""
    training = recipe.training
    if training.eval_every is not None:
        return -(-training.steps // training.eval_every) if training.steps is not None else None
    if training.steps is not None:
        return training.steps if training.steps < MIN_EVALUATIONS else None
    return training.epochs if training.epochs is not None and training.epochs >= MIN_EVALUATIONS else None


def _language_of_a_table(recipe: Recipe) -> Clash | None:
    if recipe.task != "language-model" or _suffix(recipe.data.file) not in TABLES:
        return None
    what = f"data.file is {recipe.data.file}, and task is language-model"
    return Clash(("data", "file"), what, "a text such as corpus.txt, of which each token follows from those before it")


def _text_without_language(recipe: Recipe) -> Clash | None:
    if recipe.task not in ("classification", "regression") or _suffix(recipe.data.file) != ".txt":
        return None
    what = f"data.file is {recipe.data.file}, and task is {recipe.task}"
    expected = "a file with targets, or task: language-model, which predicts the text itself"
    return Clash(("data", "file"), what, expected, "try: task: language-model")


def _columns_of_text(recipe: Recipe) -> Clash | None:
    data = recipe.data
    if _suffix(data.file) != ".txt":
        return None
    key = next((key for key in ("target", "drop", "categorical") if getattr(data, key)), None)
    if key is None:
        return None
    return Clash(
        ("data", key),
        f"data.{key} is set, and data.file is {data.file}",
        "a table such as table.csv beside it; a text has no columns",
    )


def _target_dropped(recipe: Recipe) -> Clash | None:
    data = recipe.data
    key = next((key for key in ("drop", "categorical") if data.target in getattr(data, key)), None)
    if data.target is None or key is None:
        return None
    expected = "columns of features alone; the target is never one of them"
    return Clash(("data", key), f'data.{key} names "{data.target}", which is data.target', expected)


def _split_without_column(recipe: Recipe) -> Clash | None:
    split = recipe.data.split
    if split.by not in ("groups", "time") or split.column is not None:
        return None
    what = f"data.split.by is {split.by}, and data.split.column is missing"
    good = "patient" if split.by == "groups" else "date"
    expected = f"the column that holds the {split.by}, such as {good}"
    return Clash(("data", "split", "by"), what, expected, f"add: column: {good}, under data.split")


def _column_without_split(recipe: Recipe) -> Clash | None:
    split = recipe.data.split
    if split.column is None or split.by in ("groups", "time"):
        return None
    what = f'data.split.column is "{split.column}", and data.split.by is {split.by}'
    return Clash(("data", "split", "column"), what, "by: groups or by: time beside it", "try: by: groups")


def _strata_without_classes(recipe: Recipe) -> Clash | None:
    if recipe.data.split.by != "stratified" or recipe.task not in ("regression", "reinforcement"):
        return None
    what = f"data.split.by is stratified, and task is {recipe.task}"
    expected = "task: classification, whose classes are the strata, or another way"
    return Clash(("data", "split", "by"), what, expected, "try: by: random")


def _text_split_by_chance(recipe: Recipe) -> Clash | None:
    if recipe.task != "language-model" or recipe.data.split.by == "auto":
        return None
    what = f"data.split.by is {recipe.data.split.by}, and task is language-model"
    expected = "auto, by position: the first of a text for training, the last for test"
    return Clash(("data", "split", "by"), what, expected, "try: by: auto")


def _target_tells_the_split(recipe: Recipe) -> Clash | None:
    column = recipe.data.split.column
    if column is None or column != recipe.data.target:
        return None
    what = f'data.split.column is "{column}", which is data.target'
    return Clash(("data", "split", "column"), what, "another column; a model is not judged on targets it never met")


CHECKS: Final[tuple[Callable[[Recipe], Clash | None], ...]] = (
    _no_environment,
    _environment_for_examples,
    _accumulated_episodes,
    _smoothing_without_classes,
    _patience_beyond_the_end,
    _language_of_a_table,
    _text_without_language,
    _columns_of_text,
    _target_dropped,
    _split_without_column,
    _column_without_split,
    _strata_without_classes,
    _text_split_by_chance,
    _target_tells_the_split,
)


def _suffix(file: str | None) -> str:
    return PurePosixPath(file or "").suffix.lower()
