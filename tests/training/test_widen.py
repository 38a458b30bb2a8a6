"""A PRM's beginning says what its base says, and its identity channels pass all blocks. Needs the extra [train]."""

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402

from training.model import HEAD, Llama, Shape, frequencies, rotate, run  # noqa: E402
from training.widen import IDENTITY, grown, keep_identity, widened  # noqa: E402

W, WIDE, BASE_LAYERS, LAYERS, VOCABULARY, LENGTH = 64, 96, 2, 4, 50, 24


@pytest.fixture(scope="module")
def base():
    torch.manual_seed(0)
    base = Llama(Shape(BASE_LAYERS, W, VOCABULARY))
    for parameter in base.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    return base.eval()


@pytest.fixture(scope="module")
def inputs():
    tokens = torch.randint(0, VOCABULARY, (3, LENGTH), generator=torch.Generator().manual_seed(1))
    positions = torch.arange(LENGTH).expand(3, LENGTH)
    mask = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()[None, None]
    return tokens, positions, mask


@torch.no_grad()
def test_a_widened_model_predicts_what_its_base_predicts(base, inputs):
    model = widened(base, LAYERS, WIDE)
    states = model(*inputs)  # new blocks are the identity until they are trained
    logits = states[..., :W] @ model.embedding.weight[:, :W].T
    torch.testing.assert_close(
        logits, base.logits(base(*inputs)), rtol=0.02, atol=0.05
    )  # the identity adds a little to the norms


@torch.no_grad()
def test_a_grown_policy_says_what_its_base_says(base, inputs):
    model = grown(base, LAYERS, WIDE)
    torch.testing.assert_close(model.logits(model(*inputs)), base.logits(base(*inputs)), rtol=0.02, atol=0.05)


def test_everything_in_a_grown_policy_learns(base, inputs):
    """What is new is unheard at first; after one step every weight has a gradient."""
    torch.manual_seed(0)
    model = grown(base, LAYERS, WIDE)
    optimiser = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(2):
        optimiser.step()
        optimiser.zero_grad()
        F.cross_entropy(model.logits(model(*inputs)).flatten(0, 1), inputs[0].flatten()).backward()
    for name, value in model.named_parameters():
        assert (value.grad != 0).float().mean() > 0.95, name


@torch.no_grad()
def test_identity_channels_tell_tokens_apart_below_and_above(base, inputs):
    model = widened(base, LAYERS, WIDE)
    torch.nn.init.normal_(model.blocks[-1].out.weight, std=0.1)
    torch.nn.init.normal_(model.blocks[-1].down.weight, std=0.1)
    keep_identity(model.blocks[BASE_LAYERS:], W)
    codes = run(model.blocks, model.embedding(inputs[0]), *inputs[1:])[..., W:] / IDENTITY
    torch.testing.assert_close(codes, model.embedding(inputs[0])[..., W:] / IDENTITY)
    assert torch.cdist(model.embedding.weight[:, W:], model.embedding.weight[:, W:]).fill_diagonal_(1).min() > IDENTITY


@torch.no_grad()
def test_without_keeping_it_the_identity_would_be_written_over(base, inputs):
    model = widened(base, LAYERS, WIDE)
    torch.nn.init.normal_(model.blocks[-1].down.weight, std=0.1)
    x = model.embedding(inputs[0])
    assert not torch.allclose(run(model.blocks, x, *inputs[1:])[..., W:], x[..., W:], atol=IDENTITY / 10)


@torch.no_grad()
def test_new_heads_begin_by_looking_at_the_token_before(base, inputs):
    model = widened(base, LAYERS, WIDE)
    tokens, positions, mask = inputs
    block = model.blocks[BASE_LAYERS]
    x = run(model.blocks[:BASE_LAYERS], model.embedding(tokens), positions, mask)
    q, k, _ = block.qkv(block.attn_norm(x)).view(*tokens.shape, 3, block.heads, HEAD).unbind(2)
    angles = (positions[..., None] * frequencies(x.device))[:, :, None]
    q, k = rotate(q, angles.cos(), angles.sin()), rotate(k, angles.cos(), angles.sin())
    scores = torch.einsum("bthd,bjhd->bhtj", q, k) / HEAD**0.5
    attention = scores.masked_fill(~mask, float("-inf")).softmax(-1)
    before = attention.diagonal(offset=-1, dim1=2, dim2=3)[:, : base.blocks[0].heads]
    assert before.mean() > 0.95
