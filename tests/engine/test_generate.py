"""Sampling steps: how they end, what they cost, and that batching changes neither."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.engine.driving import PROMPT, drain, logits, prompt, start, used
from tests.tiny_gguf import write_tiny_gguf
from tts_cli.engine import Engine, Generated, Sampler
from tts_cli.protocols import Finish, SampleKey, Sampling, Usage

Open = Callable[..., Engine]


def test_samples_of_one_prompt_are_the_same_batched_and_one_by_one(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32, n_contexts=1)
    root = prompt(engine)
    jobs = [start(engine, root, (i,)) for i in range(16)]
    drain(engine)
    batched = [job.result().tokens for job in jobs]
    single = []
    for i in range(16):
        job = start(engine, prompt(engine), (i,))
        drain(engine)
        single.append(job.result().tokens)
    assert batched == single
    assert len(set(batched)) > 8


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_a_steps_logprob_is_the_models_own_whatever_it_was_sampled_with(
    f32: Path, open_engine: Open, temperature: float
) -> None:
    engine = open_engine(f32)
    root = prompt(engine)
    first = start(engine, root, (0,), sampling=Sampling(temperature=temperature, top_p=0.9))
    drain(engine)
    second = start(engine, first.result().branch, (0, 0), sampling=Sampling(temperature=temperature, top_p=0.9))
    drain(engine)
    tokens = [*engine.vocab.tokenize(PROMPT, special=True), *first.result().tokens, *second.result().tokens]
    rows = logits(engine, engine.root(tokens[:1], Usage()), tokens[1:]).astype(np.float64)
    logprobs = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
    told = [logprobs[i - 2, tokens[i]] for i in range(root.length, len(tokens))]
    count = len(first.result().tokens)
    assert first.result().logprob == pytest.approx(sum(told[:count]), abs=0.01) != 0
    assert second.result().logprob == pytest.approx(sum(told[count:]), abs=0.01) != 0


@pytest.mark.parametrize("n_contexts", [2, 5])
def test_lanes_change_nothing(f32: Path, open_engine: Open, n_contexts: int) -> None:
    one, many = open_engine(f32, n_contexts=1, n_seq_max=10), open_engine(f32, n_contexts=n_contexts, n_seq_max=10)
    assert len(many._scheduler.pools) == n_contexts
    results = []
    for engine in (one, many):
        usage = Usage()
        root = prompt(engine, usage=usage)
        jobs = [start(engine, root, (i,), steps=False) for i in range(30)]
        drain(engine)
        results.append(([job.result().tokens for job in jobs], usage))
    assert results[0] == results[1]


def test_lanes_in_threads_change_nothing(q8: Path, open_engine: Open) -> None:
    results = []
    for threads in (1, 2):
        engine = open_engine(q8, n_contexts=2, n_seq_max=8, threads=threads)
        assert (engine._scheduler._workers is not None) == (threads == 2)
        root = prompt(engine)
        jobs = [start(engine, root, (i,), steps=False) for i in range(12)]
        drain(engine)
        results.append([job.result().tokens for job in jobs])
    assert results[0] == results[1]


def test_a_prompt_is_run_once_for_all_its_samples(q8: Path, open_engine: Open) -> None:
    engine = open_engine(q8)
    usage = Usage()
    root = prompt(engine, usage=usage)
    jobs = [start(engine, root, (i,)) for i in range(16)]
    drain(engine)
    late = [start(engine, root, (i,)) for i in range(16, 24)]
    drain(engine)
    sampled = sum(len(job.result().tokens) for job in jobs + late)
    assert usage.evaluated == root.length
    # The last token of every step is pending: nobody has gone on from it yet.
    assert usage.sampled == sampled - 24
    assert usage.total > 0


def test_a_pending_token_is_run_once_for_all_children(q8: Path, open_engine: Open) -> None:
    engine = open_engine(q8)
    usage = Usage()
    job = start(engine, prompt(engine, usage=usage))
    drain(engine)
    before = usage.sampled
    children = [start(engine, job.result().branch, (0, i), max_tokens=1) for i in range(8)]
    drain(engine)
    assert {len(child.result().tokens) for child in children} == {1}
    assert usage.sampled == before + 1


def test_a_fork_goes_on_as_if_from_scratch(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32)
    root = prompt(engine)
    steps = [start(engine, root, (i,)) for i in range(4)]
    drain(engine)
    parent = steps[2].result()
    forks = [start(engine, parent.branch, (2, i)) for i in range(4)]
    drain(engine)
    whole = engine.root([*root.tokens, *parent.tokens], Usage())
    scratch = [start(engine, whole, (2, i)) for i in range(4)]
    drain(engine)
    assert [job.result().tokens for job in forks] == [job.result().tokens for job in scratch]


def test_the_seed_and_the_path_name_a_sample(f32: Path, open_engine: Open) -> None:
    def run(seed: int, path: int) -> tuple[int, ...]:
        engine = open_engine(f32)
        job = start(engine, prompt(engine), (path,), seed=seed, steps=False)
        drain(engine)
        return job.result().tokens

    assert run(0, 0) == run(0, 0)
    assert len({run(0, 0), run(1, 0), run(0, 1)}) == 3


def test_a_sample_does_not_depend_on_what_shares_its_batch(f32: Path, open_engine: Open) -> None:
    def run(others: int) -> tuple[int, ...]:
        engine = open_engine(f32)
        noise = [start(engine, prompt(engine, f"Step {i} and so"), (i,), seed=9, steps=False) for i in range(others)]
        job = start(engine, prompt(engine), (3,), steps=False)
        drain(engine)
        assert all(other.done for other in noise)
        return job.result().tokens

    assert run(0) == run(5) == run(20)


def test_how_a_step_ends(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32)
    root = prompt(engine)
    jobs = [start(engine, root, (i,), max_tokens=12) for i in range(60)]
    drain(engine)
    by_finish: dict[Finish, list[Generated]] = {}
    for job in jobs:
        by_finish.setdefault(job.result().finish, []).append(job.result())
    assert set(by_finish) == {Finish.STEP, Finish.EOS, Finish.LENGTH}
    vocab = engine.vocab
    for step in by_finish[Finish.STEP]:
        assert step.text.endswith(b"\n\n") and step.text.count(b"\n\n") == 1
    for step in by_finish[Finish.EOS]:
        assert vocab.is_eog(step.tokens[-1]) and b"<|end|>" not in step.text
    for step in by_finish[Finish.LENGTH]:
        assert len(step.tokens) == 12
    for job in jobs:
        step = job.result()
        assert step.text == b"".join(map(vocab.piece, step.tokens))
        assert step.branch.tokens == step.tokens


def test_stop_sees_the_bytes_of_this_step_only(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32)
    seen: list[bytes] = []

    def stop(text: bytes) -> Finish | None:
        seen.append(text)
        return Finish.ANSWERED if len(seen) == 5 else None

    sampler = Sampler(SampleKey(0, "p", (1,)), Sampling(temperature=1.0))
    job = engine.generate(prompt(engine), sampler=sampler, stop=stop, max_tokens=50)
    drain(engine)
    step = job.result()
    assert step.finish is Finish.ANSWERED
    assert seen[-1] == step.text
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(seen))


def test_a_full_context_ends_a_step_with_context(endless: Path, open_engine: Open) -> None:
    engine = open_engine(endless, n_ctx=256, n_seq_max=3)
    root = prompt(engine, "The answer is")
    jobs = [start(engine, root, (i,), max_tokens=10_000, steps=False) for i in range(3)]
    drain(engine)
    steps = [job.result() for job in jobs]
    assert {step.finish for step in steps} == {Finish.CONTEXT}
    # All that fits is used: the last token is pending, and needs no cell.
    assert {step.branch.length for step in steps} == {engine.max_length + 1}
    again = start(engine, steps[0].branch)
    assert again.result() == Generated(again.result().branch, (), b"", Finish.CONTEXT, 0.0)


def test_the_trained_length_bounds_a_path_too(tmp_path: Path, open_engine: Open) -> None:
    path = write_tiny_gguf(tmp_path / "short.gguf", dtype="F32", context=48, bias={"<|end|>": -100.0})
    engine = open_engine(path, n_ctx=1024, n_seq_max=2)
    assert engine.max_length == 48
    job = start(engine, prompt(engine, "The answer is"), max_tokens=10_000, steps=False)
    drain(engine)
    assert job.result().finish is Finish.CONTEXT
    assert job.result().branch.length == 49


def test_a_step_can_be_read_while_it_is_written(endless: Path, open_engine: Open) -> None:
    engine = open_engine(endless)
    root = prompt(engine)
    jobs = [start(engine, root, (i,), max_tokens=20) for i in range(3)]
    derived = jobs[0].then(lambda generated: generated.text).then(len)
    scored = engine.evaluate(root, [1, 2], [0])
    assert engine.written(scored) is None
    assert engine.written(derived) == (b"", 0)
    seen = []
    while not jobs[0].done:
        seen.append([engine.written(job) for job in (*jobs, derived)])
        engine.advance()
    assert all(one[0] == one[3] for one in seen), "also through jobs that are derived"
    for job, parts in zip(jobs, zip(*seen, strict=True), strict=False):
        texts = [part[0] for part in parts if part is not None]
        counts = [part[1] for part in parts if part is not None]
        assert len(texts) == len(seen) >= 19
        assert all(job.result().text.startswith(text) for text in texts) and texts == sorted(texts, key=len)
        assert counts == sorted(counts) and counts[0] == 0 and counts[-1] >= 18
        assert engine.written(job) is None
    assert engine.written(derived) is None


def test_cancel_stops_a_job_and_leaves_others_alone(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32)
    root = prompt(engine)
    jobs = [start(engine, root, (i,), steps=False) for i in range(6)]
    for _ in range(4):
        engine.advance()
    before = used(engine)
    engine.cancel(jobs[0])
    engine.cancel(jobs[3])
    assert used(engine) < before
    drain(engine)
    assert [job.done for job in jobs] == [False, True, True, False, True, True]
    engine.cancel(jobs[1])
    lone = open_engine(f32)
    alone = start(lone, prompt(lone), (4,), steps=False)
    drain(lone)
    assert alone.result().tokens == jobs[4].result().tokens


def test_cancelling_the_job_that_runs_a_shared_prompt_hands_it_on(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32, n_batch=8)
    usage = Usage()
    root = prompt(engine, usage=usage)
    first, second = start(engine, root, (0,)), start(engine, root, (1,))
    engine.advance()
    assert 0 < usage.evaluated < root.length
    engine.cancel(first)
    drain(engine)
    assert second.done and not first.done
    assert usage.evaluated == root.length


def test_waiting_jobs_can_be_cancelled(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32, n_seq_max=1)
    root = prompt(engine)
    jobs = [start(engine, root, (i,)) for i in range(3)]
    engine.advance()
    engine.cancel(jobs[1])
    drain(engine)
    assert [job.done for job in jobs] == [True, False, True]
