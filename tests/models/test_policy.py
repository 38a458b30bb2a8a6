"""The policy on real llama.cpp with random weights; `bias` makes the tokens likely that a test is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.errors import PromptTooLong
from tts_cli.models.backends.llama_cpp import BranchPrefix, LlamaPolicy
from tts_cli.models.load import load_policy
from tts_cli.protocols import Finish, Job, PartialStep, Prefix, SampledStep, SampleKey, Sampling, Usage

LIKELY = {"\n\n": 8.6, " =": 9.0, " the": 9.0}
Load = Callable[..., LlamaPolicy]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Loads a tiny policy whose `bias` (and more) the test gives."""
    opened: list[LlamaPolicy] = []

    def load(*, n_ctx: int = 0, **tiny: Any) -> LlamaPolicy:
        path = write_tiny_gguf(tmp_path / f"tiny{len(opened)}.gguf", chat_template=CHAT_TEMPLATE, **tiny)
        opened.append(load_policy(str(path), n_ctx=n_ctx, n_seq_max=8, threads=1))
        return opened[-1]

    yield load
    for policy in opened:
        policy.close()


def ended(policy: LlamaPolicy, *jobs: Job[SampledStep]) -> list[SampledStep]:
    while not all(job.done for job in jobs):
        assert policy.busy
        policy.advance()
    return [job.result() for job in jobs]


def sample(policy: LlamaPolicy, prefix: Prefix, *path: int, seed: int = 0, **sampling: Any) -> SampledStep:
    job = policy.sample(prefix, SampleKey(seed, "p", path), Sampling(**sampling))
    return ended(policy, job)[0]


def tokens_of(step: SampledStep) -> tuple[int, ...]:
    assert isinstance(step.prefix, BranchPrefix)
    return step.prefix.branch.tokens


def test_a_step_ends_with_the_token_of_the_separator(load: Load) -> None:
    policy = load(bias=LIKELY)
    step = sample(policy, policy.start("1 + 1?", Usage()), 0)
    assert step.finish is Finish.STEP
    assert tokens_of(step)[-1] == policy.engine.vocab.id_of("\n\n")
    assert step.tokens == len(tokens_of(step))
    assert step.text and step.text == step.text.strip()


def test_steps_go_on_from_the_tokens_as_they_were_sampled(load: Load) -> None:
    policy = load(bias=LIKELY)
    usage = Usage()
    root = policy.start("1 + 1?", usage)
    first = sample(policy, root, 0)
    second = sample(policy, first.prefix, 0, 0)
    assert isinstance(second.prefix, BranchPrefix)
    path = [branch.tokens for branch in second.prefix.branch.chain()][::-1]
    assert path == [tuple(policy.prompt_tokens("1 + 1?")), tokens_of(first), tokens_of(second)]
    assert usage.evaluated == len(path[0])
    assert usage.sampled == first.tokens + second.tokens - 1  # nobody went on from the last one


def test_leading_separators_are_no_steps(load: Load) -> None:
    policy = load(bias={"\n\n": 60.0})
    step = sample(policy, policy.start("x", Usage()), 0, max_step_tokens=5)
    assert (step.text, step.tokens, step.finish) == ("", 5, Finish.LENGTH)


def test_end_of_generation_is_not_part_of_the_text(load: Load) -> None:
    policy = load(bias={"<|end|>": 60.0})
    step = sample(policy, policy.start("x", Usage()), 0)
    assert (step.text, step.tokens, step.finish) == ("", 1, Finish.EOS)


def test_a_solution_goes_on_after_a_box_until_the_turn_ends(load: Load) -> None:
    policy = load(
        bias={"\\boxed{7}": 60.0, " so": 59.0, "\n\n": 59.5, "<|end|>": 59.5}, words=["\n\n", "\\boxed{7}", " so"]
    )
    root = policy.start("(a) x (b) x", Usage())
    steps = [sample(policy, root, index, temperature=1.0) for index in range(64)]
    assert {step.finish for step in steps} == {Finish.STEP, Finish.EOS}
    assert {step.answered for step in steps} == {True, False}
    assert all(step.answered == ("\\boxed{7}" in step.text) for step in steps)
    assert any(step.text.endswith("so") and step.answered for step in steps)


def test_what_runs_on_after_a_box_is_cut_and_the_solution_is_finished(load: Load) -> None:
    policy = load(bias={"\\boxed{7}.": 60.0}, words=["\n\n", "\\boxed{7}."], context=256)
    root = policy.start("x", Usage())
    by_length, by_context = sample(policy, root, 0, max_step_tokens=3), sample(policy, root, 0, max_step_tokens=1000)
    assert (by_length.text, by_length.tokens, by_length.finish) == ("\\boxed{7}." * 3, 3, Finish.ANSWERED)
    assert by_context.finish is Finish.ANSWERED and by_context.text == "\\boxed{7}." * by_context.tokens


