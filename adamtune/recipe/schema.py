"""What a recipe is, once every default has been filled in.

No field has a default here: defaults come from `configs/baseline.yaml` alone. A field's
description is what an error says was expected, its first example what an error proposes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from adamtune.recipe.optimizers import NAME_PATTERN, known_optimizer

LARGEST_SEED = 2**32 - 1  # what numpy's and scikit-learn's generators take

Task = Literal["classification", "regression", "language-model", "reinforcement"]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED, description=f"a whole number from 0 to {LARGEST_SEED}")]
Count = Annotated[int, Field(ge=1, le=10**9)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]
TARGET = "file.py:function beside the recipe, or package.module:function of an installed package"


class Section(BaseModel):
    """A frozen part of a recipe; a key that nothing reads is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Options(Section):
    """Base of a model family's own keys.

    Attributes:
        unfit: Tasks that such a network cannot learn, each with the reason in a few words. They are refused
            when a recipe is loaded.
    """

    unfit: ClassVar[Mapping[Task, str]] = {}


class Split(Section):
    """Shares of all examples that are held out, and how they are drawn."""

    val: Annotated[Fraction, Field(description="a share of all examples, above 0 and below 1", examples=[0.2])]
    test: Annotated[
        float,
        Field(ge=0, lt=1, description="a share of all examples, from 0 (no test split) to below 1", examples=[0.2]),
    ]
    seed: Annotated[Seed, Field(examples=[0])]
    by: Annotated[Literal["auto", "random", "stratified", "groups", "time"], Field(examples=["auto"])]
    column: Annotated[
        Column | None, Field(description="the column of a table that names groups or times", examples=["patient"])
    ] = None

    @model_validator(mode="after")
    def _leaves_training_data(self) -> Split:
        if self.val + self.test >= 1:
            raise ValueError("val and test together leave nothing to train on")
        return self


class Data(Section):
    """Where examples come from. Exactly one of `source`, `file`, `python` and `environment` is set.

    What has a default here is left out of a written recipe while it has it.
    """

    source: Annotated[str | None, Field(description="a built-in source", examples=["sklearn/digits"])] = None
    file: Annotated[str | None, Field(description="a file at or below the recipe's folder", examples=["table.csv"])] = (
        None
    )
    environment: Annotated[
        str | None, Field(description="a gymnasium environment, for task: reinforcement", examples=["CartPole-v1"])
    ] = None
    python: Annotated[str | None, Field(description=TARGET, examples=["my_data.py:load"])] = None
    args: Annotated[
        dict[str, Any], Field(description="keys and values for the function of data.python", examples=["{n: 3}"])
    ] = {}
    val_file: Annotated[
        str | None, Field(description="a file like data.file, which is the validation split", examples=["val.csv"])
    ] = None
    test_file: Annotated[
        str | None, Field(description="a file like data.file, which is the test split", examples=["test.csv"])
    ] = None
    target: Annotated[
        Column | None, Field(description="the column of a table that is to be predicted", examples=["label"])
    ] = None
    drop: Annotated[
        list[Column], Field(description="a list of columns that a model must not see", examples=["[id]"])
    ] = []
    categorical: Annotated[
        list[Column], Field(description="a list of columns whose numbers are names, not sizes", examples=["[zip_code]"])
    ] = []
    context: Annotated[
        Count,
        Field(description="a whole number of tokens that a language model sees at once, at least 1", examples=[64]),
    ]
    tokens: Annotated[Literal["characters", "bytes"], Field(examples=["characters"])]
    split: Annotated[Split, Field(examples=["{val: 0.2, test: 0.2}"])]
    normalize: Annotated[Literal["none", "standard", "minmax"], Field(examples=["standard"])]
    normalize_target: Annotated[Literal["none", "standard"], Field(examples=["standard"])]


class Model(BaseModel):
    """Which network. Exactly one of `kind` and `python` is set.

    Beside `kind` stand the options of that model family (`hidden: [128]`); the family's own file
    says which there are, and they are checked against it when a recipe is loaded.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    kind: Annotated[str | None, Field(description="a built-in model family", examples=["mlp"])] = None
    python: Annotated[str | None, Field(description=TARGET, examples=["my_model.py:build"])] = None
    args: Annotated[
        dict[str, Any], Field(description="keys and values for the function of model.python", examples=["{width: 64}"])
    ] = {}

    @property
    def options(self) -> dict[str, Any]:
        """The model family's own keys, defaults included."""
        return dict(self.model_extra or {})


