"""Text as tokens: windows one behind the other, targets one step on, a vocabulary from the training text alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adamtune.data.dataset import Dataset
from adamtune.data.prepare.language import UNKNOWN, fit_vocabulary
from adamtune.errors import AdamtuneError, DataError

Load = Callable[..., Dataset]

VERSE = "the quick brown fox jumps over the lazy dog and the lazy dog sleeps on. " * 6


def spoken(data: Dataset, tokens: torch.Tensor) -> str:
    return "".join(data.report.class_names[token] for token in tokens.flatten().tolist())


def load_text(load_file: Load, text: str, *sets: str) -> Dataset:
    return load_file("file: corpus.txt, context: 7", *sets, task="language-model", corpus__txt=text)


def test_windows_follow_each_other_and_targets_are_one_step_on(load_file: Load) -> None:
    data = load_text(load_file, VERSE)
    n = round(len(VERSE) * 0.6 / 7 - 0.5)
    assert data.train.x.shape == data.train.y.shape == (n, 7)
    assert (data.train.x.dtype, data.train.y.dtype) == (torch.int64, torch.int64)
    assert spoken(data, data.train.x) == VERSE[: n * 7]
    assert spoken(data, data.train.y) == VERSE[1 : n * 7 + 1]
    assert (data.input_shape, data.output_size) == ((7,), len(set(VERSE)) + 1)


def test_the_last_of_the_text_is_test_and_what_is_before_it_val(load_file: Load) -> None:
    text = "".join(chr(0x4E00 + n) for n in range(300))
    data = load_text(load_file, text * 2, "data.split={val: 0.25, test: 0.25}")
    assert data.test is not None
    assert spoken(data, data.val.x[0]) == text[:7]
    assert spoken(data, data.test.x[0]) == text[150:157]
    assert data.report.split == "position"


def test_a_character_that_training_text_does_not_have_is_the_unknown_token(load_file: Load) -> None:
    data = load_text(load_file, "ab" * 100 + "z" * 40 + "ba" * 20, "data.split.val=0.2")
    assert data.report.class_names == ("a", "b", UNKNOWN)
    assert data.val.x.unique().tolist() == [0, 1, 2] or data.val.x.unique().tolist() == [2]


@given(st.text(min_size=1), st.text())
def test_known_characters_come_back_and_others_are_unknown(train: str, other: str) -> None:
    vocabulary = fit_vocabulary(train, "characters")
    assert [vocabulary.names[token] for token in vocabulary.encode(train).tolist()] == list(train)
    told = [vocabulary.names[token] for token in vocabulary.encode(other).tolist()]
    assert told == [letter if letter in train else UNKNOWN for letter in other]


@given(st.text())
def test_bytes_are_those_of_utf_8(text: str) -> None:
    assert bytes(fit_vocabulary("", "bytes").encode(text).astype(np.uint8).tolist()) == text.encode("utf-8")


def test_bytes_need_no_unknown_token(load_file: Load) -> None:
    data = load_text(load_file, "grüße " * 40, "data.tokens=bytes")
    assert data.output_size == 256
    assert bytes(data.train.x[0].tolist()) == "grüße "[:5].encode()


def test_changing_the_validation_text_changes_no_training_token(load_file: Load) -> None:
    tame = load_text(load_file, VERSE)
    wild = load_text(load_file, VERSE[:300] + "ÄÖÜ" * 40 + VERSE[420:])
    assert torch.equal(tame.train.x, wild.train.x)
    assert tame.report.class_names == wild.report.class_names
    assert tame.fingerprint != wild.fingerprint


def test_the_loss_of_knowing_nothing_is_that_of_training_frequencies(load_file: Load) -> None:
    data = load_text(load_file, VERSE)
    counts = torch.bincount(data.train.y.flatten(), minlength=data.output_size) + 1.0  # the unknown token has none
    log = (counts / counts.sum()).log()
    assert data.report.constant_loss == pytest.approx(-log[data.val.y].mean().item(), rel=1e-5)


def test_a_folder_of_texts_is_read_in_the_order_of_names(load_file: Load, tmp_path: Path) -> None:
    (tmp_path / "books" / "more").mkdir(parents=True)
    for name, text in (("b.txt", "second"), ("a.txt", "first "), ("more/c.txt", "third"), ("notes.md", "no")):
        (tmp_path / "books" / name).write_text(text * 9)
    data = load_file("file: books, context: 3, split: {test: 0.1, val: 0.1}", task="language-model")
    assert spoken(data, data.train.x).startswith(("first " * 9 + "\n\nsecond")[:60])


def test_fixed_splits_are_files_of_their_own(load_file: Load) -> None:
    data = load_file(
        "file: a.txt, val_file: b.txt, context: 3", task="language-model", a__txt="abcabcabca", b__txt="cbacba"
    )
    assert (spoken(data, data.train.x), spoken(data, data.val.x), data.test) == ("abcabcabc", "cba", None)
    assert data.report.split == "given"


def test_a_function_may_return_text(load: Load) -> None:
    whole = load("return {'text': 'abcd' * 50}", "data.context=5", task="language-model")
    given_ = load(
        "return {'text_train': 'abcd' * 30, 'text_val': 'abcd' * 10}", "data.context=5", task="language-model"
    )
    assert (whole.report.split, given_.report.split) == ("position", "given")
    assert torch.equal(whole.train.x[:20], given_.train.x[:20])


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return {'text': 3}", "text of my_data.py:load is an int"),
        ("return {'texts': 'a'}", "my_data.py:load returned an unknown key 'texts'"),
        ("return {'text_train': 'a'}", "my_data.py:load returned text_train"),
        ("return {'x': [1], 'y': [1]}", "my_data.py:load returned an unknown key 'x'"),
        (
            "return {'text': 'a'}",
            "the train text of my_data.py:load has 1 characters, too few for windows of 64 tokens",
        ),
    ],
)
def test_a_function_that_gives_no_text_is_told(load: Load, body: str, what: str) -> None:
    with pytest.raises(DataError) as error:
        load(body, task="language-model")
    assert error.value.problems[0].what == what
    with pytest.raises(DataError, match="returned text, and task is classification"):
        load("return {'text': 'a'}")


@pytest.mark.parametrize("by", ["random", "groups"])
def test_a_text_is_not_split_by_chance(load_file: Load, by: str) -> None:
    column = ", column: a" if by == "groups" else ""
    with pytest.raises(AdamtuneError, match=f"data.split.by is {by}"):
        load_file(f"file: a.txt, split: {{by: {by}{column}}}", task="language-model", a__txt=VERSE)


def test_a_text_in_another_encoding_is_told_by_its_line(load_file: Load, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\ntw\xf6\n")
    with pytest.raises(DataError, match=r"line 2 of a\.txt is not UTF-8 text: byte 0xf6"):
        load_file("file: a.txt", task="language-model")


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_folder_of_texts_for_another_task_is_told(load_file: Load, tmp_path: Path, task: str) -> None:
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "a.txt").write_text(VERSE)
    with pytest.raises(DataError, match=f"books is text, and task is {task}"):
        load_file("file: books", task=task)


def test_a_large_text_is_read_in_a_moment() -> None:
    text = VERSE * 8_000
    tokens = fit_vocabulary(text, "characters").encode(text)
    assert (len(tokens), int(tokens.max())) == (len(text), len(set(text)) - 1)
