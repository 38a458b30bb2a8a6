"""The Llama architecture in PyTorch, small: RMSNorm, rotary positions (interleaved pairs, as llama.cpp runs
them), SwiGLU, no biases, input and output embedding tied.

Covers what nano needs and no more: no grouped heads, no cache. Shapes: B rows, T tokens, D width, H heads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROPE_BASE = 10_000.0
EPSILON = 1e-5
HEAD = 32  # one size of head for every width


@dataclass(frozen=True)
class Shape:
    """One dial a model: the rest follows."""

    layers: int
    width: int
    vocabulary: int

    @property
    def heads(self) -> int:
        return self.width // HEAD

    @property
    def feed_forward(self) -> int:
        """8/3 of the width, up to a multiple of 32 (the block of Q8_0)."""
        return -(-self.width * 8 // 3 // 32) * 32


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.attn_norm, self.ffn_norm = nn.RMSNorm(width, EPSILON), nn.RMSNorm(width, EPSILON)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.gate_up = nn.Linear(width, 2 * shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, width, bias=False)
        self.heads = shape.heads

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        rows, length, width = x.shape
        q, k, v = self.qkv(self.attn_norm(x)).view(rows, length, 3, self.heads, HEAD).unbind(2)  # B T H 32
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mixed = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask)
        x = x + self.out(mixed.transpose(1, 2).reshape(rows, length, width))
        gate, up = self.gate_up(self.ffn_norm(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x: B T H 32; cos, sin: B T 1 16."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2).type_as(x)


class Llama(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, EPSILON)
        self.apply(self._initialise)

    def _initialise(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=self.shape.width**-0.5)
        if isinstance(module, Block):
            nn.init.zeros_(module.out.weight)
            nn.init.zeros_(module.down.weight)
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)

    def forward(self, tokens: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """tokens, positions: B T; mask: B 1 T T, true where attention may look. The normed states, B T D."""
        return self.norm(run(self.blocks, self.embedding(tokens), positions, mask))

    def logits(self, states: Tensor) -> Tensor:
        return F.linear(states, self.embedding.weight)


def run(blocks: Iterable[nn.Module], x: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
    """Send x, B T D, through some blocks; shapes as in `Llama.forward`."""
    angles = positions[..., None] * frequencies(x.device)  # B T 16
    cos, sin = angles.cos()[:, :, None], angles.sin()[:, :, None]
    for block in blocks:
        x = block(x, cos, sin, mask)
    return x


def frequencies(device: torch.device) -> Tensor:
    """16 turns per position, fastest first."""
    return ROPE_BASE ** (-torch.arange(0, HEAD, 2, device=device, dtype=torch.float32) / HEAD)


def parameter_count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
