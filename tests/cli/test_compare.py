"""Names of optimizers on the command line; the work itself is tested in `tests/tuning/test_compare.py`."""

from __future__ import annotations

from pathlib import Path

from commands import adamtune


def test_a_name_that_is_none_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    done = adamtune("compare", "digits-mlp", "--optimizers", "adamw, sdg", cwd=tmp_path, check=2)
    assert done.stderr.startswith("error: --optimizers: there is no optimizer 'sdg'\n  expected: adamw, adam, sgd,")
    assert not list(tmp_path.iterdir())
