"""Real data with a bug planted in them, loaded the way a user's own function is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamtune.data.dataset import Dataset
from adamtune.data.examine.examine import EXAMINATION, examine
from adamtune.data.load import load_data, source_names
from adamtune.diagnosis.engine import diagnose_data
from adamtune.diagnosis.rule import Finding
from adamtune.models.build import option_schemas
from adamtune.recipe.load import LoadedRecipe, load_recipe
from adamtune.recipe.resolve import plain_recipe

Array = NDArray[Any]
Data = tuple[Array, Array]


def real(name: str, rows: int = 400) -> Data:
    """Features and labels of a data set that ships with scikit-learn, at most so many rows, chosen once."""
    import sklearn.datasets

    x, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    kept = np.sort(np.random.default_rng(0).permutation(len(x))[:rows])
    return x[kept], y[kept]


def recipe_of(folder: Path, arrays: Mapping[str, Array], task: str, *sets: str) -> LoadedRecipe:
    """A recipe whose data are these arrays, by the keys that a data function returns."""
    np.savez(folder / "arrays.npz", **{key: np.asarray(value) for key, value in arrays.items()})  # type: ignore[arg-type]
    (folder / "my_data.py").write_text(
        "import numpy as np, pathlib\n"
        "def load():\n"
        "    return dict(np.load(pathlib.Path(__file__).parent / 'arrays.npz'))\n"
    )
    path = folder / "planted.yaml"
    path.write_text(
        f"name: planted\ntask: {task}\ndata: {{python: my_data.py:load}}\nmodel: {{kind: mlp, hidden: [7]}}\n"
        "training: {epochs: 3, seeds: 2}\n"
    )
    return load_recipe(path, sets=sets, kinds=option_schemas(), sources=source_names())


def dataset_of(folder: Path, arrays: Mapping[str, Array], task: str = "classification", *sets: str) -> Dataset:
    """These arrays, split and normalised."""
    return load_data(recipe_of(folder, arrays, task, *sets), trusted=True)


def judged(
    folder: Path, arrays: Mapping[str, Array], task: str = "classification", *sets: str, cheap: bool = False
) -> tuple[Finding, ...]:
    """What the data rules say of these arrays."""
    loaded = recipe_of(folder, arrays, task, *sets)
    data = load_data(loaded, trusted=True)
    facts = data.report.as_dict() | {EXAMINATION: examine(data, task, cheap=cheap)}
    return diagnose_data(facts, plain_recipe(loaded.recipe))


def given(x: Array, y: Array, rng: np.random.Generator) -> dict[str, Array]:
    """The same, split by the user."""
    order = rng.permutation(len(x))
    train, val = order[: 2 * len(x) // 3], order[2 * len(x) // 3 :]
    return {"x_train": x[train], "y_train": y[train], "x_val": x[val].copy(), "y_val": y[val].copy()}


def flipped(y: Array, share: float, rng: np.random.Generator) -> tuple[Array, set[int]]:
    """Labels of which a share is another class, and the rows of those."""
    rows = rng.choice(len(y), round(share * len(y)), replace=False)
    changed, classes = y.copy(), np.unique(y)
    for row in rows:
        changed[row] = rng.choice(classes[classes != y[row]])
    return changed, set(rows.tolist())
