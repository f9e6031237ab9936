"""A command's run directory: made new, or taken up again where a killed process left it."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from adamtune.errors import AdamtuneError, RunError
from adamtune.recipe.resolve import dump_recipe
from adamtune.runs import directory
from adamtune.runs.jsonfile import read_json
from adamtune.runs.manifest import MemberEntry, describe_machine, git_commit
from adamtune.runs.reader import Run, read_run
from adamtune.runs.writer import RunWriter
from adamtune.tuning.requests import Request

if TYPE_CHECKING:
    from adamtune.diagnosis.result import Diagnosis
    from adamtune.recipe.load import LoadedRecipe
    from adamtune.training.checkpoint import Checkpoint
    from adamtune.training.progress import Listener
    from adamtune.training.reinforcement.trainer import ReinforcementTrainer
    from adamtune.training.trainer import Trainer
    from adamtune.tuning.work import Work

Rung: TypeAlias = Callable[[int, Mapping[int, float]], Mapping[int, str]]

CHECKPOINT_EVERY_S: Final = 10.0
"""Seconds between two checkpoints: what a kill can cost at the most, next to one evaluation."""


class Session:
    """One command at work in one run directory.

    Args:
        loaded: The resolved recipe.
        dataset: What it works on: examples, or a world.
        request: What the user asked for.
        command: `baseline`, `sweep`, ...
        knob: Name of the knob, for a sweep.
        options: What else must be equal for an unfinished run to be the same work.
    """

    def __init__(
        self,
        loaded: LoadedRecipe,
        dataset: Work,
        request: Request,
        command: str,
        *,
        knob: str = "",
        options: Mapping[str, Any],
    ) -> None:
        from adamtune.optim.find import check_optimizer
        from adamtune.training.device import pick_device

        self.loaded, self.dataset, self.trusted = loaded, dataset, request.trusted
        pick_device(loaded.recipe.training.device, loaded.where("training.device"))
        check_optimizer(loaded.recipe.optimizer.name, loaded.where("optimizer.name"))
        text = dump_recipe(loaded.recipe)
        key = _work_key(command, knob, text, dataset.fingerprint, _code(loaded), dict(options))
        folder = request.runs_dir / loaded.recipe.name
        taken = None if request.new else _unfinished(folder, key)
        self.resumed = taken is not None
        self.writer = taken or RunWriter(directory.make_run_dir(folder, command, knob))
        self.path = self.writer.path
        if not self.resumed:
            self._describe(text, command, knob, key, request.argv)
        self._started = time.perf_counter()
        self._spent_before = float(self.writer.manifest.get("wall_s", 0.0))

    def _describe(self, text: str, command: str, knob: str, key: str, argv: Sequence[str]) -> None:
        (self.path / directory.RECIPE).write_text(text, encoding="utf-8")
        self.writer.note(
            format=1,
            command=command,
            knob=knob,
            argv=list(argv),
            work=key,
            **describe_machine(),
            recipe_path=str(self.loaded.path.resolve()),
            recipe_folder=str(self.loaded.folder),
            git_commit=git_commit(self.loaded.folder),
            data_fingerprint=self.dataset.fingerprint,
            device="",
            total_steps=0,
            strategies={},
            members=[],
            finished="",
        )
        self.writer.save(directory.DATA, self.dataset.report.as_dict())

    @property
    def wall_s(self) -> float:
        """Seconds spent on this run, by this process and by those that it goes on from."""
        return self._spent_before + time.perf_counter() - self._started

    @property
    def total_steps(self) -> int:
        """Steps that each member was to make, as far as the run says one number of all."""
        return int(self.writer.manifest.get("total_steps", 0))

    def read(self) -> Run:
        """The run as it lies on disk."""
        return read_run(self.path)

    def train(
        self,
        members: Sequence[MemberEntry],
        stage: str,
        listen: Listener,
        *,
        rung: Rung | None = None,
        score_test: bool = False,
    ) -> None:
        """Trains these members, unless that was done before; goes on from a checkpoint where there is one.

        Members that differ in numbers alone are one population; those that differ in shapes, data, length or optimizer
        are one for each kind, trained one after another.

        Args:
            members: Numbered within the run.
            stage: What this is called in progress reports.
            listen: Is told where training stands.
            rung: Asked at rungs who stops early, see `Hooks`; None where nobody does.
            score_test: Whether the test split is looked at, which no search may do.
        """
        from adamtune.training.population import shared_settings, update_rule

        own = self.loaded.recipe.optimizer.name
        groups: dict[str, list[MemberEntry]] = {}
        for member in members:
            rule = update_rule(member.settings.get("optimizer.name", own))
            groups.setdefault(json.dumps([shared_settings(member), rule], default=str), []).append(member)
        for group in groups.values():
            if not self._all_ended(group):
                self._train_population(group, stage, listen, rung, score_test=score_test)

    def _train_population(
        self, members: Sequence[MemberEntry], stage: str, listen: Listener, rung: Rung | None, *, score_test: bool
    ) -> None:
        from adamtune.training.hooks import Hooks
        from adamtune.training.population import Population, row_settings, shared_settings
        from adamtune.training.strategies.choose import Choice
        from adamtune.tuning.work import trainer_for

        key = f"{members[0].number}-{members[-1].number}"
        shared = shared_settings(members[0])
        loaded, work = self._changed(shared)
        population = Population(loaded.recipe, tuple(replace(m, settings=row_settings(m)) for m in members))
        trainer = trainer_for(population, work, self.model_maker(loaded, work), stage, score_test=score_test)
        known = self.writer.manifest["strategies"].get(key)
        trainer.choice = Choice(**known) if known else None
        saved = self._saved(key)
        if saved is not None:
            trainer.restore(saved)
        length = trainer.length.total_steps
        self.writer.declare([replace(member, total_steps=length) for member in members] if shared else members)
        with self._blaming_the_model():
            strategies = self.writer.manifest["strategies"] | {key: trainer.choose().as_dict()}
            self.writer.note(strategies=strategies, device=str(trainer.device))
            if not shared or not self.writer.manifest["total_steps"]:
                self.writer.note(total_steps=length)
            hooks = Hooks(self.writer.append, listen, self._checkpoints(key))
            trainer.run(hooks if rung is None else replace(hooks, rung=rung))
        self._end_population(trainer, key)

    def _changed(self, shared: Mapping[str, Any]) -> tuple[LoadedRecipe, Work]:
        """The recipe with the settings that a population shares, and the data that it means."""
        from adamtune.models.build import option_schemas
        from adamtune.recipe.resolve import with_values
        from adamtune.tuning.work import load_work

        if not shared:
            return self.loaded, self.dataset
        recipe = with_values(self.loaded.recipe, shared, kinds=option_schemas())
        loaded = replace(self.loaded, recipe=recipe)
        same = loaded.recipe.data == self.loaded.recipe.data
        return loaded, self.dataset if same else load_work(loaded, trusted=self.trusted)

    def model_maker(self, loaded: LoadedRecipe, work: Work) -> Callable[[], Any]:
        """Gives freshly initialised networks of a recipe."""
        from adamtune.models.build import build_model

        return lambda: build_model(loaded, work.input_shape, work.output_size, trusted=self.trusted)

    @contextmanager
    def _blaming_the_model(self) -> Iterator[None]:
        """Tells an exception of the user's own network from one of ours."""
        from adamtune.models.checks import raised_in_model

        target = self.loaded.recipe.model.python
        try:
            yield
        except AdamtuneError:
            raise
        except Exception as error:
            where = self.loaded.where("model.python") if target else ""
            told = raised_in_model(error, name=target, where=where, folder=self.loaded.folder) if target else None
            if told is None:
                raise
            raise told from error

    def _all_ended(self, members: Sequence[MemberEntry]) -> bool:
        records = self.read().records if self.resumed else {}
        return all(records.get(m.number, ()) and records[m.number][-1].state != "running" for m in members)

    def _saved(self, key: str) -> Checkpoint | None:
        from adamtune.training.checkpoint import Checkpoint

        saved = Checkpoint.load(self.path / directory.CHECKPOINT)
        return saved if saved is not None and saved.facts.get("population") == key else None

    def _checkpoints(self, key: str) -> Callable[[Callable[[], Checkpoint]], None]:
        last = time.perf_counter()

        def keep(make: Callable[[], Checkpoint]) -> None:
            nonlocal last
            if time.perf_counter() - last >= CHECKPOINT_EVERY_S:
                self._save(make(), key)
                last = time.perf_counter()

        return keep

    def _save(self, checkpoint: Checkpoint, key: str) -> None:
        from adamtune.training.checkpoint import Checkpoint

        marked = Checkpoint(checkpoint.tensors, {**checkpoint.facts, "population": key})
        marked.save(self.path / directory.CHECKPOINT)
        self.writer.note(wall_s=self.wall_s)

    def _end_population(self, trainer: Trainer | ReinforcementTrainer, key: str) -> None:
        """A baseline keeps its final weights; a sweep's are many and can be trained again."""
        if self.writer.manifest["command"] == "baseline" and trainer.completed:
            self._save(trainer.weights(), key)
        else:
            (self.path / directory.CHECKPOINT).unlink(missing_ok=True)

    @property
    def strategy_words(self) -> str:
        """How the populations were executed, for a person; the first one speaks for all that chose the same."""
        from adamtune.training.strategies.choose import Choice

        choices = [Choice(**entry) for entry in self.writer.manifest["strategies"].values()]
        words = list(dict.fromkeys(choice.words + (f" ({choice.note})" if choice.note else "") for choice in choices))
        return "; ".join(words)

    def finish(self, summary: Mapping[str, Any], diagnosis: Diagnosis) -> None:
        """Writes the summary and the diagnosis, and marks the run as finished."""
        self.writer.save(directory.SUMMARY, summary)
        self.writer.save(directory.DIAGNOSIS, diagnosis.as_dict())
        self.writer.note(wall_s=self.wall_s)
        self.writer.finish()

    def close(self) -> None:
        """Lets go of the run directory; one in which nothing came about is taken away again."""
        self.writer.close()
        begun = directory.has_lines(self.path) or directory.has_stages(self.path)
        if not self.writer.manifest.get("finished") and not begun:
            shutil.rmtree(self.path, ignore_errors=True)


def _work_key(*parts: Any) -> str:
    """Equal for equal work: what tells whether an unfinished run can go on."""
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()


def _code(loaded: LoadedRecipe) -> list[str]:
    """Digests of the user's own files that the recipe names: a changed model is other work."""
    targets = [target for target in (loaded.recipe.data.python, loaded.recipe.model.python) if target]
    files = [loaded.folder / target.rpartition(":")[0] for target in targets]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]


def _unfinished(folder: Path, key: str) -> RunWriter | None:
    """The newest unfinished run that is the same work and that nobody is at work on."""
    for path in directory.runs_of(folder):
        manifest = read_json(path / directory.MANIFEST)
        if manifest.get("work") == key and not manifest.get("finished"):
            with suppress(RunError):
                writer = RunWriter(path)
                if not writer.manifest.get("finished"):  # it may have been, a moment ago
                    return writer
                writer.close()
    return None
