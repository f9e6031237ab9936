"""`check`: everything about data, labels and the fresh model that can be known before a step is trained."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from adamtune.data.dataset import Dataset
from adamtune.data.examine.examine import EXAMINATION, cleared, examine
from adamtune.data.load import load_data
from adamtune.diagnosis.engine import diagnose_data
from adamtune.diagnosis.result import Diagnosis, verdict_of
from adamtune.diagnosis.rule import Finding
from adamtune.diagnosis.words import command_line
from adamtune.errors import Problem, UsageError
from adamtune.recipe.resolve import plain_recipe
from adamtune.runs.directory import DATA
from adamtune.tuning.first_loss import first_loss
from adamtune.tuning.requests import CheckRequest
from adamtune.tuning.session import Session
from adamtune.tuning.start import Start, start_from


@dataclass(frozen=True, slots=True)
class Looked:
    """One thing that was looked at and is in order.

    Args:
        rule: Id of the rule that would have complained.
        words: What was looked at, with how many rows.
    """

    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found, and what it looked at.

    Args:
        run_dir: Where the facts and the findings lie.
        recipe: The resolved recipe as plain data.
        verdict: `healthy`, or the id of the first finding that is more than information.
        findings: Ranked, causes before their symptoms.
        checked: What was looked at and is in order.
        examined: The data in numbers: rows of each split, features, classes.
        wall_s: Time in seconds.
        next_command: What to type next.
    """

    run_dir: Path
    recipe: Mapping[str, Any]
    verdict: str
    findings: tuple[Finding, ...]
    checked: tuple[Looked, ...]
    examined: Mapping[str, Any]
    wall_s: float
    next_command: str


def run_check(request: CheckRequest, told: Callable[[str], None] = lambda _: None) -> CheckResult:
    """Measures a recipe's data and fresh model and judges both; trains nothing.

    Args:
        request: What the user asked for.
        told: Hears what is being done.

    Raises:
        AdamtuneError: The recipe, its data or its model is wrong; the problems say where.
    """
    started = time.perf_counter()
    start = start_from(request.recipe, request.sets, request.seed)
    if start.loaded.recipe.task == "reinforcement":
        raise _no_data(start)
    dataset = load_data(start.loaded, trusted=request.trusted)
    told("looking at the data")
    data = examined_report(dataset, start.loaded.recipe.task)
    fresh = first_loss(start.loaded, dataset, trusted=request.trusted)
    data[EXAMINATION] |= {"initial_loss": fresh} if fresh else {}
    session = Session(start.loaded, dataset, replace(request, new=True), "check", options={})
    try:
        session.writer.save(DATA, data)
        result = _result(request, session, data, started)
        summary = {"verdict": result.verdict, "wall_s": result.wall_s}
        session.finish(summary, _diagnosis(session, result))
    finally:
        session.close()
    return result


def examined_report(dataset: Dataset, task: str, *, cheap: bool = False) -> dict[str, Any]:
    """The data report as plain data, with what an examination found under `examination`.

    Args:
        dataset: Finished splits.
        task: The recipe's task.
        cheap: Only what costs next to nothing, as before every training.
    """
    return dataset.report.as_dict() | {EXAMINATION: examine(dataset, task, cheap=cheap)}


def _no_data(start: Start) -> UsageError:
    what = "task is reinforcement, which has an environment and no data to check"
    hint = f"run: {command_line('adamtune', 'baseline', str(start.loaded.path), sets={})}"
    return UsageError(Problem(what, where=start.loaded.where("task"), hint=hint))


def _result(request: CheckRequest, session: Session, data: Mapping[str, Any], started: float) -> CheckResult:
    recipe = plain_recipe(session.loaded.recipe)
    findings = tuple(_with_commands(finding, request) for finding in diagnose_data(data, recipe))
    named = {finding.rule for finding in findings}
    return CheckResult(
        run_dir=session.path,
        recipe=recipe,
        verdict=verdict_of(findings),
        findings=findings,
        checked=tuple(Looked(rule, words) for rule, words in _looked_at(data) if rule not in named),
        examined={name: data[name] for name in ("n_train", "n_val", "n_test", "n_features", "output_size", "split")},
        wall_s=time.perf_counter() - started,
        next_command=_next_command(request, findings),
    )


REPORTED: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "data-nonfinite": (frozenset({"classification", "regression"}), "every value is a finite number"),
    "target-scale": (frozenset({"regression"}), "size of the target, as the model sees it"),
    "class-imbalance": (frozenset({"classification"}), "rows of the rarest and the commonest class"),
    "rare-classes": (frozenset({"classification"}), "rows of each class to learn from and to judge by"),
    "bad-init-loss": (
        frozenset({"classification", "regression", "language-model"}),
        "the loss of the fresh model is that of knowing nothing",
    ),
}
"""What no probe looks at, since the data report or the fresh model tells it: for which tasks, and in words."""


def _looked_at(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the report, the fresh model and the probes cleared."""
    told = [(rule, words) for rule, (tasks, words) in REPORTED.items() if data["task"] in tasks]
    if "initial_loss" not in data[EXAMINATION]:
        told = [(rule, words) for rule, words in told if rule != "bad-init-loss"]
    return [*told, *cleared(data[EXAMINATION])]


def _with_commands(finding: Finding, request: CheckRequest) -> Finding:
    """Each remedy with the command that looks again."""
    remedies = (replace(remedy, command=_again(request, remedy.set)) for remedy in finding.remedies)
    return replace(finding, remedies=tuple(remedies))


def _next_command(request: CheckRequest, findings: Sequence[Finding]) -> str:
    serious = [finding for finding in findings if finding.severity != "info"]
    if not serious:
        return _command("baseline", request, {})
    return next((remedy.command for finding in serious for remedy in finding.remedies), _again(request, {}))


def _again(request: CheckRequest, sets: Mapping[str, Any]) -> str:
    return _command("check", request, sets)


def _command(name: str, request: CheckRequest, sets: Mapping[str, Any]) -> str:
    """The command on the same recipe, with everything that was said about it."""
    words = [word for text in request.sets for word in ("--set", text)]
    words += [] if request.seed is None else ["--seed", str(request.seed)]
    words += ["--runs-dir", str(request.runs_dir)] if str(request.runs_dir) != _RUNS_DIR else []
    words += ["--trust-code"] if request.trusted else []
    return command_line("adamtune", name, request.recipe, *words, sets=sets)


_RUNS_DIR: Final = "runs"


def _diagnosis(session: Session, result: CheckResult) -> Diagnosis:
    return Diagnosis(session.path, result.verdict, result.findings, (), (), "the data, before any training")
