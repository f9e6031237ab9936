"""What `adamtune lr-range` gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adamtune.tuning.ranges.lr_curve import LrMarks, LrPoint
from adamtune.tuning.results import Measure


@dataclass(frozen=True, slots=True)
class LrRangeResult:
    """Many learning rates, tried side by side.

    Args:
        run_dir: Where everything about it lies.
        name: The recipe's name.
        current: The recipe's own lr.
        points: Each learning rate, ascending.
        marks: What the curve says.
        start_loss: Median loss at initialisation.
        constant_loss: Loss of the best constant predictor; nan where unknown.
        seeds: The seeds that every learning rate was trained on.
        steps: Updates of each member.
        total_steps: Updates of the recipe's own training.
        wall_s: Time in seconds.
        strategy: How the population was executed.
        source: The recipe or run that it started from, in words.
        resumed: Whether an unfinished run was continued.
        next_command: The sweep around the suggested lr; or where nothing learns, the diagnosis.
        baseline_command: The baseline with the suggested lr; empty where there is none.
        measure: What people are shown of a loss; a return is minus that.
    """

    run_dir: Path
    name: str
    current: float
    points: tuple[LrPoint, ...]
    marks: LrMarks
    start_loss: float
    constant_loss: float
    seeds: tuple[int, ...]
    steps: int
    total_steps: int
    wall_s: float
    strategy: str
    source: str
    resumed: bool
    next_command: str
    baseline_command: str
    measure: Measure = "val loss"
