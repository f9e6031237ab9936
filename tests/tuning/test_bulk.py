"""Trials that are written in bulk are, to Optuna, those that it would have written itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial

from adamtune.tuning.sweeps.bulk import add_finished

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def trials() -> list[FrozenTrial]:
    where = {"lr": FloatDistribution(1e-8, 10, log=True), "decay": CategoricalDistribution(["none", "cosine"])}
    made = [
        create_trial(
            state=state,
            value=value,
            params={"lr": 0.5 * value if math.isfinite(value) else 1.0, "decay": "cosine"},
            distributions=where,
            user_attrs={"seeds": [0, 1], "verdict": "", "val_losses": [value, "nan"]},
            intermediate_values={10: 2.0, 20: math.inf, 30: math.nan},
        )
        for state, value in ((TrialState.COMPLETE, 1.5), (TrialState.PRUNED, 2.5), (TrialState.COMPLETE, math.inf))
    ]
    for trial in made:
        trial.set_constraint("n_diverged", 1.0)
    return made


def written(path: Path, *, bulk: bool) -> list[FrozenTrial]:
    storage = RDBStorage(f"sqlite:///{path}")
    study = optuna.create_study(study_name="s", storage=storage)
    for _ in range(2):  # a second batch behind the first
        if bulk:
            add_finished(study, storage, trials(), len(study.trials))
        else:
            study.add_trials(trials())
    return study.trials


def shown(trial: FrozenTrial) -> str:
    """Everything about a trial but when it was made."""
    known = {key: value for key, value in vars(trial).items() if "datetime" not in key}
    return repr(sorted(known.items()))


def test_the_trials_read_the_same(tmp_path: Path) -> None:
    with patch.object(optuna.Study, "add_trials", side_effect=AssertionError("its own way was taken")):
        ours = written(tmp_path / "bulk.db", bulk=True)
    theirs = written(tmp_path / "one-by-one.db", bulk=False)
    assert list(map(shown, ours)) == list(map(shown, theirs))
    for one, other in zip(ours, theirs, strict=True):
        assert one.datetime_start is not None
        assert other.datetime_start is not None
        assert abs((one.datetime_start - other.datetime_start).total_seconds()) < 600


def test_other_tables_than_expected_are_left_to_optuna(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from optuna.storages._rdb import models

    monkeypatch.delattr(models, "TrialIntermediateValueModel")
    storage = RDBStorage(f"sqlite:///{tmp_path / 's.db'}")
    study = optuna.create_study(study_name="s", storage=storage)
    with patch.object(optuna.Study, "add_trials") as own_way:
        add_finished(study, storage, trials(), 0)
    assert own_way.call_count == 1
    assert not study.trials, "nothing is half written"
