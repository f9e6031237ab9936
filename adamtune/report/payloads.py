"""Results as plain data: what `--json` writes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adamtune.diagnosis.result import Diagnosis
    from adamtune.diagnosis.rule import Finding
    from adamtune.tuning.results import BaselineResult, Estimate, Improvement, SeedRow, SweepResult, TrialRow


def to_json(payload: Mapping[str, Any]) -> str:
    """Strict JSON: numbers that are not finite become null, since JSON has none."""
    return json.dumps(plain(payload), indent=2, allow_nan=False, ensure_ascii=False)


def plain(value: Any) -> Any:
    """The same data in nothing but dicts, lists, strings, finite numbers, booleans and None.

    >>> plain({"a": (1.0, float("nan")), 3: Path("runs")})
    {'a': [1.0, None], '3': 'runs'}
    """
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    # numpy's numbers and arrays know how to become Python's
    return plain(value.tolist()) if hasattr(value, "tolist") else str(value)


def baseline_payload(result: BaselineResult) -> dict[str, Any]:
    """A baseline's fields under the names of the public contract."""
    return {
        "run_dir": str(result.run_dir),
        "recipe": plain(result.recipe),
        "verdict": result.verdict,
        "findings": [finding_payload(finding) for finding in result.findings],
        "metrics": {name: estimate_payload(estimate) for name, estimate in result.metrics.items()},
        "seeds": [_seed_payload(row) for row in result.seeds],
        "steps": result.steps,
        "wall_s": plain(result.wall_s),
        "strategy": result.strategy,
        "constant_loss": plain(result.constant_loss),
        "resumed": result.resumed,
        "next_command": result.next_command,
    }


def sweep_payload(result: SweepResult) -> dict[str, Any]:
    """A sweep's fields under the names of the public contract."""
    return {
        "run_dir": str(result.run_dir),
        "source": result.source,
        "knob": result.knob,
        "path": result.path,
        "unit": result.unit,
        "baseline_value": plain(result.baseline_value),
        "best_value": plain(result.best_value),
        "decision": result.decision,
        "why": result.why,
        "improvement": _improvement_payload(result.improvement) if result.improvement else None,
        "trials": [_trial_payload(trial) for trial in result.trials],
        "widened": result.widened,
        "at_edge": result.at_edge,
        "wall_s": plain(result.wall_s),
        "strategy": result.strategy,
        "study": {"name": result.study_name, "storage": result.study_storage},
        "tuned_recipe": str(result.tuned_recipe),
        "resumed": result.resumed,
        "next_command": result.next_command,
    }


def diagnosis_payload(diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis's fields under the names of the public contract."""
    return {
        "run_dir": str(diagnosis.run_dir),
        "verdict": diagnosis.verdict,
        "basis": diagnosis.basis,
        "findings": [finding_payload(finding) for finding in diagnosis.findings],
        "members": [
            {
                "member": member.member,
                "seed": member.seed,
                "trial": member.trial,
                "role": member.role,
                "verdict": member.verdict,
                "findings": [finding_payload(finding) for finding in member.findings],
            }
            for member in diagnosis.members
        ],
        "trials": [
            {
                "trial": trial.trial,
                "settings": plain(trial.settings),
                "verdict": trial.verdict,
                "n_members": trial.n_members,
                "findings": [finding_payload(finding) for finding in trial.findings],
            }
            for trial in diagnosis.trials
        ],
    }


def finding_payload(finding: Finding) -> dict[str, Any]:
    """One finding with its evidence and remedies."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "evidence": plain(finding.evidence),
        "remedies": [
            {"set": plain(remedy.set), "why": remedy.why, "command": remedy.command} for remedy in finding.remedies
        ],
    }


def estimate_payload(estimate: Estimate) -> dict[str, Any]:
    """Mean, standard deviation, 95% interval and count."""
    return {
        "mean": plain(estimate.mean),
        "std": plain(estimate.std),
        "ci95": plain(estimate.ci95),
        "n": estimate.n,
    }


def _improvement_payload(improvement: Improvement) -> dict[str, Any]:
    return {
        "mean": plain(improvement.mean),
        "ci95": plain(improvement.ci95),
        "p": plain(improvement.p),
        "n": improvement.n,
        "seeds": list(improvement.seeds),
    }


def _seed_payload(row: SeedRow) -> dict[str, Any]:
    return {
        "member": row.member,
        "seed": row.seed,
        "state": row.state,
        "step": row.step,
        "metrics": plain(row.metrics),
        "verdict": row.verdict,
    }


def _trial_payload(trial: TrialRow) -> dict[str, Any]:
    return {
        "number": trial.number,
        "value": plain(trial.value),
        "state": trial.state,
        "val_loss": estimate_payload(trial.val_loss),
        "n_diverged": trial.n_diverged,
        "verdict": trial.verdict,
        "is_baseline": trial.is_baseline,
    }
