"""The lessons of a PRM against what they say they are. Needs the extra [train]."""

import pytest

torch = pytest.importorskip("torch")

from training.lessons import MOST_SURPRISE, UNIT, Lessons  # noqa: E402
from training.model import Llama, Shape, run  # noqa: E402
from training.packing import attention_mask, batches, pack, parents  # noqa: E402
from training.tokenizer import Tokenizer, word_list  # noqa: E402
from training.train import step  # noqa: E402
from training.trees import contrast_trees  # noqa: E402
from training.widen import widened  # noqa: E402


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(word_list(2000, 5))


@pytest.fixture(scope="module")
def base(tokenizer):
    torch.manual_seed(0)
    base = Llama(Shape(2, 64, len(tokenizer.tokens)))
    for parameter in base.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return base.eval()


@pytest.fixture(scope="module")
def batch(tokenizer):
    return next(batches(pack(contrast_trees(tokenizer, 3, 8)), 2, 0))


@pytest.fixture(scope="module")
def lessons(base, tokenizer):
    return Lessons(base, 96, [tokenizer.ids["-"], tokenizer.ids["+"]])


def mask_of(batch):
    return attention_mask(batch["positions"], batch["branch"], batch["fork"], batch["doc"])


def test_parents_stand_one_position_before_on_the_same_path(batch):
    before = parents(batch["positions"], mask_of(batch))
    for row in range(2):
        for place in range(batch["tokens"].shape[1]):
            if batch["doc"][row, place] == 0 or batch["positions"][row, place] == 0:
                continue
            parent = before[row, place]
            assert batch["positions"][row, parent] == batch["positions"][row, place] - 1
            assert batch["doc"][row, parent] == batch["doc"][row, place]
            assert batch["branch"][row, parent] in (0, batch["branch"][row, place])


@torch.no_grad()
def test_surprise_is_the_bases_own_likelihood_of_a_trunk(base, lessons, batch):
    trunk = (batch["doc"][0] == 1) & (batch["branch"][0] == 0)
    tokens = batch["tokens"][0, trunk]
    length = len(tokens)
    mask = torch.ones(length, length, dtype=torch.bool).tril()[None, None]
    alone = base.logits(base(tokens[None], torch.arange(length)[None], mask))[0].log_softmax(-1)
    expected = -alone[:-1].gather(-1, tokens[1:, None])[:, 0]
    model = widened(base, 3, 96)
    low = run(model.blocks[:2], model.embedding(batch["tokens"]), batch["positions"], mask_of(batch))
    found = lessons._surprise(low, batch["tokens"], parents(batch["positions"], mask_of(batch)))[0, trunk][1:]
    torch.testing.assert_close(found, expected.clamp(max=MOST_SURPRISE) / UNIT, rtol=0.02, atol=0.02)


def test_only_what_is_new_learns(base, lessons, batch):
    model = widened(base, 3, 96)
    model.embedding.requires_grad_(False)
    model.blocks[:2].requires_grad_(False)
    losses = step(model, lessons, batch)
    assert set(losses) == {"surprise", "slip", "sound", "verdict"}
    assert all(parameter.grad is None for parameter in model.blocks[:2].parameters())
    assert model.blocks[2].down.weight.grad.abs().sum() > 0
    assert lessons.slip.weight.grad.abs().sum() > 0


def test_slips_weigh_as_much_as_all_right_tokens_together(lessons, batch):
    tapped = torch.zeros(*batch["slip"].shape, 96)
    right, wrong = (batch["slip"] == 0).sum(), (batch["slip"] == 1).sum()
    assert right > 3 * wrong > 0
    with torch.no_grad():
        lessons.slip.weight[0] = 1.0
    tapped[batch["slip"] == 1] = 1.0  # strong for "no slip" exactly where there is one
    loss = lessons._slip_loss(tapped, batch["slip"]).item()
    assert loss > 10
