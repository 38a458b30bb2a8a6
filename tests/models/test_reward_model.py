"""The PRM on real llama.cpp: scores are the same from scratch and step by step, and each step runs once."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from pathlib import Path

import pytest

from tests.models.gguf_files import write_prm_gguf
from tts_cli.engine import Engine
from tts_cli.errors import PromptTooLong
from tts_cli.models.backends.llama_cpp import LlamaPRM, PrmPrefix
from tts_cli.models.load import load_prm
from tts_cli.protocols import Job, Prefix, ScoredStep, Usage

PROBLEM = "What is 1 + 1?"
STEPS = ["1 + 1 is the sum.", "So the answer is = 2.", "\\boxed{2}"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_prm_gguf(tmp_path_factory.mktemp("prm") / "prm.gguf", declares="nano-prm", scale=3.0)


@pytest.fixture
def prm(file: Path) -> Iterator[LlamaPRM]:
    prm = load_prm(str(file), n_seq_max=8, threads=1)
    yield prm
    prm.close()


def ended(prm: LlamaPRM, *jobs: Job[ScoredStep]) -> list[ScoredStep]:
    while not all(job.done for job in jobs):
        assert prm.busy
        prm.advance()
    return [job.result() for job in jobs]


def score(prm: LlamaPRM, prefix: Prefix, step: str) -> ScoredStep:
    return ended(prm, prm.score(prefix, step))[0]


def chain(prm: LlamaPRM, root: Prefix, steps: list[str]) -> list[float]:
    """Score the steps one after another."""
    scores, prefix = [], root
    for step in steps:
        scored = score(prm, prefix, step)
        scores.append(scored.score)
        prefix = scored.prefix
    return scores


def whole(file: Path) -> list[int]:
    """Tokens of the problem with all its steps, written out by hand."""
    text = f"<|problem|>{PROBLEM}<|solution|>" + "".join(f"{step}\n\n" for step in STEPS)
    with Engine(file, threads=1) as engine:
        return engine.vocab.tokenize(text, special=True)


def test_scores_step_by_step_are_those_of_the_whole_text(file: Path, prm: LlamaPRM) -> None:
    tokens = whole(file)
    with Engine(file, n_seq_max=1, threads=1) as engine:
        good, bad = (engine.vocab.id_of(text) for text in ("+", "-"))
        (marker,) = engine.vocab.tokenize("\n\n", special=False)
        marks = [place - 1 for place, token in enumerate(tokens) if token == marker]
        job = engine.evaluate(engine.root(tokens[:1], Usage()), tokens[1:], marks)
        while not job.done:
            engine.advance()
        logits = job.result().logits.astype(float)
    expected = [1 / (1 + exp(row[bad] - row[good])) for row in logits]
    scores = chain(prm, prm.start(PROBLEM, Usage()), STEPS)
    assert scores == pytest.approx(expected, abs=1e-5)
    assert len(set(scores)) == 3 and all(0 < score < 1 for score in scores)


def test_each_token_runs_once(file: Path, prm: LlamaPRM) -> None:
    usage = Usage()
    root = prm.start(PROBLEM, usage)
    chain(prm, root, STEPS)
    assert usage.evaluated == len(whole(file))
    chain(prm, root, STEPS)
    assert usage.evaluated == len(whole(file))
    assert usage.sampled == 0


def test_identical_steps_under_way_are_one(prm: LlamaPRM) -> None:
    usage = Usage()
    root = prm.start(PROBLEM, usage)
    first, second, other = ended(prm, *(prm.score(root, step) for step in ("so 2", " so 2\n\n", "so 3")))
    assert first == second and first.prefix is second.prefix
    assert other.prefix is not first.prefix
    once = Usage()
    again = prm.start(PROBLEM, once)
    score(prm, again, "so 2")
    score(prm, again, "so 3")
    assert usage.evaluated == once.evaluated


def test_text_of_a_step_cannot_hold_a_marker(prm: LlamaPRM) -> None:
    root = prm.start(PROBLEM, Usage())
    scored = score(prm, root, "a <|step|> b <|end|>")
    assert isinstance(scored.prefix, PrmPrefix)
    specials = {prm.engine.vocab.id_of(text) for text in ("<|step|>", "<|end|>")}
    assert not specials & set(scored.prefix.branch.tokens)


def test_a_shared_prefix_stays_until_all_have_released_it(prm: LlamaPRM) -> None:
    root = prm.start(PROBLEM, Usage())
    first, second = ended(prm, prm.score(root, "so 2"), prm.score(root, "so 2"))
    assert isinstance(first.prefix, PrmPrefix)
    prm.release(first.prefix)
    assert not first.prefix.branch.released
    prm.release(second.prefix)
    assert first.prefix.branch.released
    assert score(prm, root, "so 2").prefix is not first.prefix  # it was freed: run again


def test_a_final_step_is_run_once_in_the_problems_life(prm: LlamaPRM) -> None:
    usage = Usage()
    root = prm.start(PROBLEM, usage)
    first = ended(prm, prm.score(root, "so 2", final=True))[0]
    length, ran = first.prefix.length, usage.evaluated
    prm.release(first.prefix)
    again = prm.score(root, "so 2", final=True)
    assert again.done and not prm.busy
    assert (again.result().score, again.result().prefix.length) == (first.score, length)
    prm.release(again.result().prefix)
    assert usage.evaluated == ran and not root.branch.released
    other = ended(prm, prm.score(root, "so 2"))[0]  # steps may follow this one: its prefix is needed
    assert usage.evaluated == ran + length - root.length
    third = prm.score(root, "so 2", final=True).result()
    assert third.prefix is other.prefix
    for prefix in (other.prefix, third.prefix, root):
        prm.release(prefix)
    assert root.branch.released


def test_a_step_that_was_not_final_is_run_again_as_the_final_one(prm: LlamaPRM) -> None:
    usage = Usage()
    root = prm.start(PROBLEM, usage)
    first = score(prm, root, "so 2")
    ran = usage.evaluated
    prm.release(first.prefix)
    assert ended(prm, prm.score(root, "so 2", final=True))[0].score == first.score
    assert usage.evaluated == ran + first.prefix.length - root.length


def test_equal_steps_of_another_problem_are_run_too(prm: LlamaPRM) -> None:
    for problem in (PROBLEM, "What is 2 + 2?", PROBLEM):
        usage = Usage()
        root = prm.start(problem, usage)
        prm.release(ended(prm, prm.score(root, "so 2", final=True))[0].prefix)
        assert usage.evaluated > 0


def test_a_parent_is_freed_after_its_children(prm: LlamaPRM) -> None:
    usage = Usage()
    root = prm.start(PROBLEM, usage)
    first = score(prm, root, STEPS[0])
    job = prm.score(first.prefix, STEPS[1])
    prm.release(first.prefix)
    prm.release(root)
    second = ended(prm, job)[0]
    before = usage.evaluated
    third = score(prm, second.prefix, STEPS[2])
    assert isinstance(third.prefix, PrmPrefix) and isinstance(first.prefix, PrmPrefix)
    assert usage.evaluated - before == len(third.prefix.branch.tokens)
    assert not root.branch.released
    prm.release(second.prefix)
    prm.release(third.prefix)
    assert root.branch.released and first.prefix.branch.released


def test_cancelling_one_of_two_leaves_the_other(prm: LlamaPRM) -> None:
    root = prm.start(PROBLEM, Usage())
    gone, kept = prm.score(root, "so 2"), prm.score(root, "so 2")
    prm.cancel(gone)
    assert ended(prm, kept)[0].score > 0
    assert not gone.done


def test_a_cancelled_step_can_be_asked_for_again(prm: LlamaPRM) -> None:
    root = prm.start(PROBLEM, Usage())
    prm.cancel(prm.score(root, "so 2"))
    assert not prm.busy
    assert score(prm, root, "so 2").score == score(prm, prm.start(PROBLEM, Usage()), "so 2").score


def test_a_step_that_does_not_fit_fails_alone(prm: LlamaPRM) -> None:
    root = prm.start(PROBLEM, Usage())
    long, short = prm.score(root, "x " * 5000), prm.score(root, "so 2")
    ended(prm, short)
    while prm.busy:
        prm.advance()
    for job in (long, prm.score(root, "x " * 5000, final=True)):
        with pytest.raises(PromptTooLong):
            job.result()
    prm.release(short.result().prefix)
    prm.release(root)
    assert root.branch.released, "a step that failed holds nothing"


def test_an_empty_step_is_refused(prm: LlamaPRM) -> None:
    with pytest.raises(ValueError, match="empty step"):
        prm.score(prm.start(PROBLEM, Usage()), " \n\n")
