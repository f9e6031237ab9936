"""Recordings of the child process made into films: every number by step and element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from adamtune.audit.film import SETTINGS, Array, Film, as_array
from adamtune.audit.scenario import Scenario

LIKELY: Final[Mapping[str, float]] = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
"""What a setting that cannot be seen is taken to be: what almost every Adam has."""


def film_of(recording: Mapping[str, Any], scenario: Scenario) -> Film:
    """The film of one recording; the gradient's sign is turned for a class that was told to maximize.

    Args:
        recording: What `drive.record` wrote, without an error.
        scenario: What it was made from.
    """
    scenario = replace(scenario, tensors=tuple(tuple(shape) for shape in recording["tensors"]))
    numels = scenario.numels
    tensor = np.repeat(np.arange(len(numels)), numels)
    group = np.asarray(scenario.group_of)[tensor]
    before, after = as_array(recording["before"]), as_array(recording["after"])
    n_steps = len(before)
    factors = as_array([scenario.lr_factor(step) for step in range(n_steps)])[:, None]
    settings = {name: _over_elements(name, recording["settings"], group, n_steps) for name in SETTINGS}
    settings["lr"] = settings["lr"] * factors
    sign = -1.0 if recording["maximize"] else 1.0
    return Film(
        name=scenario.name,
        dtype=recording["dtype"],
        tensor=tensor,
        group=group,
        before=before,
        moved=after - before,
        gradient=sign * scenario.gradients(recording["dtype"])[:n_steps] * scenario.present()[:n_steps, tensor],
        present=scenario.present()[:n_steps, tensor],
        **settings,
        defaults={name: _known(name, recording["defaults"]) for name in SETTINGS},
        load_before=scenario.load_before,
    )


def _known(name: str, settings: Mapping[str, float | None]) -> float:
    value = settings[name]
    return LIKELY[name] if value is None else value


def _over_elements(name: str, of_groups: list[Mapping[str, float | None]], group: Any, n_steps: int) -> Array:
    values = as_array([_known(name, settings) for settings in of_groups])[group]
    return np.broadcast_to(values, (n_steps, len(values)))
