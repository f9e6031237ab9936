"""A practitioner's table: which column is which, what a gap is, and which fault stands on which line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from adamtune.data.dataset import Dataset
from adamtune.data.load import load_data
from adamtune.errors import AdamtuneError, DataError, Problem
from adamtune.recipe.load import load_recipe

Load = Callable[..., Dataset]

PETS = """\
name,kind,weight,home,sick
Ada,cat,4.5,town,no
Bob,dog,,farm,yes
Cyd,cat,3.5,?,no
Dan,dog,20,farm,yes
Eve,cat,NA,town,no
Fay,dog,31,town,yes
Gus,emu,44,farm,no
Hal,dog,27,farm,yes
"""
MINE = "file: pets.csv, target: sick, drop: [name]"


def problem(load_file: Load, data: str, *sets: str, **files: str) -> Problem:
    with pytest.raises(AdamtuneError) as error:
        load_file(data, *sets, **files)
    (found,) = error.value.problems
    return found


def rows(load_file: Load, *sets: str, data: str = MINE, table: str = PETS) -> Dataset:
    """All of the table as the training split, which is also the validation split."""
    return load_file(f"{data}, val_file: pets.csv", "data.normalize=none", *sets, pets__csv=table)


def test_categories_become_columns_and_gaps_in_numbers_the_median_and_a_column(load_file: Load) -> None:
    data = rows(load_file)
    assert data.report.feature_names == (
        *("kind=cat", "kind=dog", "kind=emu"),
        *("weight", "weight is missing"),
        *("home=farm", "home=town", "home=?"),
    )
    assert data.report.class_names == ("no", "yes")
    assert data.train.x[:3].tolist() == [
        [1, 0, 0, 4.5, 0, 0, 1, 0],
        [0, 1, 0, 23.5, 1, 1, 0, 0],  # 23.5 is the median of 3.5, 4.5, 20, 27, 31 and 44
        [1, 0, 0, 3.5, 0, 0, 0, 1],
    ]
    assert data.report.nonfinite.count == 0


def test_a_category_that_training_rows_do_not_have_is_all_zeros(load_file: Load) -> None:
    other = "name,kind,weight,home,sick\nIda,ape,2,sea,no\n"
    data = load_file(f"{MINE}, val_file: val.csv", "data.normalize=none", pets__csv=PETS, val__csv=other)
    assert data.val.x.tolist() == [[0, 0, 0, 2, 0, 0, 0, 0]]


def test_a_gap_that_only_validation_rows_have_is_filled_without_a_column(load_file: Load) -> None:
    data = load_file(
        "file: a.csv, target: y, val_file: b.csv",
        "data.normalize=none",
        a__csv="x,y\n1,0\n5,1\n9,1\n",
        b__csv="y,x\n1,\n",
    )
    assert data.report.feature_names == ("x",)
    assert data.val.x.tolist() == [[5]]


@pytest.mark.parametrize("gap", ["", "NA", "NaN", "?", "null", " ", " NA "])
def test_each_way_to_write_a_gap_is_one(load_file: Load, gap: str) -> None:
    data = rows(load_file, table=PETS.replace("Dan,dog,20", f"Dan,dog,{gap}"))
    assert data.train.x[3, 3:5].tolist() == [27, 1]


def test_numbers_that_are_names_are_encoded_as_they_are_written(load_file: Load) -> None:
    table = "zip,y\n01234,a\n1234,b\n01234,a\n99,b\n"
    data = load_file("file: t.csv, target: y, categorical: [zip], val_file: t.csv", "data.normalize=none", t__csv=table)
    assert data.report.feature_names == ("zip=01234", "zip=1234", "zip=99")
    assert data.train.x[:, 0].tolist() == [1, 0, 1, 0]


def test_changing_validation_rows_changes_nothing_of_the_training_part(load_file: Load) -> None:
    """Medians, categories, gaps and scales come from training rows alone."""
    seed = "data.split={val: 0.25, test: 0, seed: 3}"
    tame = load_file(MINE, seed, pets__csv=PETS)
    lines = PETS.splitlines()
    for row in tame.rows["val"].tolist():
        name, *_, label = lines[row + 1].split(",")
        lines[row + 1] = f"{name},yak,1e6,,{label}"
    wild = load_file(MINE, seed, pets__csv="\n".join(lines))
    assert torch.equal(tame.train.x, wild.train.x)
    assert tame.report.feature_names == wild.report.feature_names
    assert not torch.equal(tame.val.x, wild.val.x)


def test_real_data_with_categories_and_gaps_keeps_all_that_is_in_it(load_file: Load, tmp_path: Path) -> None:
    """Wine with one measurement as a category and holes in another: the numbers come back as they were."""
    from sklearn.datasets import load_wine

    wine = load_wine(as_frame=True)
    frame = wine.data.assign(wine=wine.target_names[wine.target])
    frame["hue"] = np.where(frame["hue"] > 1, "red", "blue")
    frame.loc[::7, "ash"] = np.nan
    frame.to_csv(tmp_path / "wine.csv")  # with an index, which has no name
    data = load_file("file: wine.csv, target: wine", "data.normalize=none")
    names = list(data.report.feature_names)
    assert len(names) == 13 + 1 + 1
    assert (data.report.split, data.report.class_names) == ("stratified", ("class_0", "class_1", "class_2"))
    train = frame.iloc[data.rows["train"]]
    torch.testing.assert_close(
        data.train.x[:, names.index("proline")], torch.tensor(train["proline"].to_numpy(), dtype=torch.float32)
    )
    assert data.train.x[:, names.index("ash is missing")].tolist() == train["ash"].isna().astype(float).tolist()
    filled = data.train.x[data.train.x[:, names.index("ash is missing")] == 1, names.index("ash")].unique().tolist()
    assert filled == pytest.approx([train["ash"].median()])


@pytest.mark.parametrize(
    ("table", "what", "hint"),
    [
        (
            PETS.replace("dog,20,farm,yes", "dog,20,farm,"),
            'the target "sick" of pets.csv is missing on line 5',
            "leave",
        ),
        (
            PETS.replace("farm,yes", "farm,"),
            'the target "sick" of pets.csv is missing on line 3, and in 2 more rows',
            "leave",
        ),
        (PETS.replace("Dan,dog,20,farm", "Dan,dog,20"), "line 5 of pets.csv has 4 values, and there are 5 columns", ""),
        (PETS.replace("Dan,", "Dan,Jr,"), "line 5 of pets.csv has 6 values, and there are 5 columns", ""),
        ("a,a,sick\n1,2,3\n", 'pets.csv has two columns named "a"', ""),
        ("5.1,3.5,sick\n1,2,3\n", "the first line of pets.csv holds 5.1, a number", "add: a first line"),
        ("a,,sick\n1,2,3\n", "the name of column 2 of pets.csv is ''", ""),
        ("", "pets.csv is empty", ""),
    ],
)
def test_a_fault_of_a_csv_is_told_by_its_line(load_file: Load, table: str, what: str, hint: str) -> None:
    found = problem(load_file, "file: pets.csv, target: sick", pets__csv=table)
    assert found.what == what
    assert hint in (found.hint or "")
    assert str(found.where).endswith("recipe.yaml:3")


def test_lines_are_counted_with_values_that_span_them_and_with_empty_lines(load_file: Load) -> None:
    table = 'note,y\n"two\nlines",a\n\nx,b\n"z",\nx,a\n'
    assert (
        problem(load_file, "file: t.csv, target: y", t__csv=table).what
        == 'the target "y" of t.csv is missing on line 6'
    )


def test_a_word_among_many_numbers_is_a_slip_and_told_by_its_line(load_file: Load) -> None:
    table = "size,y\n" + "".join(f"{n},{n % 2}\n" for n in range(30)) + "12cm,1\n"
    found = problem(load_file, "file: t.csv, target: y", t__csv=table)
    assert found.what == "column \"size\" of t.csv holds '12cm' on line 32, among numbers"
    assert found.hint == "try: categorical: [size], if these are names"
    data = load_file("file: t.csv, target: y, categorical: [size]", "data.split.test=0", t__csv=table[: 7 + 2 * 9 * 2])
    assert data.report.feature_names[0].startswith("size=")


def test_a_word_in_a_later_file_is_told_by_its_file(load_file: Load) -> None:
    found = problem(
        load_file, "file: a.csv, target: y, val_file: b.csv", a__csv="x,y\n1,0\n2,1\n", b__csv="x,y\nbig,0\n"
    )
    assert found.what == "column \"x\" of b.csv holds 'big' on line 2, among numbers"


@pytest.mark.parametrize(
    ("data", "what", "hint"),
    [
        ("target: sik", 'data.target is "sik", which pets.csv does not have', "did you mean: sick"),
        ("target: sick, drop: [nam]", 'data.drop is "nam", which pets.csv does not have', "did you mean: name"),
        (
            "target: sick, drop: [name], split: {by: groups, column: hom}",
            'data.split.column is "hom", which pets.csv does not have',
            "did you mean: home",
        ),
    ],
)
def test_a_column_that_is_not_there_is_told_with_those_that_are(
    load_file: Load, data: str, what: str, hint: str
) -> None:
    found = problem(load_file, f"file: pets.csv, {data}", pets__csv=PETS)
    assert (found.what, found.hint) == (what, hint)
    assert "kind, weight, home" in str(found.expected)


def test_a_missing_target_is_told_with_the_columns_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "pets.csv").write_text(PETS)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"name: a\ntask: classification\ndata: {{{MINE}}}\nmodel: {{python: net.py:build}}\n")
    loaded = load_recipe(recipe, kinds={}, sources=())
    data = loaded.recipe.data.model_copy(update={"target": None})
    with pytest.raises(DataError, match=r"data\.file is pets\.csv, and data\.target is missing") as error:
        load_data(replace(loaded, recipe=loaded.recipe.model_copy(update={"data": data})), trusted=False)
    (found,) = error.value.problems
    assert found.expected == "the column that is to be predicted, one of name, kind, weight, home, sick"
    assert found.hint == "add: target: sick, under data"


def test_splits_must_have_the_same_columns(load_file: Load) -> None:
    found = problem(load_file, f"{MINE}, val_file: v.csv", pets__csv=PETS, v__csv=PETS.replace("weight", "wieght"))
    assert found.what == 'v.csv has no column "weight", which pets.csv has'
    assert found.hint == "did you mean: wieght"


def test_a_column_of_names_of_rows_is_refused_with_the_way_out(load_file: Load) -> None:
    table = "who,y\n" + "".join(f"person {n},{n % 2}\n" for n in range(40))
    found = problem(load_file, "file: t.csv, target: y", t__csv=table)
    assert found.what == 'column "who" of t.csv has 40 different values in 40 rows'
    assert "drop: [who]" in str(found.hint)


@pytest.mark.parametrize("date", ["2024-03-{:02}", "{}.3.2024", "2024-03-{:02} 17:05", "3/{}/24"])
def test_dates_are_refused_with_the_way_out(load_file: Load, date: str) -> None:
    table = "day,x,y\n" + "".join(f"{date.format(n)},{n},{n % 2}\n" for n in range(1, 20))
    found = problem(load_file, "file: t.csv, target: y", t__csv=table)
    assert found.what == f"column \"day\" of t.csv holds dates, such as '{date.format(1)}'"
    assert found.hint == "try: drop: [day], or split: {by: time, column: day}"


def test_a_target_of_the_other_task_is_told(load_file: Load) -> None:
    found = problem(load_file, MINE, task="regression", pets__csv=PETS)
    assert found.what == "the target \"sick\" of pets.csv holds 'no' on line 2"
    found = problem(load_file, "file: t.csv, target: y", t__csv="x,y\n1,1\n2,0.5\n")
    assert found.what == 'the target "y" of t.csv is 0.5 on line 3, which is no class label'
    assert "task: regression" in str(found.hint)


def test_a_regression_reads_its_target_as_numbers(load_file: Load) -> None:
    data = load_file(
        "file: pets.csv, target: weight, drop: [name], val_file: pets.csv",
        "data.normalize_target=none",
        task="regression",
        pets__csv=PETS.replace(",,", ",7,").replace("NA", "-1e1"),
    )
    assert data.train.y.flatten().tolist() == [4.5, 7, 3.5, 20, -10, 31, 44, 27]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_seen_in_the_first_line(load_file: Load, separator: str) -> None:
    assert rows(load_file, table=PETS.replace(",", separator)).fingerprint == rows(load_file).fingerprint


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(load_file: Load) -> None:
    assert rows(load_file, table="\ufeff" + PETS.replace("\n", "\r\n")).fingerprint == rows(load_file).fingerprint


def test_a_parquet_file_brings_types_of_its_own(load_file: Load, tmp_path: Path) -> None:
    n = 12
    pl.DataFrame(
        {
            "size": [None if i == 3 else i for i in range(n)],
            "nan": [float("nan") if i == 3 else i / 2 for i in range(n)],
            "flag": [i % 3 == 0 for i in range(n)],
            "code": pl.Series(["01", "02", "02"] * 4, dtype=pl.Categorical),
            "zip": [7, 8, 7] * 4,
            "label": [i % 2 for i in range(n)],
        }
    ).write_parquet(tmp_path / "t.parquet")
    data = load_file("file: t.parquet, target: label, categorical: [zip], val_file: t.parquet", "data.normalize=none")
    assert data.report.feature_names == (
        *("size", "size is missing", "nan", "nan is missing", "flag=false", "flag=true"),
        *("code=01", "code=02", "zip=7", "zip=8"),
    )
    assert data.train.x[3].tolist() == [6, 1, 3, 1, 0, 1, 1, 0, 1, 0]


def test_a_parquet_file_with_dates_or_lists_is_refused(load_file: Load, tmp_path: Path) -> None:
    days = [dt.date(2024, 3, day) for day in range(1, 5)]
    pl.DataFrame({"day": days, "y": [0, 1] * 2}).write_parquet(tmp_path / "t.parquet")
    assert "holds dates" in problem(load_file, "file: t.parquet, target: y").what
    pl.DataFrame({"parts": [[1, 2]] * 4, "y": [0, 1] * 2}).write_parquet(tmp_path / "t.parquet")
    assert 'column "parts" of t.parquet holds list' in problem(load_file, "file: t.parquet, target: y").what


@pytest.mark.parametrize("library", ["pd", "pl"])
def test_a_function_may_return_a_table_with_text(load: Load, library: str) -> None:
    pytest.importorskip("pandas")
    columns = "{'kind': ['cat', 'dog', None, 'dog'] * 5, 'size': [1.0, None, 3.0, 5.0] * 5, 'old': [True, False] * 10}"
    body = (
        "import pandas as pd, polars as pl; "
        f"return {{'x': {library}.DataFrame({columns}), 'y': {library}.Series(['a', 'b'] * 10)}}"
    )
    data = load(body, "data.normalize=none", "data.split.by=random")
    names = ("kind=cat", "kind=dog", "kind=?", "size", "size is missing", "old=false", "old=true")
    assert data.report.feature_names == names
    assert data.train.x.shape == (12, 7)


def test_infinity_in_a_table_is_a_fact_of_the_report(load_file: Load) -> None:
    data = load_file("file: t.csv, target: y, val_file: t.csv", t__csv="x,y\n1,0\ninf,1\n3,1\n")
    assert (data.report.nonfinite.count, data.report.nonfinite.rows) == (2, (1,))
