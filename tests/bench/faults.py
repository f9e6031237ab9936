"""Planted faults and healthy runs, diagnosed and cured: `python tests/bench/faults.py [--part dev|held-out] [--quick]`.

Each kind of fault is planted in healthy trainings on real data, five seeds as one population, beside its control: the
same training without the fault. It counts only if it really hurts, or, where a fault leaves every curve fine, by being
there. Each member is judged alone; a kind has a set of rules that name it rightly, written down before. Faults that
settings alone can undo are given to `adamtune remedy`, whose winner is compared with the control on the same seeds.

The part `dev` has the data sets, networks, seeds and magnitudes on which thresholds may be set, `held-out` others.
JSON lines go to stdout as they come, the tables at the end, or with `--table FILE` from the lines of an earlier run.
With `--crossed` each part has the other's magnitudes, and seeds, splits and plants that no threshold has seen.
`--keep FOLDER` keeps every training, `--judge FOLDER` asks today's rules about kept ones: no training, no races.
Installed beside it, `runmedic` and `trainspotter` are asked about the same runs (pip install --no-deps, any folder on
PYTHONPATH).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from planted import bugs, data, settings
from planted.bases import BASES, Base, Part
from planted.healthy import groups
from planted.kind import Kind, Plant
from planted.others import judged as judged_by_others
from planted.run import Shelf, Trained, cure, judged, losses_of, said, train, write_case
from planted.score import CLEARLY_WORSE, NEAR, hurts, table

from adamtune.diagnosis.result import MemberDiagnosis
from adamtune.runs.manifest import MemberEntry
from adamtune.tuning.remedies.remedy_results import RemedyResult
from adamtune.tuning.requests import BaselineRequest
from adamtune.tuning.session import Session
from adamtune.tuning.start import start_from
from adamtune.tuning.work import load_work

KINDS: tuple[Kind, ...] = (*settings.KINDS, *bugs.KINDS, *data.KINDS)
ACCEPTED = {kind.id: kind.accepted for kind in KINDS}
SEEDS, RACE_SEEDS, HEALTHY_SEEDS = 5, 3, 2
CROSSED, FRESH = ", magnitudes of the other part, fresh seeds and splits", 200
REACHED = 0.1
"""Share of what the best of its group learned that a run with ordinary settings may lack and still be called healthy:
lr 1e-4 in a short training is no fault of ours to hide."""


class Bench:
    """The work of one call.

    Args:
        shelf: Where runs go, or lie.
        part: Which part is run.
        seeds: Seeds of each training.
        done: Lines of an earlier call that was broken off; what they have is not done again.
        crossed: Whether faults have the magnitudes of the other part, and all seeds and splits are fresh.
    """

    def __init__(
        self, shelf: Shelf, part: Part, seeds: int, done: Sequence[dict[str, Any]] = (), *, crossed: bool = False
    ) -> None:
        self._shelf, self._part, self._seeds, self._crossed = shelf, part, seeds, crossed
        self._held, self._name = (part == "held-out") != crossed, f"{part}{CROSSED if crossed else ''}"
        self._done = {_key(line): line for line in done if line["part"] == self._name and line["what"] != "broken"}
        self._controls: dict[str, Trained] = {}
        self._to_race: list[tuple[Kind, Base]] = []
        self._trained: dict[tuple[str, str], Trained] = {}

    def faults(self, only: str) -> Iterator[dict[str, Any]]:
        """A line for each kind on each of its trainings."""
        for kind in KINDS:
            for base_id in kind.bases(self._part) if only in ("", kind.id) else ():
                head = {"what": "fault", "kind": kind.id, "base": base_id}
                base = replace(BASES[base_id], shift=FRESH if self._crossed else 0)
                line = self._done.get(_key(head)) or self._line(head, self._fault, kind, base)
                raced = kind.curable and base_id in kind.bases(self._part)[: kind.races]
                if raced and line.get("counts"):
                    self._to_race.append((kind, base))
                yield line

    def _fault(self, kind: Kind, base: Base) -> dict[str, Any]:
        plant = kind.plant(base, self._held)
        control = self._control(base, plant)
        faulty = train(self._shelf, f"{kind.id}-{base.id}", base, plant, faulty=True, seeds=self._seeds)
        members = [_member(one, faulty, kind) for one in faulty.diagnosis.members] or [
            _data_alone(faulty, kind)
        ] * self._seeds
        self._trained[kind.id, base.id] = faulty
        return {
            "counts": kind.present or hurts(faulty.losses, control.losses),
            "losses": _shown(faulty.losses),
            "control": _shown(control.losses),
            "members": members,
        }

    def races(self) -> Iterator[dict[str, Any]]:
        """A line for each fault that counts and that settings can undo; after `faults`."""
        for kind, base in self._to_race:
            head = {"what": "race", "kind": kind.id, "base": base.id}
            yield self._done.get(_key(head)) or self._line(head, self._race, kind, base)

    def _race(self, kind: Kind, base: Base) -> dict[str, Any]:
        n = min(RACE_SEEDS, self._seeds)
        plant = kind.plant(base, self._held)
        if (kind.id, base.id) not in self._trained:
            self._fault(kind, base)
        faulty, control = self._trained[kind.id, base.id], self._control(base, plant)
        if faulty.diagnosis.verdict == "healthy":
            return {"within": False, "near": False, "winner": None, "ratio": None, "rows": []}
        return _cured(cure(faulty, plant, n), faulty, control, n)

    def _line(self, head: dict[str, Any], work: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
        """What a case gave; one that breaks must not end the others, nor pass unseen."""
        started = time.perf_counter()
        try:
            line = head | work(*args)
        except Exception as error:  # noqa: BLE001 - see above
            traceback.print_exc()
            line = head | {"what": "broken", "error": repr(error)}
        return line | {"part": self._name, "s": round(time.perf_counter() - started, 1)}

    def _control(self, base: Base, plant: Plant) -> Trained:
        key = json.dumps([base.id, dict(plant.both), bool(plant.model)], sort_keys=True)
        if key not in self._controls:
            name = f"control-{base.id}-{_digest(key)}"
            self._controls[key] = train(self._shelf, name, base, plant, faulty=False, seeds=self._seeds)
        return self._controls[key]

    def healthy(self) -> Iterator[dict[str, Any]]:
        """A line for each group of healthy settings."""
        for base, shared, trials in groups(self._part):
            own = [dict(shared) | dict(changes) for changes in trials]
            head = {"what": "healthy", "kind": "healthy", "base": base.id, "settings": own}
            yield self._done.get(_key(head)) or self._line(head, self._group, base, shared, trials)

    def _group(self, base: Base, shared: dict[str, Any], trials: tuple[dict[str, Any], ...]) -> dict[str, Any]:
        def made(folder: Path) -> Path:
            return _train_group(folder, base, shared, trials)

        trained = judged(self._shelf, f"healthy-{base.id}-{_digest(json.dumps([shared, trials]))}", made)
        losses = losses_of(trained.run)
        best = min(losses + self._control(base, Plant()).losses)
        return {
            "members": [
                {
                    "trial": one.trial,
                    "loss": round(loss, 5),
                    "healthy": loss <= best + REACHED * (1 - best),
                    "warned": one.verdict != "healthy",
                    "said": [pair for pair in said(one.findings) if pair[1] != "info"],
                    "others": judged_by_others(trained.run.records[one.member], frozenset()),
                }
                for one, loss in zip(trained.diagnosis.members, losses, strict=True)
            ],
        }


def _train_group(folder: Path, base: Base, shared: dict[str, Any], trials: tuple[dict[str, Any], ...]) -> Path:
    """Healthy settings as the trials of one population, on other seeds than those of the faults' controls."""
    recipe = write_case(folder, base, Plant(both=shared), base.arrays(), faulty=False, seeds=HEALTHY_SEEDS)
    start = start_from(str(recipe), (), None)
    request = BaselineRequest(recipe=str(recipe), runs_dir=folder / "runs", trusted=True)
    session = Session(start.loaded, load_work(start.loaded, trusted=True), request, "sweep", options={})
    first = base.first_seed + 50
    try:
        members = [
            MemberEntry(HEALTHY_SEEDS * trial + n, first + n, changes, trial, "search")
            for trial, changes in enumerate(trials)
            for n in range(HEALTHY_SEEDS)
        ]
        session.train(members, "healthy", lambda _: None)
    finally:
        session.close()
    return session.path


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _key(line: dict[str, Any]) -> str:
    """What tells one line of a part from another."""
    return json.dumps([line["what"], line["kind"], line["base"], line.get("settings")])