def test_a_step_with_a_box_ends_at_its_separator_like_any_other(load: Load) -> None:
    policy = load(bias={"\\boxed{7}\n\n": 60.0}, words=["\n\n", "\\boxed{7}\n\n", " so"])
    answered = sample(policy, policy.start("x", Usage()), 0)
    assert (answered.text, answered.finish, answered.answered) == ("\\boxed{7}", Finish.STEP, True)


def test_a_step_is_cut_at_its_limit(load: Load) -> None:
    policy = load(bias={" the": 60.0})
    step = sample(policy, policy.start("x", Usage()), 0, max_step_tokens=7)
    assert (step.text, step.tokens, step.finish) == ("the" + " the" * 6, 7, Finish.LENGTH)


def test_a_step_is_cut_where_the_context_ends(load: Load) -> None:
    policy = load(bias={" the": 60.0}, context=256)
    step = sample(policy, policy.start("x", Usage()), 0, max_step_tokens=1000)
    assert step.finish is Finish.CONTEXT
    assert step.tokens <= 256


def test_samples_depend_on_their_key_alone(load: Load) -> None:
    policy = load(bias=LIKELY)
    root = policy.start("1 + 1?", Usage())
    alone = [sample(policy, root, index) for index in range(4)]
    jobs = [policy.sample(root, SampleKey(0, "p", (index,)), Sampling()) for index in range(4)]
    together = ended(policy, *jobs)
    assert [tokens_of(step) for step in together] == [tokens_of(step) for step in alone]
    assert len({step.text for step in alone}) > 1
    assert tokens_of(sample(policy, root, 0, seed=1)) != tokens_of(alone[0])


def test_a_parent_may_be_released_before_its_children(load: Load) -> None:
    """A search lets go of a step once its children are drawn: that must not cost them their prefix."""
    policy = load(bias=LIKELY)
    usage = Usage()
    root = policy.start("1 + 1?", usage)
    first = sample(policy, root, 0)
    second = sample(policy, first.prefix, 0, 0)
    policy.release(first.prefix)
    third = sample(policy, second.prefix, 0, 0, 0)
    assert usage.evaluated == len(policy.prompt_tokens("1 + 1?"))
    assert usage.sampled == first.tokens + second.tokens + third.tokens - 1


def test_everything_released_frees_everything(load: Load) -> None:
    policy = load(bias=LIKELY)
    root = policy.start("1 + 1?", Usage())
    first, other = sample(policy, root, 0), sample(policy, root, 1)
    second = sample(policy, first.prefix, 0, 0)
    prefixes = (root, first.prefix, second.prefix, other.prefix)
    for prefix in prefixes:
        policy.release(prefix)
    assert all(isinstance(prefix, BranchPrefix) and prefix.branch.released for prefix in prefixes)


def test_a_cancelled_sample_is_never_resolved(load: Load) -> None:
    policy = load(bias=LIKELY)
    root = policy.start("1 + 1?", Usage())
    jobs = [policy.sample(root, SampleKey(0, "p", (index,)), Sampling()) for index in range(2)]
    policy.cancel(jobs[0])
    policy.cancel(jobs[0])  # left alone
    kept = ended(policy, jobs[1])[0]
    assert not jobs[0].done and not policy.busy
    policy.cancel(jobs[1])  # it has ended
    policy.release(kept.prefix)
    policy.release(root)
    assert isinstance(root, BranchPrefix) and root.branch.released


def test_a_problem_longer_than_the_context(load: Load) -> None:
    policy = load(bias=LIKELY)
    with pytest.raises(PromptTooLong):
        policy.start("x" * 100_000, Usage())


def test_a_step_under_way_is_read_in_whole_characters(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = load(bias={"<|end|>": -99.0, "\n\n": -99.0})
    job = policy.sample(policy.start("1 + 1?", Usage()), SampleKey(0, "p", (0,)), Sampling(max_step_tokens=9))
    while not job.done:
        policy.advance()
        found = policy.partial_step(job)
        assert job.done or (found is not None and found.tokens > 0)
    assert policy.partial_step(job) is None
    for sampled, text in (
        (b" 2 \xc3\x97", "2 ×"),
        (b" 2 \xc3", "2"),
        (b"2 \xff 3", "2 \ufffd 3"),
        (b"\xf0\x9f\x98", ""),
    ):
        monkeypatch.setattr(policy.engine, "written", lambda job, sampled=sampled: (sampled, 4))
        assert policy.partial_step(job) == PartialStep(text, 4)
