"""Attention blocks, and the two networks that are made of them.

Source:
    Vaswani et al. 2017, "Attention is all you need", with the norm before each half of a block as in Xiong et
    al. 2020, "On layer normalization in the transformer architecture": it trains without warmup. Embeddings of
    standard deviation 0.02: Radford et al. 2019 (GPT-2). Everything else starts as torch sets it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from adamtune.models.layers.sequence import Steps, real_steps

EMBEDDING_STD: Final = 0.02
WIDEST: Final = 256
"""Widths beyond this get smaller embeddings. The logits of a normalised step have the variance width * std^2, and the
first loss exceeds ln(n_tokens) by half of it: 0.05 nats at the most, hardly more than guessing costs."""


def embedding_std(width: int) -> float:
    """Standard deviation of initial embeddings: 0.02, and above a width of 256 less, by its square root."""
    return EMBEDDING_STD * min(1.0, math.sqrt(WIDEST / width))


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a stack of blocks.

    Args:
        width: Numbers of each step, between the blocks.
        heads: Attention heads; divides `width`.
        layers: Blocks.
        mlp_factor: Hidden units of a block's second half, per number of `width`.
        rate: Share that training drops of what each half adds, and of the embedding.
    """

    width: int
    heads: int
    layers: int
    mlp_factor: int
    rate: float


class Attention(nn.Module):
    """Several heads of attention over the steps of [B, T, width].

    Plain products: torch's fused attention has no batched form on the CPU, so that `vmap` runs it member by member
    and says so in a warning. 16 members, width 64, 4 heads, batch 32, 64 steps, forward and backward, one thread:
    192 ms plain and 238 ms fused under `vmap`, 121 and 122 ms in the loop; width 32, 16 steps: 30 and 50 ms, 33 and
    37 ms.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inputs, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Returns [B, T, width]. `bias` is added to the scores [B, heads, T, T]: 0, or -inf where none may look."""
        batch, steps, width = x.shape
        size = width // self.heads
        query, key, value = self.inputs(x).view(batch, steps, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        scores = (query * size**-0.5) @ key.transpose(-1, -2) + bias
        mixed = scores.softmax(dim=-1) @ value
        output: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return output


class Block(nn.Module):
    """Attention, then two fully connected layers; each half is normalised first and added to what came in."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(shape.width), Attention(shape.width, shape.heads)
        self.norm2, hidden = nn.LayerNorm(shape.width), shape.mlp_factor * shape.width
        self.mlp = nn.Sequential(nn.Linear(shape.width, hidden), nn.GELU(), nn.Linear(hidden, shape.width))
        self.dropout1, self.dropout2 = _dropout(shape.rate), _dropout(shape.rate)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Returns [B, T, width]; `bias` as for `Attention`."""
        x = x + self.dropout1(self.attention(self.norm1(x), bias))
        output: Tensor = x + self.dropout2(self.mlp(self.norm2(x)))
        return output


class Blocks(nn.Module):
    """Dropout, the blocks, and a last norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.dropout = _dropout(shape.rate)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Returns [B, T, width]; `bias` as for `Attention`."""
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, bias)
        output: Tensor = self.norm(x)
        return output


class CausalTransformer(nn.Module):
    """A language model: int64 tokens [B, T] to logits [B, T, n_tokens], each of which sees no later token.

    Args:
        n_tokens: Size of the vocabulary.
        n_steps: Longest text, T.
        shape: Sizes of the blocks.
        tie: Whether the logits are products with the token embeddings themselves (Press & Wolf 2017, "Using the
            output embedding to improve language models").
    """

    def __init__(self, n_tokens: int, n_steps: int, shape: Shape, *, tie: bool) -> None:
        super().__init__()
        self.tokens = nn.Embedding(n_tokens, shape.width)
        self.positions = _positions(n_steps, shape.width)
        self.blocks = Blocks(shape)
        self.output = None if tie else nn.Linear(shape.width, n_tokens, bias=False)
        for table in (self.tokens, self.output):
            if table is not None:
                nn.init.normal_(table.weight, std=embedding_std(shape.width))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits of each next token, [B, T, n_tokens]."""
        n_steps = x.shape[1]
        # Made anew each time: as a buffer it would be stored once per member.
        later = torch.full((n_steps, n_steps), -math.inf, device=x.device).triu(diagonal=1)
        hidden = self.blocks(self.tokens(x) + self.positions[:n_steps], later)
        return functional.linear(hidden, self.tokens.weight if self.output is None else self.output.weight)


class SequenceEncoder(nn.Module):
    """Float sequences to one output each: every step sees every real step, and the mean of the real ones counts.

    Args:
        n_steps: Longest sequence, T. Shorter ones, and those with zeros in front, end at the same position.
        channels: Numbers of each step, C.
        output_size: Numbers that go out.
        shape: Sizes of the blocks.
    """

    def __init__(self, n_steps: int, channels: int, output_size: int, shape: Shape) -> None:
        super().__init__()
        self.steps = Steps()
        self.inputs = nn.Linear(channels, shape.width)
        self.positions = _positions(n_steps, shape.width)
        self.blocks = Blocks(shape)
        self.output = nn.Linear(shape.width, output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Returns [B, output_size] for examples that `sequence_shape` knows."""
        x = self.steps(x)
        real = real_steps(x)
        padding = torch.zeros((), device=x.device).masked_fill(~real, -math.inf)[:, None, None, :]
        hidden = self.blocks(self.inputs(x) + self.positions[-x.shape[1] :], padding)
        weight = real.to(hidden.dtype).unsqueeze(-1)
        output: Tensor = self.output((hidden * weight).sum(dim=1) / weight.sum(dim=1))
        return output


def _positions(n_steps: int, width: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(n_steps, width).normal_(std=embedding_std(width)))


def _dropout(rate: float) -> nn.Module:
    return nn.Dropout(rate) if rate > 0 else nn.Identity()
