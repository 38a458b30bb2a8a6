"""Packed trees give the same result as each path alone. Needs the extra [train]."""

from itertools import islice

import pytest

torch = pytest.importorskip("torch")

from training.model import Llama, Shape  # noqa: E402
from training.packing import IGNORE, attention_mask, pack  # noqa: E402
from training.problems import generate  # noqa: E402
from training.tokenizer import Tokenizer, word_list  # noqa: E402
from training.trees import _question, contrast_trees, policy_trees, step_tokens  # noqa: E402


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(word_list(2000, 5))


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    model = Llama(Shape(2, 64, len(tokenizer.tokens)))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return model.eval()


def run_rows(model, rows, i):
    batch = {name: torch.from_numpy(array[i : i + 1].astype("int64")) for name, array in vars(rows).items()}
    mask = attention_mask(batch["positions"], batch["branch"], batch["fork"], batch["doc"])
    with torch.no_grad():
        return model(batch["tokens"], batch["positions"], mask)[0]


def run_path(model, tokens):
    length = len(tokens)
    mask = torch.ones(length, length, dtype=torch.bool).tril()[None, None]
    with torch.no_grad():
        return model(torch.tensor([tokens]), torch.arange(length)[None], mask)[0]


def test_a_branch_sees_its_own_path_only(tokenizer, model):
    rows = pack(contrast_trees(tokenizer, 3, 6))
    checked = 0
    for i in range(len(rows.tokens)):
        states = run_rows(model, rows, i)
        for doc in range(1, rows.doc[i].max() + 1):
            here = (rows.doc[i] == doc).nonzero()[0]
            for branch in sorted(set(rows.branch[i, here]))[:4]:
                own = [t for t in here if rows.branch[i, t] == branch]
                fork = rows.fork[i, own[0]]
                before = [t for t in here if branch and rows.branch[i, t] == 0 and rows.positions[i, t] < fork]
                path = before + own
                assert list(rows.positions[i, path]) == list(range(len(path)))
                alone = run_path(model, [int(rows.tokens[i, t]) for t in path])
                torch.testing.assert_close(states[own], alone[-len(own) :], atol=1e-4, rtol=1e-3)
                checked += 1
    assert checked > 10


def test_verdicts_stand_at_the_blank_line_after_a_step(tokenizer):
    blank_lines = {tokenizer.ids[tokenizer.spell(text)] for text in ("\n\n", ".\n\n")}
    for tree in contrast_trees(tokenizer, 5, 20):
        marked = [token for token, verdict in zip(tree.tokens, tree.verdicts, strict=True) if verdict != IGNORE]
        assert marked and set(marked) <= blank_lines
        assert 0 in tree.verdicts and 1 in tree.verdicts


def test_policy_learns_the_solution_and_nothing_else(tokenizer):
    tree = next(policy_trees(tokenizer, 1, 1))
    problem = next(islice(generate(1, split="train"), 1))
    question = _question(tokenizer, problem)
    assert tree.tokens[: len(question)] == question
    assert tree.targets[: len(question) - 1] == [IGNORE] * (len(question) - 1)
    assert tree.targets[len(question) - 1 : -1] == tree.tokens[len(question) :]


def test_a_near_miss_is_wrong_from_its_first_different_token(tokenizer):
    for tree in contrast_trees(tokenizer, 7, 20):
        slips = [i for i, slip in enumerate(tree.slip) if slip == 1]
        assert slips
        for i in slips:
            assert tree.branch[i] > 0 and tree.sound[i] == 0
            same_branch_before = tree.branch[i - 1] == tree.branch[i]
            assert tree.sound[i - 1] == 1 or not same_branch_before


def test_the_policy_and_the_prm_see_the_same_tokens(tokenizer):
    for problem in islice(generate(8, split="train"), 50):
        apart = [token for step in problem.steps[:-1] for token in step_tokens(tokenizer, step)]
        assert apart == tokenizer.encode("\n\n".join([*problem.steps[:-1], ""]))
