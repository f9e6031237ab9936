"""What Optuna's side of a sweep costs: 10,000 trials of three seeds, three rungs, SQLite.

Run: python tests/bench/bookkeeping.py [TRIALS]

Nothing is trained. Points are entered, claimed, compared at rungs and told as a sweep does it; the study is read back
by Optuna to see that it has them all. Aim: under 1 ms a trial.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import optuna

from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.own import OwnStudy
from adamtune.tuning.sweeps.space import Point, Space
from adamtune.tuning.sweeps.study import Outcome

SEEDS = [0, 1, 2]
RUNGS = (10, 20, 30)


def main() -> None:
    """Prints milliseconds a trial."""
    n_trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    points: list[Point] = [(1e-6 * 1e6 ** (n / n_trials),) for n in range(n_trials)]
    facts = {"val_losses": [1.0, 2.0, "nan"], "states": ["complete"] * 3, "steps": [50] * 3, "verdict": "healthy"}
    with tempfile.TemporaryDirectory() as folder:
        study = OwnStudy(Path(folder), "bench", Space((find_knob("lr"),)))
        began = time.perf_counter()
        numbers = study.numbers(points, SEEDS)
        study.claim(numbers, points)
        for step in RUNGS:
            study.beaten(step, {number: [1.0 + number, 1.1 + number, 1.2 + number] for number in numbers})
        for number in numbers:
            study.tell(number, Outcome(1.0 + number, {40: 1.0, 50: 1.0}, 0, pruned=number % 3 == 0, facts=facts))
        spent = time.perf_counter() - began
        study.close()
        read = optuna.load_study(study_name="bench", storage=f"sqlite:///{folder}/study.db").get_trials()
    assert [trial.number for trial in read] == numbers
    print(f"{n_trials} trials: {1e3 * spent / n_trials:.2f} ms each")


if __name__ == "__main__":
    main()
