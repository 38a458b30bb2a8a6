"""When cells or sequences run out: work is delayed or done again, and its results stay the same."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.driving import check, drain, prompt, start, used
from tts_cli.engine import Branch, Engine, context, plan
from tts_cli.protocols import Finish, Sampling, Usage

Open = Callable[..., Engine]


def _search(engine: Engine, usage: Usage) -> list[tuple[int, ...]]:
    """Three rounds of a beam search over two problems: 24 samples a round, every third goes on."""
    beams = [prompt(engine, usage=usage), prompt(engine, "<|problem|>so 3 + 4 = ?<|solution|>", usage)]
    tokens: list[tuple[int, ...]] = []
    for depth in range(3):
        fan = 24 // len(beams)
        jobs = [start(engine, beam, (depth, b, i)) for b, beam in enumerate(beams) for i in range(fan)]
        drain(engine)
        tokens += [job.result().tokens for job in jobs]
        beams = [job.result().branch for job in jobs if job.result().finish is Finish.STEP][::3][:8]
    return tokens


@pytest.mark.parametrize(
    "tight",
    [
        {"n_ctx": 256},  # cells are short
        {"n_seq_max": 2},  # sequences are short
        {"n_ctx": 256, "n_seq_max": 24, "n_batch": 16},
        {"n_ctx": 256, "n_seq_max": 1},
        {"layout": "streams"},
        {"layout": "streams", "n_seq_max": 5},  # idle ones are saved
        {"layout": "streams", "n_seq_max": 1},
        {"layout": "streams", "n_ctx": 768},
        {"layout": "streams", "n_ctx": 256},
    ],
)
def test_tight_room_changes_nothing_but_the_cost(f32: Path, open_engine: Open, tight: dict[str, Any]) -> None:
    ample, short = Usage(), Usage()
    expected = _search(open_engine(f32), ample)
    assert _search(open_engine(f32, **tight), short) == expected
    assert short.sampled >= ample.sampled
    assert short.evaluated >= ample.evaluated


def test_preempted_jobs_keep_their_tokens(endless: Path, open_engine: Open) -> None:
    wide, tight = open_engine(endless), open_engine(endless, n_ctx=256)
    results = []
    for engine in (wide, tight):
        usage = Usage()
        root = prompt(engine, usage=usage)
        jobs = [start(engine, root, (i,), steps=False, max_tokens=60) for i in range(12)]
        drain(engine)
        results.append(([job.result().tokens for job in jobs], usage))
    (expected, ample), (tokens, short) = results
    assert tokens == expected
    assert ample.sampled == short.sampled == 12 * 59
    assert short.evaluated > ample.evaluated


def test_a_large_model_runs_few_given_tokens_in_one_decode(
    endless: Path, open_engine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor many after evictions, when steps are run again: a limit of time is looked at between decodes."""
    stretches: list[int] = []  # per decode: rows of jobs that had more than one
    decode = context.Context.decode

    def counted(self: Any, tokens: Any, positions: Any, seqs: list[int], *more: Any) -> bool:
        stretches.append(sum(rows for rows in Counter(seqs).values() if rows > 1))
        return decode(self, tokens, positions, seqs, *more)

    def results() -> tuple[list[tuple[int, ...]], int, Usage]:
        stretches.clear()
        engine, usage = open_engine(endless, n_ctx=256), Usage()
        roots = [engine.root([65 + i] * 100, usage) for i in range(2)]
        jobs = [start(engine, root, (i,), steps=False, max_tokens=90) for i in range(3) for root in roots]
        drain(engine)
        return [job.result().tokens for job in jobs], max(stretches), usage

    monkeypatch.setattr(context.Context, "decode", counted)
    expected, longest, _ = results()
    assert longest > 100
    monkeypatch.setattr(plan, "_FLOPS_PER_DECODE", 0)  # as if it were a model of many parameters
    tokens, longest, usage = results()
    assert (tokens, longest) == (expected, 32)
    assert usage.evaluated > 2 * 200  # much was run again


def test_the_least_recently_used_branch_goes_first(endless: Path, open_engine: Open) -> None:
    engine = open_engine(endless, n_ctx=256, n_seq_max=2)
    usages = [Usage() for _ in range(3)]
    roots = [engine.root([65 + i] * 100, usage) for i, usage in enumerate(usages)]

    def use(which: int) -> list[int]:
        start(engine, roots[which], (which,), max_tokens=2, steps=False)
        drain(engine)
        return [usage.evaluated for usage in usages]

    assert use(0) == [100, 0, 0]
    assert use(1) == [100, 100, 0]
    assert use(0) == [100, 100, 0]
    assert use(2) == [100, 100, 100]  # the second gives way
    assert use(0) == [100, 100, 100]
    assert use(1) == [100, 200, 100]


