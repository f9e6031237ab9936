"""Statistics taken piece by piece, in small types, of sequences of unequal length, and within bounded memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from adamtune.data.dataset import Dataset
from adamtune.data.prepare import moments as module
from adamtune.data.prepare.moments import constant_places, moments
from adamtune.data.prepare.normalize import fit_scaling
from adamtune.data.prepare.sequences import align_right
from adamtune.errors import DataError

Load = Callable[..., Dataset]

TOLERANCE = 1e-9
"""float64 sums of a hundred numbers below 1,000, in another order."""


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32, np.float64]),
        st.sampled_from([(11, 3), (7, 5, 3), (5, 3, 4, 2)]),
        elements=st.integers(0, 200),
    ),
    st.integers(1, 40),
)
def test_pieces_of_any_size_give_the_statistics_of_the_whole(x: np.ndarray[Any, Any], size: int) -> None:
    axes = {2: (0,), 3: (0, 1), 4: (0, 2, 3)}[x.ndim]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", size)
        found, constant = moments(x), constant_places(x)
    whole = x.astype(np.float64)
    np.testing.assert_allclose(found.mean.ravel(), whole.mean(axis=axes), rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(found.std.ravel(), whole.std(axis=axes), rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_array_equal(found.low.ravel(), whole.min(axis=axes))
    np.testing.assert_array_equal(found.high.ravel(), whole.max(axis=axes))
    flat = whole.reshape(len(whole), -1)
    np.testing.assert_array_equal(constant, flat.min(axis=0) == flat.max(axis=0))


@given(st.integers(0, 9))
def test_what_stands_behind_the_end_of_a_sequence_changes_no_statistic(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, lengths = rng.normal(size=(5, 7, 3)), rng.integers(1, 8, 5)
    padding = ~(np.arange(7) < lengths[:, None])
    wild = np.where(padding[:, :, None], 1e9, x)
    real = x[~padding]
    for kind, (shift, scale) in {
        "standard": (real.mean(axis=0), real.std(axis=0)),
        "minmax": (real.min(axis=0), np.ptp(real, axis=0)),
    }.items():
        scaling = fit_scaling(kind, wild, lengths)
        np.testing.assert_allclose(scaling.shift.ravel(), shift, rtol=TOLERANCE, atol=TOLERANCE)
        np.testing.assert_allclose(scaling.scale.ravel(), scale, rtol=TOLERANCE)


@given(st.integers(0, 9))
def test_real_steps_stand_at_the_end_in_their_order_with_zeros_before_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, lengths = rng.normal(size=(5, 7, 3)).astype(np.float32), rng.integers(1, 8, 5)
    before = x.copy()
    align_right(x, lengths)
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(x[row, 7 - length :], before[row, :length])
        assert not x[row, : 7 - length].any()


SEQUENCES = "x = np.random.default_rng(0).normal(3, 2, (n, 7, 3)); y = np.arange(n) % 2; "


def test_sequences_arrive_scaled_by_channel_and_aligned_right(load: Load) -> None:
    data = load(SEQUENCES + "return {'x': x, 'y': y, 'lengths': 1 + np.arange(n) % 7}")
    lengths = 1 + data.rows["train"] % 7
    real = torch.cat([x[7 - length :] for x, length in zip(data.train.x, lengths, strict=True)])
    torch.testing.assert_close(real.mean(dim=0), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(real.std(dim=0, correction=0), torch.ones(3), rtol=1e-5, atol=0)
    padding = torch.cat([x[: 7 - length] for x, length in zip(data.train.x, lengths, strict=True)])
    assert not padding.any()


@pytest.mark.parametrize(
    ("lengths", "what"),
    [
        ("np.arange(n) % 7", "lengths of my_data.py:load is 0 in row 0"),
        ("np.full(n, 8)", "lengths of my_data.py:load is 8 in row 0"),
        ("np.full(n - 1, 3)", "lengths of my_data.py:load has shape [19] and type int64"),
        ("np.full(n, 2.5)", "lengths of my_data.py:load is 2.5 in row 0"),
    ],
)
def test_lengths_that_cannot_be_are_told(load: Load, lengths: str, what: str) -> None:
    with pytest.raises(DataError) as error:
        load(SEQUENCES + f"return {{'x': x, 'y': y, 'lengths': {lengths}}}")
    assert error.value.problems[0].what == what
    with pytest.raises(DataError, match="and the features have shape"):
        load(SEQUENCES + f"return {{'x': x[:, 0], 'y': y, 'lengths': {lengths}}}")


def test_lengths_of_one_split_alone_are_told(load: Load) -> None:
    body = "return {'x_train': x, 'y_train': y, 'x_val': x, 'y_val': y, 'lengths_train': y + 1}"
    with pytest.raises(DataError, match="lengths_train") as error:
        load(SEQUENCES + body)
    assert str(error.value.problems[0].expected).endswith("lengths_val is missing")


MEASURE = """
import resource, sys
from pathlib import Path
from adamtune.data.load import load_data, source_names
from adamtune.models.build import option_schemas
from adamtune.recipe.load import load_recipe
import sklearn.model_selection
loaded = load_recipe(Path(sys.argv[1]), kinds=option_schemas(), sources=source_names())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
data = load_data(loaded, trusted=True)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) / 1024, data.train.x.dtype, tuple(data.train.x.shape))
"""


def test_many_images_of_bytes_take_little_more_memory_than_what_comes_out(tmp_path: Path) -> None:
    """12,000 images of 28 x 28: 9 MB of bytes, 38 MB as float32. float64 copies alone would be 75 MB each."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (12_000, 1, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(12_000) % 10)
    (tmp_path / "r.yaml").write_text("name: a\ntask: classification\ndata: {file: a.npz}\nmodel: {kind: mlp}\n")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "r.yaml")], capture_output=True, text=True, check=True
    )
    megabytes, dtype, *shape = done.stdout.split(maxsplit=2)
    assert (dtype, shape) == ("torch.float32", ["(7200, 1, 28, 28)\n"])
    assert float(megabytes) < 9 + 9 + 38 + 100  # read, split, scaled, and pieces of a formula
