"""Any language model as a reader: a step scores the probability of its tokens, and each token is run once."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import templates
from tests.models.test_reward_model import ended
from tests.tiny_gguf import CHAT_TEMPLATE, WORDS, write_tiny_gguf
from tts_cli.engine import Engine, Vocab
from tts_cli.errors import ModelError, PromptTooLong, UsageError
from tts_cli.models import registry
from tts_cli.models.backends.llama_cpp import LlamaPRM, PrmPrefix
from tts_cli.models.load import load_policy, load_prm, resolve_pair
from tts_cli.models.prm.formats import PrmFormat
from tts_cli.models.prm.read_outs import read_out_of
from tts_cli.protocols import Prefix, SampleKey, Sampling, Usage

PROBLEM = "What is 1 + 1?"
STEPS = ["The sum is 1 + 1.", "so 2 <|solution|> \ud800 \0 Ω", " the answer is", "\\boxed{2}"]
CLOSE = 1e-3  # of a logarithm: what shares a decode changes the rounding


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reader") / "tiny.gguf"
    return write_tiny_gguf(path, words=[".\n\n", *WORDS], dtype="F32", chat_template=CHAT_TEMPLATE)


@pytest.fixture
def reader(file: Path) -> Iterator[LlamaPRM]:
    yield from opened(file, "reader")


@pytest.fixture
def whole_reader(file: Path) -> Iterator[LlamaPRM]:
    yield from opened(file, "reader-all")


def opened(file: Path, format: str) -> Iterator[LlamaPRM]:
    prm = load_prm(str(file), prm_format=format, n_seq_max=8, threads=1)
    yield prm
    prm.close()


def chain(prm: LlamaPRM, root: Prefix, steps: list[str]) -> list[float]:
    """Score the steps of a whole solution, one after another."""
    scores, prefix = [], root
    for step in steps:
        scored = ended(prm, prm.score(prefix, step, final=step is steps[-1]))[0]
        scores.append(scored.score)
        prefix = scored.prefix
    return scores


def by_definition(file: Path, steps: list[str], over: str) -> list[float]:
    """The probability of each step's tokens, from all logits of the whole text."""
    with Engine(file, n_seq_max=1, threads=1) as engine:
        vocab = engine.vocab
        prompt = vocab.tokenize(f"<|problem|>{PROBLEM}<|solution|>", special=True)
        ends = [f"{step.strip()}\n\n" for step in steps[:-1]] + [steps[-1].strip()]
        parts = [vocab.tokenize(text, special=False) for text in ends]
        tokens = [*prompt, *(token for part in parts for token in part)]
        job = engine.evaluate(engine.root(tokens[:1], Usage()), tokens[1:], range(len(tokens) - 1))
        while not job.done:
            engine.advance()
        rows = job.result().logits.astype(np.float64)
        at, found = len(prompt), []
        for part in parts:
            total = 0.0
            for token in part:
                if any(char in vocab.piece(token).decode("utf-8", "replace") for char in over) or not over:
                    row = rows[at - 2]
                    total += row[token] - np.log(np.exp(row).sum())
                at += 1
            found.append(math.exp(total))
    return found


def logs(scores: list[float]) -> Any:
    return pytest.approx([math.log(score) for score in scores], abs=CLOSE)


def test_steps_score_the_probability_of_their_tokens(file: Path, whole_reader: LlamaPRM) -> None:
    expected = by_definition(file, STEPS, "")
    scores = chain(whole_reader, whole_reader.start(PROBLEM, Usage()), STEPS)
    assert [math.log(score) for score in scores] == logs(expected)
    assert math.log(math.prod(scores)) == pytest.approx(sum(map(math.log, expected)), abs=CLOSE)


def test_by_default_of_those_with_digits(file: Path, reader: LlamaPRM) -> None:
    expected = by_definition(file, STEPS, "0123456789")
    scores = chain(reader, reader.start(PROBLEM, Usage()), STEPS)
    assert [math.log(score) for score in scores] == logs(expected)
    assert scores[2] == 1, "no token of it holds a digit"
    assert all(score < 1 for score in (scores[0], scores[1], scores[3]))
    assert reader.entry.format is not None and reader.entry.format.aggregate == "prod"


