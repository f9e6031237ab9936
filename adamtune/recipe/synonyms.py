"""Names that other programs use for what a recipe calls otherwise: keys, and the words that keys take."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final


def _of(names: Mapping[str, str]) -> dict[str, str]:
    """One entry for each of the words that stand after a key path."""
    return {word: target for target, words in names.items() for word in words.split()}


SYNONYMS: Final[Mapping[str, str]] = _of(
    {
        "task": "objective problem problem_type",
        "data.source": "dataset",
        "data.file": "csv path filename train_file train_path data_file parquet",
        "data.environment": "env env_id env_name gym gym_id",
        "data.val_file": "validation_file valid_file eval_file dev_file",
        "data.target": "label labels y target_column label_column y_column",
        "data.drop": "ignore exclude drop_columns columns_to_drop ignore_columns",
        "data.categorical": "cat_features categorical_features categories nominal",
        "data.context": "context_length context_size block_size seq_len sequence_length max_length n_ctx window bptt",
        "data.tokens": "vocab vocabulary tokenizer token_level",
        "data.normalize": "scale scaler scaling standardize normalization normalisation",
        "data.split": "split_ratio train_test_split",
        "data.split.val": "validation val_split validation_split val_size",
        "data.split.test": "test_split test_size",
        "data.split.by": "stratify split_by method",
        "data.split.column": "group_column time_column date_column",
        "model.kind": "type family architecture arch",
        "model.hidden": "hidden_sizes layers widths hidden_layers hidden_dims",
        "training.epochs": "max_epochs n_epochs num_epochs num_train_epochs",
        "training.steps": "max_steps n_steps num_steps iterations total_timesteps",
        "training.batch_size": "bs batch per_device_train_batch_size",
        "training.eval_every": "eval_steps eval_interval val_check_interval eval_freq",
        "training.accumulate": "gradient_accumulation_steps accumulate_grad_batches grad_accum accumulation_steps",
        "training.device": "accelerator gpu cuda",
        "training.precision": "dtype amp mixed_precision fp16 bf16 torch_dtype",
        "training.seeds": "n_seeds num_seeds repeats n_repeats",
        "training.seed": "random_state random_seed",
        "training.init_seed": "model_seed weight_seed",
        "training.data_seed": "batch_seed shuffle_seed",
        "training.label_smoothing": "label_smooth smoothing label_smoothing_factor",
        "training.early_stopping": "patience early_stop early_stopping_patience es_patience",
        "training.keep": "restore_best_weights load_best_model_at_end save_best checkpoint",
        "optimizer.name": "optim optimizer_type",
        "optimizer.lr": "learning_rate learning_rate_init base_lr",
        "optimizer.betas": "beta1 beta2 beta_1 beta_2 adam_beta1 adam_beta2",
        "optimizer.eps": "epsilon adam_epsilon",
        "optimizer.weight_decay": "wd l2 l2_reg",
        "optimizer.no_decay": "no_weight_decay exclude_from_weight_decay",
        "clip.max_norm": "max_grad_norm gradient_clip_val clip_norm clipnorm grad_clip clip_grad_norm",
        "clip.max_value": "clip_value clipvalue clip_grad_value",
        "schedule.warmup": "warmup_steps warmup_ratio warmup_epochs warmup_fraction",
        "schedule.decay": "lr_decay scheduler lr_schedule lr_scheduler lr_scheduler_type",
        "reinforcement.discount": "gamma discount_factor",
        "reinforcement.entropy": "entropy_coef ent_coef entropy_coefficient entropy_weight entropy_bonus",
        "reinforcement.value_weight": "value_coef vf_coef value_loss_coef baseline_weight",
        "reinforcement.eval_episodes": "n_eval_episodes num_eval_episodes test_episodes",
    }
)
"""Where the setting stands that another program has under this key."""

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "task": _of(
        {
            "classification": "classify classifier binary multiclass categorical classes",
            "regression": "regress regressor continuous numeric",
            "language-model": "lm llm language text causal-lm text-generation generation char-lm",
            "reinforcement": "rl policy reinforcement-learning control",
        }
    ),
    "data.tokens": _of({"characters": "char chars character letters word words bpe", "bytes": "byte utf-8 utf8 raw"}),
    "data.normalize": _of(
        {
            "standard": "z-score zscore standardize standardise standardscaler true yes",
            "minmax": "min-max minmaxscaler 0-1",
        }
    ),
    "data.normalize_target": _of({"standard": "z-score zscore standardize standardise true yes"}),
    "data.split.by": _of(
        {
            "random": "shuffle shuffled",
            "stratified": "stratify class label",
            "groups": "group grouped patient user",
            "time": "temporal chronological date order",
        }
    ),
    "training.device": _of({"cuda": "gpu cuda:0 nvidia", "mps": "metal apple"}),
    "training.precision": _of(
        {
            "fp32": "32 float32 float single full 32-true fp64 float64 64 tf32",
            "bf16": "bfloat16 bf16-mixed bf mixed amp",
            "fp16": "16 float16 half 16-mixed",
        }
    ),
    "training.strategy": _of({"vectorized": "vmap parallel", "loop": "sequential serial"}),
    "training.keep": _of({"best": "best_val min lowest", "last": "final latest end"}),
    "optimizer.name": _of(
        {
            "adamw": "adamw8bit adamwscale adamw_torch adamw_torch_fused adamw_hf",
            "sgd": "momentum nesterov sgdm sgd_momentum",
            "nadamw": "nadam",
            "rmsprop": "rms rms_prop",
            "lion": "lion_32bit lion8bit evolved-sign-momentum",
        }
    ),
    "optimizer.no_decay": _of({"bias": "biases", "norm": "norms layernorm layer_norm batchnorm batch_norm ln bn"}),
    "schedule.decay": _of(
        {
            "none": "constant const flat fixed constant_with_warmup",
            "cosine": "cosineannealing cosine_annealing cos onecycle",
            "linear": "lin polynomial poly",
            "inverse-sqrt": "inverse_sqrt inv_sqrt rsqrt noam isr",
        }
    ),
}


def meant(path: str, value: Any, words: Collection[str]) -> str | None:
    """The word of a key that another program's word for it means, or None.

    >>> meant("training.precision", "Float16", ("fp32", "bf16", "fp16"))
    'fp16'
    """
    found = _WORDS.get(path, {}).get(str(value).strip().lower())
    return found if found is not None and found in words else None
