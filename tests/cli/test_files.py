"""A practitioner's own table, through the real command: one recipe, one file, no code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from commands import adamtune, answer

RECIPE = """\
name: tumours
task: classification
data:
  file: data/tumours.csv
  target: diagnosis
  drop: [id]
model: {kind: mlp, hidden: [16]}
training: {epochs: 12, batch_size: 32, seeds: 2}
optimizer: {lr: 3e-3}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Real tumours, with a number of each row, one measurement as words, gaps, and a recipe beside them."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    frame = data.data.iloc[:, :12].copy()
    words = np.array(["small", "medium", "large"])
    frame["mean area"] = words[np.digitize(frame["mean area"], [450, 700])]
    frame.loc[::9, "mean texture"] = np.nan
    frame.insert(0, "id", [f"patient {number}" for number in range(len(frame))])
    frame["diagnosis"] = data.target_names[data.target]
    (tmp_path / "data").mkdir()
    frame.to_csv(tmp_path / "data" / "tumours.csv", index=False)
    (tmp_path / "tumours.yaml").write_text(RECIPE)
    return tmp_path


def test_a_csv_trains_without_any_code(folder: Path) -> None:
    """Well above the 63% of always answering benign, with features that carry names."""
    done = answer("baseline", "tumours.yaml", cwd=folder)
    assert done["verdict"] == "healthy"
    assert done["metrics"]["val_accuracy"]["mean"] > 0.85
    report = json.loads((folder / done["run_dir"] / "data.json").read_text())
    assert {"mean area=large", "mean area=medium", "mean area=small", "mean texture is missing"} < set(
        report["feature_names"]
    )
    assert (report["source"], report["class_names"]) == ("data/tumours.csv", ["benign", "malignant"])
    assert (report["n_features"], report["nonfinite"]["count"]) == (12 + 2 + 1, 0)


def test_a_wrong_column_is_one_message_and_not_a_traceback(folder: Path) -> None:
    done = adamtune("baseline", "tumours.yaml", "--set", "data.target=diagnose", cwd=folder, check=2)
    assert 'data.target is "diagnose", which data/tumours.csv does not have' in done.stderr
    assert "did you mean: diagnosis" in done.stderr
    assert "Traceback" not in done.stderr