def test_each_token_runs_once_but_the_last(file: Path, reader: LlamaPRM) -> None:
    usage = Usage()
    root = reader.start(PROBLEM, usage)
    vocab = reader.engine.vocab
    texts = [f"{step.strip()}\n\n" for step in STEPS[:-1]] + [STEPS[-1]]
    length = len(vocab.tokenize(f"<|problem|>{PROBLEM}<|solution|>", special=True)) + sum(
        len(vocab.tokenize(text, special=False)) for text in texts
    )
    for _ in range(2):
        chain(reader, root, STEPS)
        assert usage.evaluated == length - 1


def test_the_separator_is_tokenized_with_its_step(reader: LlamaPRM) -> None:
    (step,) = ended(reader, reader.score(reader.start(PROBLEM, Usage()), "so 1."))
    assert isinstance(step.prefix, PrmPrefix)
    assert step.prefix.held == (reader.engine.vocab.id_of(".\n\n"),)
    (last,) = ended(reader, reader.score(reader.start(PROBLEM, Usage()), "so 1.", final=True))
    assert isinstance(last.prefix, PrmPrefix) and last.prefix.held == (reader.engine.vocab.id_of("."),)


def test_a_last_step_is_another_one_than_one_that_goes_on(whole_reader: LlamaPRM) -> None:
    root = whole_reader.start(PROBLEM, Usage())
    goes_on, last, again = (whole_reader.score(root, "so 1", final=final) for final in (False, True, True))
    found = ended(whole_reader, goes_on, last, again)
    assert found[0].score < found[1].score == found[2].score
    assert found[1].prefix is found[2].prefix
    for step in found:
        whole_reader.release(step.prefix)
    whole_reader.release(root)
    assert isinstance(root, PrmPrefix) and root.branch.released


def test_a_growing_tree_scores_as_from_scratch(file: Path, whole_reader: LlamaPRM) -> None:
    """Steps after steps in any order, many under way at once, some released."""
    chance = random.Random(3)
    words = ["1", " = 2", " the", "\n", " so 31", ".", "x"]
    tree: list[tuple[list[str], PrmPrefix]] = [([], whole_reader.start(PROBLEM, Usage()))]
    found: dict[tuple[str, ...], float] = {}
    for _ in range(6):
        asked = []
        for _ in range(6):
            path, prefix = chance.choice(tree)
            step = "a" + "".join(chance.choices(words, k=chance.randint(1, 9)))
            asked.append(([*path, step], whole_reader.score(prefix, step)))
        for (path, _), scored in zip(asked, ended(whole_reader, *(job for _, job in asked)), strict=True):
            assert isinstance(scored.prefix, PrmPrefix)
            tree.append((path, scored.prefix))
            found[tuple(path)] = scored.score
        if len(tree) > 9:
            whole_reader.release(tree.pop(chance.randrange(1, len(tree)))[1])
    for path, score in found.items():
        expected = by_definition(file, [*path, "end"], "")[len(path) - 1]
        assert math.log(score) == pytest.approx(math.log(expected), abs=CLOSE)
    assert max(map(len, found)) > 2


def test_a_solution_that_does_not_fit_fails_alone(reader: LlamaPRM) -> None:
    root = reader.start(PROBLEM, Usage())
    long, short = reader.score(root, "x1 " * 5000), reader.score(root, "so 2")
    ended(reader, short)
    with pytest.raises(PromptTooLong):
        long.result()