class Training(Section):
    """How long, in what batches, where, and how often repeated. One of `epochs` and `steps` is set."""

    epochs: Annotated[
        Count | None, Field(description="a whole number of passes over the training data, at least 1", examples=[20])
    ] = None
    steps: Annotated[Count | None, Field(description="a whole number of updates, at least 1", examples=[2000])] = None
    batch_size: Annotated[Count, Field(description="a whole number of examples, at least 1", examples=[64])]
    eval_every: Annotated[
        Count | None, Field(description="a whole number of steps, or null: once an epoch", examples=["null"])
    ]
    accumulate: Annotated[
        Count, Field(description="a whole number of batches whose gradients make one update, at least 1", examples=[1])
    ]
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Field(examples=["auto"])]
    precision: Annotated[Literal["fp32", "bf16", "fp16"], Field(examples=["fp32"])]
    strategy: Annotated[Literal["auto", "batched", "vectorized", "loop"], Field(examples=["auto"])]
    seeds: Annotated[
        int, Field(ge=1, le=1000, description="how many repeats: a whole number from 1 to 1000", examples=[3])
    ]
    seed: Annotated[Seed, Field(examples=[0])]
    init_seed: Annotated[
        Seed | None,
        Field(description="one seed for the initial weights of all repeats, or null: each its own", examples=["null"]),
    ]
    data_seed: Annotated[
        Seed | None,
        Field(description="one seed for the batches of all repeats, or null: each its own", examples=["null"]),
    ]
    label_smoothing: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="the share of a label that is spread over all classes, from 0 (none) to below 1",
            examples=[0.1],
        ),
    ]
    early_stopping: Annotated[
        Count | None,
        Field(
            description="a whole number of evaluations without a lower val loss, after which to stop, or null: never",
            examples=[10],
        ),
    ]
    keep: Annotated[Literal["last", "best"], Field(examples=["best"])]


class Optimizer(Section):
    """Which optimizer, and its settings. With `name: adam`, weight_decay is L2 inside the gradient.

    Which of the settings an optimizer reads stands in `recipe/optimizers.py`; the others change nothing, and a recipe
    that sets one of them is refused.
    """

    name: Annotated[
        str, Field(pattern=NAME_PATTERN, description="the name of an optimizer, such as adamw", examples=["adamw"])
    ]
    lr: Annotated[float, Field(gt=0, description="a number above 0", examples=["3e-4"])]
    betas: Annotated[
        list[Beta],
        Field(
            min_length=2,
            max_length=2,
            description="two numbers in [0, 1): beta1 for the mean of the gradients, beta2 for that of their squares",
            examples=["[0.9, 0.999]"],
        ),
    ]
    eps: Annotated[float, Field(gt=0, description="a number above 0", examples=["1e-8"])]
    momentum: Annotated[
        Annotated[float, Field(ge=0, lt=1)] | None,
        Field(description="a number in [0, 1), 0 for none, or null: the optimizer's own", examples=[0.9]),
    ] = None
    weight_decay: Annotated[float, Field(ge=0, description="a number of at least 0; 0 is none", examples=[0.01])]
    no_decay: Annotated[
        list[Literal["bias", "norm"]],
        Field(description="what weight_decay leaves alone, a list: bias, norm, both, or []", examples=["[bias, norm]"]),
    ]

    @property
    def momentum_or_own(self) -> float:
        """The momentum, or that of the optimizer itself where the recipe has none; 0 where it reads none."""
        known = known_optimizer(self.name)
        own = known.defaults.get("momentum", 0.0) if known is not None else 0.0
        return float(own if self.momentum is None else self.momentum)


class Clip(Section):
    """Largest gradient before the update, by global norm and by element; null switches either off."""

    max_norm: Annotated[
        Annotated[float, Field(gt=0)] | None,
        Field(description="a number above 0, or null: no clipping", examples=["null"]),
    ]
    max_value: Annotated[
        Annotated[float, Field(gt=0)] | None,
        Field(description="a number above 0 for each element, or null: no clipping", examples=["null"]),
    ]


class Schedule(Section):
    """The factor on lr: linear warmup (steps, or a fraction of all steps), then decay."""

    warmup: Annotated[
        Annotated[int, Field(ge=0, le=10**9)] | Fraction,
        Field(description="a whole number of steps, or a fraction of all steps below 1", examples=["0.05"]),
    ]
    decay: Annotated[Literal["none", "cosine", "linear", "inverse-sqrt"], Field(examples=["cosine"])]


class Reinforcement(Section):
    """How a policy learns from rewards; read for `task: reinforcement` alone."""

    discount: Annotated[
        float,
        Field(ge=0, le=1, description="a number from 0 to 1: what a reward is worth one step later", examples=[0.99]),
    ]
    entropy: Annotated[
        float,
        Field(ge=0, description="a number of at least 0, the weight of the entropy bonus; 0 is none", examples=[0.01]),
    ]
    value_weight: Annotated[
        float,
        Field(ge=0, description="a number of at least 0, the weight of the value baseline's loss", examples=[0.5]),
    ]
    eval_episodes: Annotated[
        Count, Field(description="a whole number of episodes to play at each evaluation, at least 1", examples=[10])
    ]


class Recipe(Section):
    """A model, its data and its training, with nothing left open."""

    name: Annotated[
        Name,
        Field(
            description="letters, digits, dots, dashes, underscores, a letter or digit first; it names the run folder"
        ),
    ]
    task: Annotated[Task, Field(examples=["classification"])]
    data: Annotated[Data, Field(examples=["{source: sklearn/digits}"])]
    model: Annotated[Model, Field(examples=["{kind: mlp, hidden: [128]}"])]
    training: Annotated[Training, Field(examples=["{epochs: 20}"])]
    optimizer: Annotated[Optimizer, Field(examples=["{lr: 3e-4}"])]
    clip: Annotated[Clip, Field(examples=["{max_norm: null}"])]
    schedule: Annotated[Schedule, Field(examples=["{warmup: 0.05, decay: cosine}"])]
    reinforcement: Annotated[Reinforcement, Field(examples=["{entropy: 0.01}"])]
