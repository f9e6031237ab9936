"""What a recipe is, once every default has been filled in.

No field has a default here: defaults come from `configs/baseline.yaml` alone.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Task = Literal["classification", "regression"]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]


class Section(BaseModel):
    """A frozen part of a recipe; a key that nothing reads is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Split(Section):
    """Shares of all examples that are held out, and the seed that draws them."""

    val: Fraction
    test: Annotated[float, Field(ge=0, lt=1)]
    seed: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _leaves_training_data(self) -> Split:
        if self.val + self.test >= 1:
            raise ValueError("val and test together leave nothing to train on")
        return self


class Data(Section):
    """Where examples come from. Exactly one of `source` and `python` is set."""

    source: str | None = None
    python: str | None = None
    args: dict[str, Any] = {}
    split: Split
    normalize: Literal["none", "standard", "minmax"]
    normalize_target: Literal["none", "standard"]


class Model(BaseModel):
    """Which network. Exactly one of `kind` and `python` is set.

    Beside `kind` stand the options of that model family (`hidden: [128]`); the family's own file
    says which there are, and they are checked against it when a recipe is loaded.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    kind: str | None = None
    python: str | None = None
    args: dict[str, Any] = {}

    @property
    def options(self) -> dict[str, Any]:
        """The model family's own keys, defaults included."""
        return dict(self.model_extra or {})


class Training(Section):
    """How long, in what batches, where, and how often repeated. One of `epochs` and `steps` is set."""

    epochs: Annotated[int, Field(ge=1)] | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    batch_size: Annotated[int, Field(ge=1)]
    eval_every: Annotated[int, Field(ge=1)] | None
    device: Literal["auto", "cpu", "cuda", "mps"]
    precision: Literal["fp32"]
    strategy: Literal["auto", "vectorized", "loop"]
    seeds: Annotated[int, Field(ge=1, le=1000)]
    seed: Annotated[int, Field(ge=0)]


class Optimizer(Section):
    """Adam's own settings. With `name: adam`, weight_decay is L2 inside the gradient."""

    name: Literal["adamw", "adam"]
    lr: Annotated[float, Field(gt=0)]
    betas: Annotated[list[Beta], Field(min_length=2, max_length=2)]
    eps: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]


class Clip(Section):
    """Largest global gradient norm before the update; null switches clipping off."""

    max_norm: Annotated[float, Field(gt=0)] | None


class Schedule(Section):
    """The factor on lr: linear warmup (steps, or a fraction of all steps), then decay to zero."""

    warmup: Annotated[int, Field(ge=0)] | Fraction
    decay: Literal["none", "cosine", "linear"]


class Recipe(Section):
    """A model, its data and its training, with nothing left open."""

    name: Name
    task: Task
    data: Data
    model: Model
    training: Training
    optimizer: Optimizer
    clip: Clip
    schedule: Schedule