def test_without_a_chat_template_the_prompt_is_plain(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "base.gguf")
    policy, prm = (
        load_policy(str(path), threads=1, n_ctx=512),
        load_prm(str(path), prm_format="reader", threads=1, n_ctx=512),
    )
    root = prm.start(PROBLEM, Usage())
    assert isinstance(root, PrmPrefix)
    assert [*root.branch.tokens, *root.held] == policy.prompt_tokens(PROBLEM)
    assert len(root.held) == 1
    assert prm.entry.prompt == registry.read().prompts["generic"]
    policy.close()
    prm.close()


def test_a_model_of_nothing_is_an_error(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "nan.gguf", dtype="F32", scale=math.nan)
    prm = load_prm(str(path), prm_format="reader", threads=1)
    prm.score(prm.start(PROBLEM, Usage()), "so 2")
    with pytest.raises(ModelError, match="not a number"):
        while prm.busy:
            prm.advance()
    prm.close()


def test_a_vocabulary_without_what_is_scored_is_an_error(reader: LlamaPRM) -> None:
    format = PrmFormat(of="any", layout="solution", read="likelihood", over="☃")
    with pytest.raises(ModelError, match="none of its tokens matches '☃'"):
        read_out_of(format, reader.engine.vocab)


# --- the registry's models ---


def test_nano_reads_what_it_wrote_as_it_wrote_it() -> None:
    """Its own prompt and separator, and one copy of its weights: the probability is the one that it sampled with."""
    policy = load_policy("nano-large", threads=1)
    prm = load_prm("nano-large", prm_format="reader-all", beside=policy, threads=1)
    assert prm.engine._model is policy.engine._model
    usage = Usage()
    prefix, read, step = policy.start("What is 5/6 - 1/4?", Usage()), prm.start("What is 5/6 - 1/4?", usage), None
    while step is None or not step.finish.finished:
        job = policy.sample(prefix, SampleKey(0, "p", ()), Sampling(temperature=0))
        while not job.done:
            policy.advance()
        step = job.result()
        (scored,) = ended(prm, prm.score(read, step.text, final=step.finish.finished))
        if not step.finish.finished:
            assert math.log(scored.score) == pytest.approx(step.logprob, abs=0.01)
        prefix, read = step.prefix, scored.prefix  # type: ignore[assignment]
    assert usage.evaluated == read.length - 1 > 20
    prm.close()
    policy.close()


def test_a_policy_is_a_prm_with_a_format_for_any_model_alone() -> None:
    known = registry.read()
    pair = resolve_pair("nano", "nano-large", own_prm=True, prm_format="reader", registry=known)
    assert pair.prm is not None
    assert (pair.prm.name, pair.prm.role, pair.prm.format) == ("nano-large", "prm", known.formats["reader"])
    own = resolve_pair("nano", None, own_prm=True, prm_format="judge", registry=known)
    assert own.prm is not None and (own.prm.name, own.policy.role) == ("nano", "policy")
    assert resolve_pair("nano", None, own_prm=False, prm_format="judge", registry=known).prm is None
    assert resolve_pair("nano", None, own_prm=True, prm_format="versa", registry=known).prm == known.models["nano-prm"]
    for prm_format in (None, "versa"):
        with pytest.raises(UsageError, match="is a policy") as caught:
            resolve_pair("nano", "nano-large", own_prm=True, prm_format=prm_format, registry=known)
        assert "--prm-format reader" in caught.value.hint
    with pytest.raises(UsageError, match="no PRM format named 'nope'"):
        resolve_pair("nano", None, own_prm=True, prm_format="nope", registry=known)


# --- the judge ---

JUDGE_WORDS = [".\n\n", *WORDS, "Yes", " Yes", "No"]


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judge") / "chat.gguf"
    special = ("<|im_start|>", "<|im_end|>", "<|pad|>")
    return write_tiny_gguf(
        path, words=JUDGE_WORDS, special=special, eos="<|im_end|>", dtype="F32", chat_template=templates.CHATML
    )


@pytest.fixture
def judge(chat: Path) -> Iterator[LlamaPRM]:
    yield from opened(chat, "judge")


