"""A user's own network with a bug in it; copied beside the recipe of a case."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from adamtune.models.build import families
from adamtune.models.family import Need


class NaiveLogSoftmax(nn.Module):
    """Logits as log-probabilities the hand-written way: exp overflows."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.log(torch.exp(z) / torch.exp(z).sum(dim=-1, keepdim=True))


def build(input_shape: tuple[int, ...], output_size: int, *, family: dict[str, Any], bug: str = "") -> nn.Module:
    """A network of a built-in family, spoiled."""
    options = {key: value for key, value in family.items() if key != "kind"}
    known = families()[family["kind"]]
    net = known.build(known.options.model_validate(options), Need("classification", input_shape, output_size))
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        if bug == "dead":
            for layer in layers[:-1]:
                layer.bias.fill_(-3.0) if layer is not layers[0] else layer.bias.fill_(-8.0)
        elif bug == "constant":
            for parameter in net.parameters():
                parameter.fill_(0.01)
        elif bug == "loud-end":
            layers[-1].weight.mul_(60)
    if bug == "softmax":
        return nn.Sequential(net, nn.Softmax(dim=-1))
    return nn.Sequential(net, NaiveLogSoftmax()) if bug == "naive-log-softmax" else net
