"""What a user is told about a recipe that is wrong, word for word.

The file `errors.txt` beside this test holds every message as seen. After a deliberate change of
wording, write it anew with `python tests/recipe/test_errors.py` and read the difference.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adamtune.errors import AdamtuneError, Problem
from adamtune.models.families.mlp import MlpOptions
from adamtune.recipe.load import load_recipe
from adamtune.recipe.schema import Options

GOLDEN = Path(__file__).parent / "errors.txt"
SOURCES = ("sklearn/breast_cancer", "sklearn/diabetes", "sklearn/digits", "sklearn/wine")


class RnnOptions(Options):
    """Stands for any other family: which there are is not what these messages are about."""


KINDS = {"mlp": MlpOptions, "rnn": RnnOptions}

GOOD = """\
name: digits-mlp
task: classification
data:
  source: sklearn/digits
model:
  kind: mlp
  hidden: [128]
training:
  epochs: 20
optimizer:
  lr: 3e-4
"""

TABLE = GOOD.replace("source: sklearn/digits", "file: table.csv\n  target: y")
TEXT = GOOD.replace("classification", "language-model").replace("source: sklearn/digits", "file: corpus.txt")
OWN_MODEL = "kind: mlp\n  hidden: [128]", "python: m.py:build"
POLICY = GOOD.replace("classification", "reinforcement").replace("source: sklearn/digits", "environment: CartPole-v1")

RECIPES: dict[str, str | bytes] = {
    "everything is missing": "training: {epochs: 3}\n",
    "mistyped keys": GOOD + "  weight_decya: 0.1\nschedul: {warmup: 5}\nclip: {maxnorm: 1}\n",
    "keys in the wrong place": GOOD + "lr: 1e-3\nweight_decay: 0\nwarmup: 0.05\nseeds: 3\n",
    "names of other programs": GOOD.replace("lr:", "learning_rate:") + "  beta1: 0.9\n  epsilon: 1e-8\n",
    "a dotted key": GOOD.replace("optimizer:\n  lr: 3e-4", "optimizer.lr: 3e-4"),
    "keys that are not text": GOOD + "1: a\nnull: b\n[a]: c\n",
    "mistyped values": GOOD.replace("classification", "clasification").replace("/digits", "/diggits")
    + "schedule: {decay: cosin}\ntraining2: 0\n",
    "unknown source and kind": GOOD.replace("sklearn/digits", "table.csv").replace("mlp\n  h", "resnet\n  h"),
    "another library's source": GOOD.replace("sklearn/digits", "digits"),
    "a mistyped optimizer": GOOD + "  name: adagard\n",
    "another program's optimizer": GOOD + "  name: AdamW_torch\n",
    "an optimizer that there is not": GOOD + "  name: lamb\n",
    "an optimizer that is no word": GOOD + "  name: 3\n",
    "settings that sgd does not read": GOOD + "  name: sgd\n  betas: [0.9, 0.999]\n  eps: 1e-8\n  momentum: 0.5\n",
    "settings that a class of the package does not read": GOOD + "  name: pytorch-optimizer/Lamb\n  eps: 1e-6\n",
    "the momentum of AdamW": GOOD + "  momentum: 0.9\n",
    "a momentum out of range": GOOD + "  name: sgd\n  momentum: 1.0\n",
    "a file's keys beside a source": GOOD.replace("digits\nmodel", "digits\n  target: y\n  drop: [id]\nmodel"),
    "no list of columns": GOOD.replace("source: sklearn/digits", "file: a.csv\n  target: [y]\n  drop: id"),
    "words of other programs": GOOD.replace("epochs: 20", "precision: float16\n  device: gpu\n  keep: final")
    + "  no_decay: layernorm\nschedule: {decay: constant}\n",
    "more words of other programs": TEXT.replace("language-model", "lm").replace("txt", "txt\n  tokens: char")
    + "schedule: {decay: inverse_sqrt}\n",
    "keys of other programs": GOOD
    + "patience: 5\ngamma: 0.9\nvocab: bytes\ncontext_length: 64\nentropy_coef: 0.1\nlabel_smooth: 0.1\n"
    + "gradient_accumulation_steps: 2\nenv: CartPole-v1\n",
    "keys in the wrong section": GOOD.replace(
        "epochs: 20", "epochs: 20\n  max_value: 1\n  early_stop: 5\n  label_smooth: 0.1\n  entropy: 0.1"
    )
    + "  gamma: 0.9\n  max_value: 1\n",
    "a table's keys mistyped": TABLE.replace(
        "target: y", "taret: y\n  label: y\n  categoricals: [a]\n  group_column: g"
    ),
    "numbers for columns": TABLE.replace("target: y", "target: 0\n  drop: 3\n  categorical: [7]"),
    "one column for a list of them": TABLE.replace("target: y", "target: y\n  categorical: zip code"),
    "new numbers out of range": GOOD.replace(
        "epochs: 20",
        "steps: 40\n  accumulate: 0\n  label_smoothing: 1.0\n  early_stopping: 0\n  init_seed: -1\n  data_seed: 1.5",
    )
    + "clip: {max_norm: 1, max_value: 0}\n",
    "a policy's numbers out of range": POLICY
    + "reinforcement: {discount: 1.5, entropy: -1, value_weight: high, eval_episodes: 0}\n",
    "a mapping for a number or a fraction": GOOD + "schedule: {warmup: {steps: 10}}\n",
    "a language model of a network that sees everything": TEXT,
    "a language model of a table": TEXT.replace("corpus.txt", "table.csv").replace(*OWN_MODEL),
    "classes of a text": GOOD.replace("source: sklearn/digits", "file: corpus.txt\n  drop: [a]"),
    "columns of a text": TEXT.replace("txt", "txt\n  target: a").replace(*OWN_MODEL),
    "a table and no target": TABLE.replace("\n  target: y", ""),
    "a target among the features": TABLE.replace("target: y", "target: y\n  drop: [id, y]"),
    "a policy without an environment": POLICY.replace("environment: CartPole-v1", "source: sklearn/digits"),
    "an environment without a policy": POLICY.replace("reinforcement", "regression"),
    "a policy's keys for a classifier": GOOD + "reinforcement: {entropy: 0.1}\n",
    "a text's keys for a classifier": GOOD.replace("digits\nmodel", "digits\n  context: 32\n  tokens: bytes\nmodel"),
    "batches of a policy put together": POLICY.replace("epochs: 20", "epochs: 20\n  accumulate: 4"),
    "smoothing without classes": GOOD.replace("classification", "regression").replace(
        "epochs: 20", "epochs: 20\n  label_smoothing: 0.1"
    ),
    "patience beyond the end": GOOD.replace("epochs: 20", "epochs: 20\n  early_stopping: 20"),
    "patience beyond the last step": GOOD.replace("epochs: 20", "steps: 100\n  eval_every: 25\n  early_stopping: 5"),
    "groups without a column": TABLE.replace("target: y", "target: y\n  split: {by: groups}"),
    "times without a column": TABLE.replace("target: y", "target: y\n  split: {by: time}"),
    "a column for no groups": TABLE.replace("target: y", "target: y\n  split: {column: patient}"),
    "a target that tells the split": TABLE.replace("target: y", "target: y\n  split: {by: groups, column: y}"),
    "strata of numbers": TABLE.replace("classification", "regression").replace(
        "target: y", "target: y\n  split: {by: stratified}"
    ),
    "a text split by chance": TEXT.replace(*OWN_MODEL).replace("txt", "txt\n  split: {by: random}"),
    "files elsewhere": TABLE.replace("table.csv", "../table.csv\n  val_file: /etc/passwd\n  test_file: ~/table.csv"),
    "files that only a shell would find": TABLE.replace(
        "table.csv", "$HOME/table.csv\n  val_file: C:\\data\\val.csv\n  test_file: data\\test.csv"
    ),
    "numbers out of range": GOOD.replace("3e-4", "0")
    + "  betas: [1.0, 1.0]\n  eps: 0\n  weight_decay: -0.01\nclip: {max_norm: 0}\nschedule: {warmup: 1.0}\n",
    "more numbers out of range": GOOD.replace("20", "0").replace("128", "0").replace("3e-4", "-1")
    + "  betas: [-0.1, 99]\nschedule: {warmup: 1.5}\n",
    "shares out of range": GOOD.replace("digits\nmodel", "digits\n  split: {val: 20, test: 1.5}\nmodel"),
    "shares that leave nothing": GOOD.replace("digits\nmodel", "digits\n  split: {val: 0.5, test: 0.5}\nmodel"),
    "a share that leaves nothing with the default": GOOD.replace("digits\nmodel", "digits\n  split: {val: 0.8}\nmodel"),
    "no validation": GOOD.replace("digits\nmodel", "digits\n  split: {val: 0}\nmodel"),
    "text for numbers": GOOD.replace("3e-4", "fast").replace("20", "'20'")
    + "  weight_decay: 1_000\n  eps: 1e-8 # fine\n",
    "fractions for counts": GOOD.replace("20", "1e3").replace("128", "12.5"),
    "true and false for numbers": GOOD.replace("3e-4", "true").replace("20", "false"),
    "nothing for numbers": GOOD.replace("3e-4", "").replace("20", "null"),
    "yes and no for words": GOOD + "schedule: {decay: no}\nclip: {max_norm: off}\n",
    "infinite and endless numbers": GOOD.replace("3e-4", ".inf").replace("20", "9" * 50)
    + "  weight_decay: .nan\n  eps: 1e999\n",
    "lists for numbers": GOOD.replace("3e-4", "[3e-4, 1e-3]").replace("[128]", "128") + "  betas: 0.9\n",
    "too many and too few": GOOD + "  betas: [0.9, 0.99, 0.999]\n",
    "one beta": GOOD + "  betas: [0.9]\n",
    "words among betas": GOOD + "  betas: [0.9, high]\n",
    "values for sections": GOOD.replace("optimizer:\n  lr: 3e-4", "optimizer: 3e-4\nclip: null\nschedule: [cosine]"),
    "mappings for values": GOOD.replace("3e-4", "{start: 3e-4}").replace("name: digits-mlp", "name: {a: b}"),
    "both of two alternatives": GOOD.replace("epochs: 20", "epochs: 20\n  steps: 100")
    .replace("kind: mlp", "kind: mlp\n  python: m.py:build")
    .replace("source:", "python: d.py:load\n  source:"),
    "neither of two alternatives": GOOD.replace("epochs: 20", "epochs: null").replace("kind: mlp", "# kind: mlp"),
    "arguments for a built-in": GOOD.replace("digits\nmodel", "digits\n  args: {n: 3}\nmodel"),
    "options beside code": GOOD.replace("kind: mlp", "python: m.py:build"),
    "targets that are none": GOOD.replace("source: sklearn/digits", "python: d.py").replace(
        "kind: mlp\n  hidden: [128]", "python: 3"
    ),
    "a name that is no folder": GOOD.replace("digits-mlp", "../mine"),
    "a name that is a number": GOOD.replace("digits-mlp", "2024"),
    "a key twice": GOOD + "  lr: 1e-3\noptimizer: {lr: 1}\n",
    "tabs": GOOD.replace("  epochs", "\tepochs"),
    "a missing colon": GOOD.replace("task: ", "task "),
    "a missing space": GOOD.replace("task: ", "task:"),
    "two colons": GOOD.replace("name: digits-mlp", "name: digits: mlp"),
    "indented too deep": GOOD.replace("  hidden", "    hidden"),
    "an open bracket": GOOD.replace("[128]", "[128"),
    "an open brace": GOOD + "clip: {max_norm: 1\n",
    "an open quote": GOOD + "schedule: {decay: 'cosine}\n",
    "something after a value": GOOD.replace("[128]", "[128] [64]"),
    "a kept character": GOOD.replace("sklearn/digits", "@sklearn"),
    "an unknown alias": GOOD.replace("3e-4", "*fast"),
    "a tag": GOOD.replace("3e-4", "!!python/object/apply:os.system ['true']"),
    "two documents": GOOD + "---\n" + GOOD,
    "an alias of itself": GOOD + "clip: &c {max_norm: *c}\n",
    "an alias bomb": "a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n"
    + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 8)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "too deep": "a: " + "[" * 5000,
    "nothing": "# nothing yet\n",
    "a list": "- name: digits\n- task: classification\n",
    "text": "lr = 3e-4\n",
    "not UTF-8": GOOD.replace("digits-mlp", "caf\u00e9").encode("latin-1"),
    "a control character": GOOD.replace("digits-mlp", "dig\x07its"),
    "too large": "# " + "x" * 250_000,
}

OPTIONS: dict[str, list[str]] = {
    "text for a number": ["optimizer.lr=fast"],
    "no value": ["optimizer.lr=", "optimizer.lr"],
    "no key": ["=3", "3", "optimizer..lr=3", "a b=3"],
    "an unknown key": ["optimizer.lrr=1e-3", "optmizer.lr=1e-3", "lr=1e-3"],
    "elements": [
        "optimizer.betas[0]=1.0",
        "optimizer.betas[2]=0.9",
        "optimizer.lr[0]=3",
        "optimizer[0]=3",
        "nothing[0]=3",
    ],
    "below a value": ["optimizer.lr.start=3", "optimizer.betas.first=3"],
    "bad YAML": ["model.hidden=[3", "name=a: b: c", "name=!!python/name:os.system"],
    "both of two alternatives": ["training.epochs=3", "training.steps=3"],
    "a file and options": ["training.seeds=0", "model.hidden[0]=-3", "data.split.test=0.9"],
    "words of other programs": ["training.precision=half", "schedule.decay=constant"],
    "a word for a list": ["optimizer.no_decay=biases"],
    "a list of no numbers": ["optimizer.lr=[low, high]"],
    "a section": ["data.split=0.2"],
    "a task that reads something else": ["reinforcement.entropy=0.1", "data.tokens=bytes"],
    "a long value": ["name=" + "x" * 300],
}


def told(problem: Problem) -> str:
    lines = [f"error: {problem}"]
    if problem.expected:
        lines.append(f"  expected: {problem.expected}")
    if problem.hint:
        lines.append(f"  {problem.hint}")
    return "\n".join(lines)


def messages(text: str | bytes, sets: list[str]) -> str:
    Path("recipe.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        load_recipe(Path("recipe.yaml"), sets=sets, kinds=KINDS, sources=SOURCES)
    except AdamtuneError as error:
        return "\n".join(told(problem) for problem in error.problems)
    return "accepted"


def rendered() -> Iterator[tuple[str, str]]:
    """The title of each case and what is said about it, from an empty current folder."""
    for title, text in RECIPES.items():
        yield title, messages(text, [])
    for title, sets in OPTIONS.items():
        yield f"options: {title}", messages(GOOD, sets)


def as_text(cases: Iterator[tuple[str, str]]) -> str:
    return "\n".join(f"## {title}\n{told}\n" for title, told in cases)


def golden() -> dict[str, str]:
    blocks = GOLDEN.read_text(encoding="utf-8").removeprefix("## ").split("\n## ")
    return {title: body.rstrip("\n") for title, _, body in (block.partition("\n") for block in blocks)}


@pytest.mark.parametrize("title", [*RECIPES, *(f"options: {title}" for title in OPTIONS)])
def test_a_wrong_recipe_is_told_in_exactly_these_words(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if title in RECIPES:
        said = messages(RECIPES[title], [])
    else:
        said = messages(GOOD, OPTIONS[title.removeprefix("options: ")])
    assert said == golden()[title]


def test_no_message_is_without_place_and_advice() -> None:
    """Whoever reads one alone must know where to look and what would have been right."""
    for title, body in golden().items():
        for message in body.split("error: ")[1:]:
            first, *rest = message.strip().splitlines()
            assert first.startswith(("recipe.yaml", "--set ")), title
            assert rest, f"{title}: {first} stands alone"
            assert not first.endswith("."), title
            assert "pydantic" not in message, title


def test_the_golden_file_has_no_message_that_nothing_says() -> None:
    assert set(golden()) == {*RECIPES, *(f"options: {title}" for title in OPTIONS)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        GOLDEN.write_text(as_text(rendered()), encoding="utf-8")