def conversation(prm: LlamaPRM, steps: list[str]) -> list[int]:
    format, style = prm.entry.format, prm.entry.prompt
    assert format is not None and style is not None
    turns = [("system", style.system), ("user", PROBLEM), ("assistant", "\n\n".join(steps)), ("user", format.suffix)]
    text = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)
    return prm.engine.vocab.tokenize(f"{text}<|im_start|>assistant\n", special=True)


def share_of_yes(file: Path, tokens: list[int]) -> float:
    with Engine(file, n_seq_max=1, threads=1) as engine:
        job = engine.evaluate(engine.root(tokens[:1], Usage()), tokens[1:], [len(tokens) - 2])
        while not job.done:
            engine.advance()
        weights = np.exp(job.result().logits[0].astype(np.float64))
        yes, no = (sum(weights[engine.vocab.id_of(word)] for word in side) for side in (("Yes", " Yes"), ("No",)))
    return float(yes / (yes + no))


def test_a_judge_is_asked_after_each_step_and_forgets_the_question(chat: Path, judge: LlamaPRM) -> None:
    """Steps that end in a token which holds a part of the separator, too."""
    steps = [".", "The sum is 1 + 1.", "so 2", ".", "\\boxed{2}."]
    usage = Usage()
    prefix: Prefix = judge.start(PROBLEM, usage)
    for count, step in enumerate(steps, start=1):
        before = prefix.length
        expected = share_of_yes(chat, conversation(judge, steps[:count]))
        ran = usage.evaluated
        (scored,) = ended(judge, judge.score(prefix, step, final=count == len(steps)))
        assert scored.score == pytest.approx(expected, abs=1e-3)
        prefix = scored.prefix
        question = len(judge.engine.vocab.tokenize(conversation_end(judge), special=True))
        new = prefix.length - before + (before if count == 1 else 0)
        assert usage.evaluated - ran <= new + question + 1, "nothing that stands before is run again"
        assert isinstance(prefix, PrmPrefix)
        cells = sum(pool.cells.used for pool in judge.engine._scheduler.pools)
        assert cells == prefix.branch.length, "the question has left"


def conversation_end(prm: LlamaPRM) -> str:
    assert prm.entry.format is not None
    return f"<|im_end|>\n<|im_start|>user\n{prm.entry.format.suffix}<|im_end|>\n<|im_start|>assistant\n"


def test_a_judge_that_is_not_waited_for_leaves_nothing(judge: LlamaPRM) -> None:
    root = judge.start(PROBLEM, Usage())
    gone = judge.score(root, "so 2. " * 60)
    judge.advance()
    judge.cancel(gone)
    (kept,) = ended(judge, judge.score(root, "so 3"))
    assert isinstance(kept.prefix, PrmPrefix)
    assert sum(pool.cells.used for pool in judge.engine._scheduler.pools) == kept.prefix.branch.length
    judge.release(kept.prefix)
    judge.release(root)
    assert sum(pool.cells.used for pool in judge.engine._scheduler.pools) == 0


def test_a_judge_needs_a_chat_template_and_the_answer_tokens(chat: Path, file: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a judge without the answer tokens"):
        load_prm(str(file), prm_format="judge", threads=1)
    path = write_tiny_gguf(tmp_path / "base.gguf", words=JUDGE_WORDS)
    with pytest.raises(ModelError, match="no chat template"):
        load_prm(str(path), prm_format="judge", threads=1)
    path = write_tiny_gguf(tmp_path / "deaf.gguf", words=JUDGE_WORDS, chat_template=CHAT_TEMPLATE)
    with pytest.raises(ModelError, match="leaves out a message"):
        load_prm(str(path), prm_format="judge", threads=1)


def test_spellings_that_are_not_one_token_do_not_count(judge: LlamaPRM) -> None:
    vocab: Vocab = judge.engine.vocab
    _, wanted = judge._read_out.asks(judge._layout.next(vocab, "so", (), first=True, final=False))
    assert wanted.tokens == tuple(vocab.id_of(word) for word in ("Yes", " Yes", "No"))