def _member(one: MemberDiagnosis, trained: Trained, kind: Kind) -> dict[str, Any]:
    return _scored(said(one.findings), kind) | {
        "seed": one.seed,
        "others": judged_by_others(trained.run.records[one.member], kind.accepted),
    }


def _data_alone(trained: Trained, kind: Kind) -> dict[str, Any]:
    """Nothing was trained, since the data are beyond help; the other tools never see such a run."""
    return _scored(said(trained.diagnosis.findings), kind) | {"seed": None, "others": {}}


def _scored(findings: list[list[str]], kind: Kind) -> dict[str, Any]:
    faults = [rule for rule, severity in findings if severity != "info" or kind.as_info]
    return {
        "said": findings,
        "warned": bool(faults),
        "first": bool(faults) and faults[0] in kind.accepted,
        "three": any(rule in kind.accepted for rule in faults[:3]),
        "any": any(rule in kind.accepted for rule in faults),
    }


def _cured(result: RemedyResult, faulty: Trained, control: Trained, n: int) -> dict[str, Any]:
    """How the winner compares with the control on the same seeds, both in losses of a constant prediction."""
    constant = float(faulty.run.data["constant_loss"])
    healthy = sum(control.losses[:n]) / n
    rows = []
    for row in result.candidates:
        loss = row.val_loss.mean / constant if not row.n_diverged else float("inf")
        ratio = loss / healthy if healthy > 0 else float("inf")
        rows.append(
            {
                "set": dict(row.set),
                "cured": row.cured,
                "verdict": row.verdict,
                "ratio": round(ratio, 4),
                "within": ratio <= CLEARLY_WORSE,
                "near": loss <= healthy + NEAR,
            }
        )
    winner = next((row for row in rows if row["set"] == result.winner), None)
    none = {"within": False, "near": False, "ratio": None}
    names = ("within", "near", "ratio")
    return {"winner": result.winner, "rows": rows, "decision": result.decision} | (
        {name: winner[name] for name in names} if winner else none
    )


