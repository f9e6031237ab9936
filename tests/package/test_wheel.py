"""What is shipped is whole: every file that the tool reads, and every package that it imports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PACKAGE_OF = {"sklearn": "scikit-learn", "yaml": "pyyaml", "PIL": "pillow"}
EXTRAS = ("images", "rl")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked where nothing else of this checkout is."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return target


def run(installed: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys; from adamtune.cli.app import main; import adamtune; sys.stderr.write(adamtune.__file__); main()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_wheel_runs_a_shipped_recipe_from_another_folder(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "baseline", "digits-mlp", "--set", "training.epochs=1", "--set", "training.seeds=2")
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stderr
    assert (tmp_path / "runs/digits-mlp/001-baseline/summary.json").exists()
    assert "lr" in run(installed, tmp_path, "knobs").stdout


def test_wheel_carries_its_types_and_its_licence(installed: Path) -> None:
    assert (installed / "adamtune/py.typed").exists()
    assert list(installed.glob("adamtune-*.dist-info/licenses/LICENSE"))
    assert not (installed / "tests").exists()


def test_every_imported_package_is_a_declared_dependency() -> None:
    """A package that only developers have slips through every other test; an extra's is asked for with its command."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = [entry for extra in EXTRAS for entry in project["optional-dependencies"][extra]]
    declared = {re.split(r"[<>=\[ ]", entry)[0].lower() for entry in [*project["dependencies"], *optional]}
    graph = grimp.build_graph("adamtune", include_external_packages=True)
    external = {name for name in graph.modules if not name.startswith("adamtune")} - set(sys.stdlib_module_names)
    assert {PACKAGE_OF.get(name, name) for name in external} - declared == set()
