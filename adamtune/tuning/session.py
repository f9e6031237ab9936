"""A command's run directory: made new, or taken up again where a killed process left it."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamtune.errors import RunError
from adamtune.recipe.resolve import dump_recipe
from adamtune.runs import directory
from adamtune.runs.jsonfile import read_json
from adamtune.runs.manifest import MemberEntry, describe_machine, git_commit, without_password
from adamtune.runs.metrics import MetricsReader
from adamtune.runs.reader import Run, read_run
from adamtune.runs.writer import RunWriter
from adamtune.tuning.requests import Request

if TYPE_CHECKING:
    from adamtune.diagnosis.result import Diagnosis
    from adamtune.recipe.load import LoadedRecipe
    from adamtune.recipe.schema import Recipe
    from adamtune.runs.record import Record
    from adamtune.training.progress import Listener
    from adamtune.tuning.populations import Rung
    from adamtune.tuning.work import Work
    from adamtune.tuning.workers import WorkerPool


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
        self._metrics = MetricsReader(self.path / directory.METRICS)
        if not self.resumed:
            self._describe(text, command, knob, key, request.argv)
        self._workers, self._memory = request.workers, request.memory
        self._pool: WorkerPool | None = None
        self._started = time.perf_counter()
        self._spent_before = float(self.writer.manifest.get("wall_s", 0.0))

    def _describe(self, text: str, command: str, knob: str, key: str, argv: Sequence[str]) -> None:
        (self.path / directory.RECIPE).write_text(text, encoding="utf-8")
        self.writer.note(
            format=1,
            command=command,
            knob=knob,
            argv=[without_password(word) for word in argv],
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
    def work(self) -> str:
        """What is equal for equal work."""
        return str(self.writer.manifest["work"])

    @property
    def total_steps(self) -> int:
        """Steps that each member was to make, as far as the run says one number of all."""
        return int(self.writer.manifest.get("total_steps", 0))

    def read(self) -> Run:
        """The run as it lies on disk."""
        return read_run(self.path, self._metrics)

    def train(
        self,
        members: Sequence[MemberEntry],
        stage: str,
        listen: Listener,
        *,
        rung: Rung | None = None,
        score_test: bool = False,
        recipe: Recipe | None = None,
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
            recipe: What all of them share; None for the run's own recipe.
        """
        from adamtune.training.population import shared_settings, update_rule

        loaded = self.loaded if recipe is None else replace(self.loaded, recipe=recipe)
        own = loaded.recipe.optimizer.name
        groups: dict[str, list[MemberEntry]] = {}
        for member in members:
            rule = update_rule(member.settings.get("optimizer.name", own))
            groups.setdefault(json.dumps([shared_settings(member), rule], default=str), []).append(member)
        for group in groups.values():
            if not self._all_ended(group):
                for part in self._parts_that_fit(loaded, group):
                    if not self._all_ended(part):
                        self._train_population(loaded, part, stage, listen, rung, score_test=score_test)

    def _parts_that_fit(self, base: LoadedRecipe, members: Sequence[MemberEntry]) -> Iterator[list[MemberEntry]]:
        """The members in parts, as many together as memory holds."""
        from adamtune.models.build import build_model
        from adamtune.training.device import pick_device
        from adamtune.training.population import shared_settings
        from adamtune.training.start import initialised
        from adamtune.tuning.memory import SHARE, bytes_each, free_bytes, parts

        free = free_bytes(pick_device(self.loaded.recipe.training.device))
        limit = self._memory or (None if free is None else int(SHARE * free))
        if limit is None or len(members) == 1:
            return iter([list(members)])
        loaded, work = self.changed(base, shared_settings(members[0]))
        make = partial(build_model, loaded, work.input_shape, work.output_size, trusted=self.trusted)
        module = initialised(make, loaded.recipe.training.seed)
        return parts(members, max(1, limit // bytes_each(module, loaded.recipe, work)))

    def _train_population(
        self,
        base: LoadedRecipe,
        members: Sequence[MemberEntry],
        stage: str,
        listen: Listener,
        rung: Rung | None,
        *,
        score_test: bool,
    ) -> None:
        from adamtune.training.population import row_settings, shared_settings
        from adamtune.tuning.populations import Job, train_population

        key = f"{members[0].number}-{members[-1].number}"
        shared = shared_settings(members[0])
        loaded, work = self.changed(base, shared)
        job = Job(
            loaded=loaded,
            members=tuple(replace(member, settings=row_settings(member)) for member in members),
            key=key,
            stage=stage,
            score_test=score_test,
            trusted=self.trusted,
            checkpoint=self.path / directory.CHECKPOINT,
            choice=self.writer.manifest["strategies"].get(key),
            # A baseline's weights are of use; a sweep's are many and can be trained again.
            keep_weights=self.writer.manifest["command"] == "baseline",
        )
        outside = _Outside(self, members, listen, rung, own_length=bool(shared))
        if self._workers > 1 and len(members) > 1:
            self._pool_of_workers().train(replace(job, choice=self._parts(key)), outside)
        else:
            train_population(job, work, outside)

    def _parts(self, key: str) -> dict[str, Any]:
        """How each process executed its part of a population before, by the part's number."""
        known = self.writer.manifest["strategies"]
        return {name.rpartition("/")[2]: choice for name, choice in known.items() if name.startswith(f"{key}/")}

    def _pool_of_workers(self) -> WorkerPool:
        from adamtune.tuning.workers import WorkerPool

        if self._pool is None:
            self._pool = WorkerPool(self._workers)
        return self._pool

    def changed(self, base: LoadedRecipe, shared: Mapping[str, Any]) -> tuple[LoadedRecipe, Work]:
        """The recipe with the settings that a population shares, and the data that it means."""
        from adamtune.models.build import option_schemas
        from adamtune.recipe.resolve import with_values
        from adamtune.tuning.work import load_work

        if not shared:
            return base, self.dataset
        loaded = replace(base, recipe=with_values(base.recipe, shared, kinds=option_schemas()))
        same = loaded.recipe.data == self.loaded.recipe.data
        return loaded, self.dataset if same else load_work(loaded, trusted=self.trusted)

    def _all_ended(self, members: Sequence[MemberEntry]) -> bool:
        records = self.read().records if self.resumed else {}
        return all(records.get(m.number, ()) and records[m.number][-1].state != "running" for m in members)

    @property
    def strategy_words(self) -> str:
        """How the populations were executed, for a person, and on which device if not on the CPU.

        The first one speaks for all that chose the same.
        """
        from adamtune.training.strategies.choice import Choice

        choices = [Choice(**entry) for entry in self.writer.manifest["strategies"].values()]
        words = list(dict.fromkeys(choice.words + (f" ({choice.note})" if choice.note else "") for choice in choices))
        device = self.writer.manifest["device"]
        return "; ".join(words) + (f"; on {device}" if device not in ("", "cpu") else "")

    def finish(self, summary: Mapping[str, Any], diagnosis: Diagnosis) -> None:
        """Writes the summary and the diagnosis, and marks the run as finished."""
        self.writer.save(directory.SUMMARY, summary)
        self.writer.save(directory.DIAGNOSIS, diagnosis.as_dict())
        self.writer.note(wall_s=self.wall_s)
        self.writer.finish()

    def close(self) -> None:
        """Lets go of the run directory; one in which nothing came about is taken away again."""
        if self._pool is not None:
            self._pool.close()
        self.writer.close()
        begun = directory.has_lines(self.path) or directory.has_stages(self.path)
        if not self.writer.manifest.get("finished") and not begun:
            shutil.rmtree(self.path, ignore_errors=True)


class _Outside:
    """A run's directory, as the training of some of its members sees it."""

    def __init__(
        self,
        session: Session,
        members: Sequence[MemberEntry],
        listen: Listener,
        rung: Rung | None,
        *,
        own_length: bool,
    ) -> None:
        self._session, self._members, self._own_length = session, members, own_length
        self.listen, self.rung = listen, rung

    def chosen(self, key: str, choice: Mapping[str, Any], total_steps: int, device: str) -> None:
        """Enters the members and how they are executed in the manifest."""
        writer, own = self._session.writer, self._own_length
        writer.declare([replace(member, total_steps=total_steps) for member in self._members] if own else self._members)
        writer.note(strategies=writer.manifest["strategies"] | {key: choice}, device=device)
        if not own or not writer.manifest["total_steps"]:
            writer.note(total_steps=total_steps)

    def record(self, records: Sequence[Record]) -> None:
        self._session.writer.append(records)

    def flush(self) -> None:
        """Lines are written as they come; the time that was spent is noted beside them."""
        self._session.writer.note(wall_s=self._session.wall_s)


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