def _shown(losses: tuple[float, ...]) -> list[float]:
    return [round(loss, 5) for loss in losses]


def _lines(file: Path) -> list[dict[str, Any]]:
    """The lines of an earlier call; a last one that was cut off is no line."""
    return [json.loads(line) for line in file.read_text().splitlines() if line.startswith("{") and line.endswith("}")]


def _whole(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["what"] != "broken"]


def main() -> None:
    """Runs the bench, or draws the table of an earlier run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["dev", "held-out"], help="one part alone")
    parser.add_argument("--only", default="", metavar="KIND", help="one kind of fault alone, and no healthy runs")
    parser.add_argument("--no-races", action="store_true", help="only diagnose")
    parser.add_argument("--crossed", action="store_true", help="faults in magnitudes of the other part, on fresh seeds")
    parser.add_argument("--quick", action="store_true", help="two seeds: to see that it works")
    parser.add_argument("--table", type=Path, metavar="FILE", help="only draw the table of these JSON lines")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="lines of a call that was broken off; go on there")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the trainings there; those that are are not made"
    )
    place.add_argument("--judge", type=Path, metavar="FOLDER", help="judge the trainings that are kept there; no races")
    given = parser.parse_args()
    if given.table:
        print(table(_whole(_lines(given.table)), ACCEPTED))
        return
    torch.set_num_threads(1)
    lines = []
    done = _lines(given.resume) if given.resume else []
    parts: tuple[Part, ...] = (given.part,) if given.part else ("dev", "held-out")
    with tempfile.TemporaryDirectory() as passing:
        folder = given.judge or given.keep or Path(passing)
        name = "{}-crossed" if given.crossed else "{}"
        shelves = [Shelf(folder.absolute() / name.format(part), only_judge=given.judge is not None) for part in parts]
        seeds = 2 if given.quick else SEEDS
        benches = [
            Bench(shelf, part, seeds, done, crossed=given.crossed) for shelf, part in zip(shelves, parts, strict=True)
        ]
        # What is quick and says most comes first; races take longest.
        sources = [source for bench in benches for source in (bench.faults(given.only), bench.healthy())]
        if given.only or given.crossed:
            sources = sources[::2]
        races = [] if given.judge or given.no_races else [bench.races() for bench in benches]
        for line in chain(*sources, *races):
            print(json.dumps(line, default=float), flush=True)
            lines.append(line)
    print(table(_whole(lines), ACCEPTED))
    sys.exit(any(line["what"] == "broken" for line in lines))


if __name__ == "__main__":
    main()
