"""Jobs and those that are derived from them: who is resolved, who fails, and when the work itself may stop."""

from __future__ import annotations

import pytest

from tts_cli.protocols import Job


def test_a_derived_job_ends_when_its_source_does() -> None:
    source: Job[int] = Job()
    doubled, text = source.then(lambda number: 2 * number), source.then(str)
    assert not doubled.done and not text.done
    source.resolve(21)
    late = source.then(lambda number: number + 1)
    assert (doubled.result(), text.result(), late.result()) == (42, "21", 22)
    assert source.abandon() is doubled.abandon() is None, "those that have ended are left alone"


def test_a_failure_is_passed_on_after_the_clean_up() -> None:
    calls: list[str] = []
    source: Job[int] = Job()
    step = source.then(str, lambda: calls.append("step"))
    waiters = [step.then(len, lambda name=name: calls.append(name)) for name in "ab"]
    error = ValueError("no room")
    source.fail(error)
    assert calls == ["step", "a", "b"]
    assert all(job.error is error for job in (step, *waiters))
    assert source.then(str, lambda: calls.append("late")).error is error
    assert calls[-1] == "late"


def test_the_work_stops_when_nobody_waits_any_more() -> None:
    calls: list[str] = []
    source: Job[int] = Job()
    step = source.then(str, lambda: calls.append("step"))
    first, second = step.then(len), step.then(len)
    assert first.abandon() is None and not calls, "the other one still waits"
    assert second.abandon() is source
    assert calls == ["step"]
    source.resolve(1)
    assert not (first.done or second.done or step.done)


def test_one_who_is_gone_does_not_keep_the_others_from_the_result() -> None:
    source: Job[int] = Job()
    gone, stays = source.then(str), source.then(str)
    gone.abandon()
    source.resolve(7)
    assert stays.result() == "7" and not gone.done


def test_a_derived_job_does_not_keep_its_source_alive() -> None:
    """The source's result may be large: logits of a whole vocabulary for each step."""
    source: Job[bytes] = Job()
    derived = source.then(len)
    source.resolve(b"x" * 1000)
    assert derived._source is None and derived.result() == 1000


def test_a_job_under_way_has_no_result() -> None:
    with pytest.raises(RuntimeError, match="not ended"):
        Job[int]().result()
