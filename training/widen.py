"""Where a PRM or a larger policy starts: a trained policy, made wider and deeper without changing what it says.

A larger policy (`grown`) goes on learning with all its weights (Net2Net, Chen et al. 2016).

A PRM (`widened`) has to compare each token with what the model had expected there. In a small model the states soon
hold the expectation of the next token and hardly a trace of the token itself, so the comparison is slow to learn. Here
the lower blocks are the language model's own, and stay as they are; every token's identity travels beside them in
channels of its own, which no block writes to; most heads of the first new blocks look at the token before, where its
successor was expected, from the start; the new blocks see it all and learn to compare.

Shapes: w the old width, W the new one; channels w to W hold the identity.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.model import HEAD, Block, Llama, Shape, frequencies

CALM = 0.1  # factor on the residual stream: what new blocks write is small at first, and must not drown in it
IDENTITY = 0.002  # of a channel; small beside an embedding's 0.014, so the old blocks' norms hardly notice
LOOKERS = 2  # new blocks with heads that begin by looking back
SHARP = 20.0  # puts 0.99 of such a head's attention on the token before
SEEN = 4.0  # what new blocks see of the identity, beside states of about 1


@torch.no_grad()
def grown(base: Llama, layers: int, width: int) -> Llama:
    """A Llama of `layers` x `width` that says at first what the base says; what is new is random and yet unheard."""
    w = base.shape.width
    model = Llama(Shape(layers, width, base.shape.vocabulary))
    model.embedding.weight[:, :w] = base.embedding.weight
    model.embedding.weight[:, w:] *= IDENTITY / model.embedding.weight[:, w:].square().mean().sqrt()
    for block, source in zip(model.blocks, base.blocks, strict=False):
        _embed(block, source, (w / width) ** 0.5, calm=1.0)
    model.norm.weight[:w] = base.norm.weight * (w / width) ** 0.5
    return model


@torch.no_grad()
def widened(base: Llama, layers: int, width: int) -> Llama:
    """A Llama of `layers` x `width` whose lower blocks do what the base, narrower and shallower, does."""
    old, w = base.shape, base.shape.width
    model = Llama(Shape(layers, width, old.vocabulary))
    model.embedding.weight[:, :w] = base.embedding.weight * CALM
    model.embedding.weight[:, w:] = IDENTITY * _codes(base, width - w)
    for block, source in zip(model.blocks, base.blocks, strict=False):
        _embed(block, source, (w / width) ** 0.5)
    for block in model.blocks[old.layers :]:
        block.attn_norm.weight[w:] = block.ffn_norm.weight[w:] = SEEN / IDENTITY
    for block in model.blocks[old.layers : old.layers + LOOKERS]:
        _look_back(block, old.heads)
    model.norm.weight[:w] = base.norm.weight * (w / width) ** 0.5 / CALM
    return model


def _codes(base: Llama, channels: int) -> Tensor:
    """What tells the tokens apart where the base predicts them, [V, channels], each channel with a mean square of 1.

    The principal components of the output embedding, so that what was expected at a token and what came are compared
    by a plain inner product. The last channel is the same for all tokens.
    """
    weights = base.embedding.weight * base.norm.weight
    left, sizes, _ = torch.linalg.svd(weights - weights.mean(0), full_matrices=False)
    codes = left[:, : channels - 1] * sizes[: channels - 1].sqrt()  # half whitened: small ones are to be seen, too
    return F.pad(codes / codes.square().mean().sqrt(), (0, 1), value=1.0)


def _look_back(block: Block, heads: int) -> None:
    """Heads that attend to the token before, whatever the tokens are; what they read there is left to training.

    Queries and keys come from the channel that is the same for all tokens. Keys are turned on by one position, so the
    fast pairs agree best (4 at the token before, at most 3.3 elsewhere); the slow pairs, which hardly turn, subtract
    3.65. So the score is above zero there and below zero elsewhere, however large the key is.
    """
    queries, keys, _ = block.qkv.weight.view(3, block.heads, HEAD, -1)[:, :heads]
    queries.zero_()
    keys.zero_()
    turns = frequencies(queries.device)
    share = torch.zeros(HEAD // 2)
    share[:4], share[-2:] = 1.0, -3.65 / 2
    size = (SHARP * HEAD**0.5 * share.abs()).sqrt()
    queries[:, 0::2, -1] = size
    keys[:, 0::2, -1] = size * share.sign() * turns.cos()
    keys[:, 1::2, -1] = size * share.sign() * turns.sin()


def _embed(block: Block, source: Block, scale: float, calm: float = CALM) -> None:
    """Put `source` in the corner of a wider block; its other heads and units stay random, but nobody hears them.

    `scale` makes up for the norm over more channels, `calm` is the factor on what is written.
    """
    w, wide, units = source.out.in_features, block.out.in_features, source.down.in_features
    block.attn_norm.weight[:w] = source.attn_norm.weight * scale
    block.ffn_norm.weight[:w] = source.ffn_norm.weight * scale
    _into_corner(block.qkv.weight.view(3, -1, wide), source.qkv.weight.view(3, -1, w))
    _into_corner(block.gate_up.weight.view(2, -1, wide), source.gate_up.weight.view(2, units, w))
    for matrix, narrow in ((block.out, source.out), (block.down, source.down)):
        matrix.weight.zero_()
        matrix.weight[:w, : narrow.in_features] = narrow.weight * calm


def _into_corner(matrices: Tensor, narrow: Tensor) -> None:
    """The first rows become `narrow`, and read from no new channel."""
    rows, w = narrow.shape[1:]
    matrices[:, :rows, :w] = narrow
    matrices[:, :rows, w:] = 0


@torch.no_grad()
def keep_identity(blocks: nn.ModuleList, w: int) -> None:
    """Undo what an optimiser's step would let blocks write to the identity channels."""
    for block in blocks:
        block.out.weight[w:] = 0
        block.down.weight[w:] = 0