def test_release_frees_cells_at_once(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32, n_contexts=1)
    root = prompt(engine)
    jobs = [start(engine, root, (i,), steps=False) for i in range(8)]
    drain(engine)
    steps = [job.result() for job in jobs]
    assert used(engine) == root.length + sum(len(step.tokens) - 1 for step in steps)
    for step in steps[1:]:
        engine.release(step.branch)
        engine.release(step.branch)
        check(engine)
    assert used(engine) == root.length + len(steps[0].tokens) - 1
    engine.release(steps[0].branch)
    assert used(engine) == root.length
    engine.release(root)
    assert used(engine) == 0


def test_release_takes_descendants_along(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32)
    root, other = prompt(engine), prompt(engine, "Step 7")
    job, kept = start(engine, root), start(engine, other)
    drain(engine)
    child = start(engine, job.result().branch, (0, 0))
    drain(engine)
    engine.release(root)
    check(engine)
    assert used(engine) == kept.result().branch.length - 1
    # A released branch still works; it only has to be run again.
    late = start(engine, child.result().branch, (0, 0, 0))
    fresh = open_engine(f32)
    again = start(fresh, fresh.root(_path(child.result().branch), Usage()), (0, 0, 0))
    drain(engine)
    drain(fresh)
    assert late.result().tokens == again.result().tokens


def _path(branch: Branch) -> list[int]:
    return branch.stretch(0, branch.length)


def test_release_leaves_jobs_at_work_alone(f32: Path, open_engine: Open) -> None:
    engine, quiet = open_engine(f32), open_engine(f32)
    root = prompt(engine)
    job, expected = start(engine, root, steps=False), start(quiet, prompt(quiet), steps=False)
    for _ in range(5):
        engine.advance()
    engine.release(root)
    drain(engine)
    drain(quiet)
    assert job.result().tokens == expected.result().tokens


def test_a_job_cancelled_after_its_parent_was_released_leaves_nothing(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32)
    root = prompt(engine)
    jobs = [start(engine, root, (i,), steps=False) for i in range(3)]
    for _ in range(4):
        engine.advance()
    engine.release(root)
    for job in jobs:
        engine.cancel(job)
    assert used(engine) == 0


def test_pruned_children_leave_their_parent_where_it_is(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32, n_contexts=1)
    usage = Usage()
    root = prompt(engine, usage=usage)
    for round_ in range(3):
        jobs = [start(engine, root, (round_, i)) for i in range(4)]
        drain(engine)
        for job in jobs:
            engine.release(job.result().branch)
        assert used(engine) == root.length
        assert sum(len(pool.idle) for pool in engine._scheduler.pools) == 1
    assert usage.evaluated == root.length


def test_many_problems_leave_nothing_behind(q8: Path, open_engine: Open) -> None:
    engine = open_engine(q8, n_ctx=512)
    seen: list[weakref.ref[Branch]] = []
    for problem in range(60):
        root = prompt(engine, f"<|problem|>{problem} + 4 = ?<|solution|>")
        jobs = [start(engine, root, (problem, i), max_tokens=6) for i in range(6)]
        drain(engine)
        seen += [weakref.ref(job.result().branch) for job in jobs]
        engine.release(root)
    del root, jobs
    gc.collect()
    assert used(engine) == 0
    assert all(reference() is None for reference in seen)


_MOVE = st.tuples(st.sampled_from("gggeaaarc"), st.integers(0, 30), st.integers(1, 12))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(_MOVE, min_size=5, max_size=60),
    n_ctx=st.sampled_from([256, 1024]),
    n_seq_max=st.sampled_from([1, 3, 8]),
    n_contexts=st.sampled_from([1, 2]),
)
def test_any_order_of_calls_keeps_the_books_straight(
    f32: Path, moves: list[tuple[str, int, int]], n_ctx: int, n_seq_max: int, n_contexts: int
) -> None:
    """generate, evaluate, advance, release and cancel in any order, then everything comes to its end."""
    with Engine(f32, n_ctx=n_ctx, n_seq_max=n_seq_max, n_batch=32, threads=1, n_contexts=n_contexts) as engine:
        usage = Usage()
        branches = [prompt(engine, usage=usage), engine.root([70] * 90, usage)]
        jobs: list[Any] = []
        cancelled: list[Any] = []
        for kind, which, count in moves:
            branch = branches[which % len(branches)]
            if kind == "g":
                jobs.append(start(engine, branch, (len(jobs),), max_tokens=count))
            elif kind == "e" and branch.length + count <= engine.max_length:
                jobs.append(engine.evaluate(branch, [66] * count, [count - 1]))
            elif kind == "a":
                engine.advance()
            elif kind == "r":
                engine.release(branch)
            elif kind == "c" and jobs:
                cancelled.append(jobs[which % len(jobs)])
                engine.cancel(cancelled[-1])
            check(engine)
            branches = branches[:2] + [job.result().branch for job in jobs if job.done]
        drain(engine)
        assert all(job.done or job in cancelled for job in jobs)
        for branch in branches:
            engine.release(branch)
        check(engine)
        assert used(engine) == 0


def test_greedy_sampling_needs_no_room_for_twins(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32)
    root = prompt(engine)
    jobs = [start(engine, root, (i,), sampling=Sampling(temperature=0.0)) for i in range(3)]
    drain(engine)
    assert len({job.result().tokens for job in jobs}) == 1
