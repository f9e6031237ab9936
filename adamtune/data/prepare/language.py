"""Running text as windows of tokens, and the report on them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from adamtune.data.dataset import Dataset, Part
from adamtune.data.prepare.describe import constant_cross_entropy
from adamtune.data.prepare.split import MIN_TRAIN
from adamtune.data.report import DataReport, FeatureScale, Nonfinite
from adamtune.data.source import Array, Raw, Text
from adamtune.errors import DataError, Problem
from adamtune.recipe.load import LoadedRecipe

UNKNOWN: Final = "(unknown)"
"""What a report calls the token for characters that the training text does not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The tokens of a text.

    Args:
        names: What each token stands for; its number is its place.
        table: Number of each code point, int64; None where tokens are bytes.
    """

    names: tuple[str, ...]
    table: Array | None

    def encode(self, text: str) -> Array:
        """The text as int64 tokens [N]."""
        if self.table is None:
            return np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8).astype(np.int64)
        codes = _codes(text)
        return np.asarray(self.table[np.minimum(codes, len(self.table) - 1)])


def fit_vocabulary(train: str, tokens: str) -> Vocabulary:
    """The vocabulary of a training text.

    Args:
        train: The training text, and none other.
        tokens: `characters`: those of the text in order, and one token for all others; or `bytes`, all 256.
    """
    if tokens == "bytes":
        return Vocabulary(tuple(f"0x{byte:02x}" for byte in range(256)), None)
    found = np.unique(_codes(train))
    table = np.full(int(found[-1]) + 2 if len(found) else 1, len(found), dtype=np.int64)
    table[found] = np.arange(len(found))
    return Vocabulary((*map(chr, found.tolist()), UNKNOWN), table)


def _codes(text: str) -> Array:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def load_text(loaded: LoadedRecipe, raw: Raw, name: str, where: str) -> Dataset:
    """The dataset of a text: windows of `data.context` tokens, one behind the other, and the token after each.

    Where the splits are not given, the first of the text is for training, what follows for validation and
    the last for test: whoever draws windows at random judges a model by text it has nearly seen.

    Raises:
        DataError: The text is too short, or the recipe asks for a split that a text cannot have.
    """
    recipe = loaded.recipe
    texts, how = _split(loaded, raw)
    vocabulary = fit_vocabulary(texts["train"], recipe.data.tokens)
    context = recipe.data.context
    windows = {}
    for split, text in texts.items():
        windows[split] = _windows(vocabulary.encode(text), context)
        least = MIN_TRAIN if split == "train" else 1
        if len(windows[split][0]) < least:
            what = f"the {split} text of {name} has {len(text):,} characters, too few for windows of {context} tokens"
            expected = f"at least {least * context + 1:,} tokens"
            hint = f"try: context: {max(1, min(len(text) // (4 * least), context // 2))}" if len(text) > 8 else None
            raise DataError(Problem(what, where=where, expected=expected, hint=hint))
    parts = {split: Part(torch.from_numpy(x), torch.from_numpy(y)) for split, (x, y) in windows.items()}
    fingerprint = _fingerprint(windows, vocabulary)
    return Dataset(
        train=parts["train"],
        val=parts["val"],
        test=parts.get("test"),
        input_shape=(context,),
        output_size=len(vocabulary.names),
        report=_report(loaded, windows, vocabulary, how, fingerprint),
        fingerprint=fingerprint,
    )


def _split(loaded: LoadedRecipe, raw: Raw) -> tuple[dict[str, str], str]:
    texts = {split: part.text for split, part in raw.parts.items() if isinstance(part, Text)}
    split = loaded.recipe.data.split
    if split.by != "auto":
        what = f"data.split.by is {split.by}, and a text is split by position"
        expected = "auto: the first part for training, the last for test"
        raise DataError(Problem(what, loaded.where("data.split.by"), expected, "try: by: auto"))
    if "all" not in texts:
        return texts, "given"
    whole = texts.pop("all")
    test = 0.0 if "test" in texts else split.test
    n_val, n_test = round(len(whole) * split.val), round(len(whole) * test)
    ends = {"train": len(whole) - n_val - n_test, "val": len(whole) - n_test, "test": len(whole)}
    cut = {"train": whole[: ends["train"]], "val": whole[ends["train"] : ends["val"]]}
    if test:
        cut["test"] = whole[ends["val"] :]
    return {**cut, **texts}, "position"


def _windows(tokens: Array, context: int) -> tuple[Array, Array]:
    """Inputs and the tokens that follow, each int64 [N, T]; what does not fill a last window is left out."""
    n = max(0, (len(tokens) - 1) // context)
    return tokens[: n * context].reshape(n, context), tokens[1 : n * context + 1].reshape(n, context)


def _fingerprint(windows: Mapping[str, tuple[Array, Array]], vocabulary: Vocabulary) -> str:
    digest = hashlib.sha256(repr(vocabulary.names).encode("utf-8", "surrogatepass"))
    for split, (x, y) in windows.items():
        digest.update(f"{split} {x.shape}".encode())
        digest.update(x.astype("<i4").tobytes())
        digest.update(y[-1:].astype("<i4").tobytes())  # all but the last token stand in x already
    return digest.hexdigest()


def _report(
    loaded: LoadedRecipe,
    windows: Mapping[str, tuple[Array, Array]],
    vocabulary: Vocabulary,
    how: str,
    fingerprint: str,
) -> DataReport:
    recipe, size = loaded.recipe, len(vocabulary.names)
    counts = {split: tuple(np.bincount(y.ravel(), minlength=size).tolist()) for split, (_, y) in windows.items()}
    return DataReport(
        source=recipe.data.source or recipe.data.python or recipe.data.file or "",
        task=recipe.task,
        n_train=len(windows["train"][0]),
        n_val=len(windows["val"][0]),
        n_test=len(windows["test"][0]) if "test" in windows else 0,
        input_shape=(recipe.data.context,),
        n_features=recipe.data.context,
        output_size=size,
        split=how,
        feature_names=(),
        class_names=vocabulary.names,
        class_counts={},  # letters are never balanced, and nobody wants them to be
        label_gaps=(),
        unseen_classes=(),
        nonfinite=Nonfinite(0, "", (), (), ()),
        constant_columns=(),
        features=FeatureScale(0.0, 0.0),
        target=None,
        constant_loss=constant_cross_entropy(counts["train"], counts["val"]),
        fingerprint=fingerprint,
    )
