"""What the README shows is what the commands print."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from commands import adamtune

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
BLOCKS = [text for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE) if not kind]
MORE = re.findall(r"^```text\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
BROKEN = """\
name: broken
task: classification
data: {source: sklearn/digit}
model: {kind: mlp, hidden: 128}
optimizer: {lr: fast, betas: [0.9, 1.0], weight_decya: 0.1}
"""
NUMBER = r"\d+\.\d+(?:e[-+]\d+)?"
SAME_NUMBER = 0.03
"""Relative difference of two printed numbers: which strategy is fastest is measured anew, and strategies
round differently; measured below 0.01 on the rows compared here."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "recipes").symlink_to(ROOT / "recipes")
    (folder / "broken.yaml").write_text(BROKEN)
    return folder


@pytest.fixture(scope="module")
def shown(folder: Path) -> list[str]:
    """The README's own commands, one after the other in one folder."""
    return [
        adamtune("baseline", "recipes/digits-mlp.yaml", cwd=folder).stdout,
        adamtune("sweep", "--knob", "lr", cwd=folder).stdout,
        adamtune("baseline", "digits-mlp", "--set", "optimizer.lr=10", cwd=folder, check=4).stdout,
        adamtune("diagnose", "runs/digits-mlp/003-baseline", cwd=folder).stdout,
        adamtune("baseline", "broken.yaml", cwd=folder, check=2).stderr,
    ]


def numbers(line: str) -> list[float]:
    return [float(word) for word in re.findall(NUMBER, line)]


def test_baseline_is_as_shown(shown: list[str]) -> None:
    block = BLOCKS[0].splitlines()
    printed = shown[0].splitlines()
    assert block[0] == printed[0]
    for start in ("mean  of", " 95%", "      to"):
        (told,) = [line for line in block if line.startswith(start)]
        (real,) = [line for line in printed if line.startswith(start)]
        assert numbers(told) == pytest.approx(numbers(real), rel=SAME_NUMBER)
    assert block[-1] == printed[-1].rstrip()


def test_sweep_is_as_shown(shown: list[str]) -> None:
    """The grid is the same everywhere; what a sampler proposes around the best hangs on the last digits of losses."""
    block, printed = BLOCKS[1].splitlines(), shown[1].splitlines()
    for line in (block[0], printed[0]):
        found = re.fullmatch(r"sweep lr: 0\.0003 -> (0\.00\d+), accepted \(optimizer\.lr\)", line)
        assert found
        assert 1e-3 < float(found[1]) < 5e-3
    for lr in ("3.0e-04", "3.0e-06", "9.5e-06", "3.0e-05", "9.5e-05", "9.5e-04", "3.0e-03", "9.5e-03"):
        told, real = (next(line for line in lines if line.startswith(lr)) for lines in (block, printed))
        assert numbers(told)[:2] == pytest.approx(numbers(real)[:2], rel=SAME_NUMBER)
        assert re.findall("complete|pruned", told) == re.findall("complete|pruned", real)
    assert block[-1] == printed[-1].rstrip()


def test_diagnosis_is_as_shown(shown: list[str]) -> None:
    block = [line.strip() for line in BLOCKS[2].splitlines()]
    printed = [line.strip() for line in shown[3].splitlines()]
    assert block[:4] == printed[:4]
    assert [line for line in block if line.startswith("run:")] == [line for line in printed if line.startswith("run:")]


def test_more_diagnoses_are_as_shown(folder: Path) -> None:
    for number, setting in enumerate(("data.normalize=none", "optimizer.lr=1e-6")):
        words = (
            f"`adamtune baseline breast-cancer-mlp --set {setting}`, then `adamtune diagnose runs/breast-cancer-mlp`:"
        )
        assert f"{words}\n\n```text\n{MORE[number]}```\n" in README
        adamtune("baseline", "breast-cancer-mlp", "--set", setting, cwd=folder)
        printed = adamtune("diagnose", "runs/breast-cancer-mlp", cwd=folder).stdout.splitlines()
        told = MORE[number].splitlines()
        for line, real in zip(told, (real.rstrip() for real in printed), strict=False):
            assert re.sub(NUMBER, "#", line) == re.sub(NUMBER, "#", real)
            assert numbers(line) == pytest.approx(numbers(real), rel=SAME_NUMBER)
    assert len(MORE) == 2


def test_the_plan_of_a_tuning_has_the_stages_that_are_shown(tmp_path: Path) -> None:
    """The whole tuning takes over a minute; its parts are tested elsewhere."""
    planned = adamtune("tune", "digits-mlp", "--dry-run", "--json", cwd=tmp_path).stdout
    stages = [stage["name"] for stage in json.loads(planned)["plan"]]
    table = BLOCKS[3][BLOCKS[3].index("stage ") : BLOCKS[3].index("recipe  ")]
    states = "done|accepted|kept|skipped|stopped"
    assert re.findall(rf"^(\w+(?: again)?) +(?:{states})", table, re.MULTILINE) == stages


def test_errors_are_as_shown(shown: list[str]) -> None:
    assert BLOCKS[4].splitlines()[1:] == shown[4].splitlines()


def test_audit_is_as_shown(tmp_path: Path) -> None:
    (tmp_path / "my_adam.py").write_text(PYTHON[1])
    printed = adamtune("audit", "my_adam.py:AdamW", cwd=tmp_path, check=1).stdout
    assert BLOCKS[5].splitlines() == [line.rstrip() for line in printed.splitlines()]
