"""The Python API: real models (nano), a back end of one's own, and every way of using it wrongly."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest

from tts_cli import ModelError, Problem, Record, Settings, Solver, TtsError, UsageError
from tts_cli.errors import PromptTooLong
from tts_cli.models.backends.llama_cpp import LlamaPolicy
from tts_cli.paths import PACKAGED
from tts_cli.protocols import Finish, Job, SampledStep, SampleKey, Sampling, Usage
from tts_cli.search.events import Event, SearchEnded, SearchStarted

TEXTS = ["Compute 3 + 4.", "Compute 2 + 3.", "Compute 4 + 4.", "Compute 5 + 2."]
ANSWERS = ["7", "5", "8", "7"]
WAIT = 30  # seconds after which a call that should return is said to hang
T = TypeVar("T")


@pytest.fixture(scope="module")
def nano() -> Iterator[Solver]:
    with Solver(policy="nano", method="majority", budget=4, threads=1) as solver:
        yield solver


def in_thread(call: Callable[[], T]) -> T:
    """What a call gives, or raises, in a thread of its own; fails where it hangs."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WAIT)
    assert not thread.is_alive(), "it hangs"
    if errors:
        raise errors[0]
    return results[0]


# Solving


def test_one_problem_gives_a_typed_record(nano: Solver) -> None:
    record = nano.solve("Compute 3 + 4.")
    assert isinstance(record, Record)
    assert (record.id, record.answer, record.method, record.budget, record.prm) == ("1", "7", "majority", 4, None)
    assert nano.solve(Problem("p17", "Compute 3 + 4.", {"level": 1})).input == {"level": 1}


def test_many_problems_come_in_their_order(nano: Solver) -> None:
    records = list(nano.solve_many(TEXTS))
    assert [(record.id, record.answer) for record in records] == list(zip("1234", ANSWERS, strict=True))


def test_or_as_they_end(nano: Solver) -> None:
    long = "Solve 2x + 5 = 21 for x."
    found = {record.id: record.answer for record in nano.solve_many([long, *TEXTS], ordered=False)}
    assert [found[id] for id in "2345"] == ANSWERS and len(found) == 5


def test_problems_are_read_as_they_are_needed(nano: Solver) -> None:
    read: list[str] = []

    def source() -> Iterator[str]:
        for text in TEXTS:
            read.append(text)
            yield text

    records = nano.solve_many(source(), in_flight=1)
    assert read == [], "nothing happens before the first record is asked for"
    assert next(records).answer == "7"
    assert len(read) <= 2
    records.close()


def test_an_error_in_one_problem_gives_a_record_with_it(nano: Solver) -> None:
    good, bad = nano.solve_many(["Compute 3 + 4.", " "])
    assert good.error is None
    assert (bad.id, bad.finish, bad.answer) == ("2", "error", None)
    assert bad.error is not None and bad.error.kind == "usage"


def test_events_are_heard_while_it_solves(nano: Solver) -> None:
    events: list[Event] = []
    nano.solve("Compute 3 + 4.", on_event=events.append)
    assert isinstance(events[0], SearchStarted) and isinstance(events[-1], SearchEnded)
    ids: set[str] = set()
    list(nano.solve_many(TEXTS, on_event=lambda id, event: ids.add(id)))
    assert ids == set("1234")


def test_the_search_behind_a_record(nano: Solver) -> None:
    solved = nano.search("Compute 3 + 4.")
    assert solved.steps and len(solved.steps) == len(solved.scores)
    assert solved.trace({}).record == solved.record


@pytest.mark.parametrize("method", ["greedy", "best-of-n", "beam", "dvts", "best-first"])
def test_settings_have_the_names_of_the_flags(method: str) -> None:
    with Solver(policy="nano", prm="nano-prm", method=method, budget=4, beam_width=2, seed=3, threads=1) as solver:
        record = solver.solve("Compute 3 + 4.")
    assert (record.answer, record.method, record.seed) == ("7", method, 3)
    assert record.budget == (1 if method == "greedy" else 4)


def test_settings_may_be_given_as_one_object() -> None:
    with Solver(Settings(method="greedy", threads=1)) as solver:
        assert solver.solve("Compute 2 + 3.").answer == "5"


def test_it_leaves_signal_handlers_alone(nano: Solver) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    nano.solve("Compute 3 + 4.")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_it_takes_nothing_from_environment_and_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tts.yaml").write_text("method: bem\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TTS_BUDGET", "many")
    with Solver(method="greedy", threads=1) as solver:
        assert solver.solve("Compute 2 + 3.").answer == "5"


def test_it_works_in_any_thread(nano: Solver) -> None:
    assert in_thread(lambda: nano.solve("Compute 3 + 4.").answer) == "7"


def test_it_works_inside_a_running_event_loop(nano: Solver) -> None:
    """As in a notebook or an asynchronous web handler."""

    async def handler() -> str | None:
        return nano.solve("Compute 3 + 4.").answer

    assert asyncio.run(handler()) == "7"


def test_a_model_may_be_named_by_its_path() -> None:
    with Solver(policy=PACKAGED / "nano.gguf", method="greedy", threads=1) as solver:
        assert solver.solve("Compute 2 + 3.").answer == "5"


# Used wrongly


@pytest.mark.parametrize("problem", [7, {"problem": "Compute 3 + 4."}, b"Compute 3 + 4."])
def test_what_is_no_problem_is_refused(nano: Solver, problem: Any) -> None:
    with pytest.raises(UsageError, match="is no problem"):
        nano.solve(problem)
    with pytest.raises(UsageError, match="is no problem"):
        list(nano.solve_many([TEXTS[0], problem]))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"budget": 0}, "--budget is 0"),
        ({"budget": "many"}, "--budget is 'many'"),
        ({"method": "bem"}, "--method is 'bem'"),
        ({"temperature": -1.0}, "--temperature is -1.0"),
        ({"buget": 4}, r"is no setting; did you mean budget\?"),
        ({"policy": "nanno"}, "nanno"),
        ({"policy": ""}, "--policy is ''"),
        ({"prm": "nano-prn", "method": "beam"}, "nano-prn"),
        ({"prm": "none", "method": "beam"}, "beam needs a PRM"),
        ({"profile": "absent.yaml"}, "absent.yaml"),
        ({"settings": Settings(), "budget": 4}, "given twice"),
        ({"settings": Settings(), "policy": "nano"}, "given twice"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Solver(**wrong)


@pytest.mark.parametrize(
    ("method", "budget", "streams"),
    [("greedy", None, 1), ("majority", 16, 17), ("best-of-n", 4, 5), ("majority", None, None), ("beam", 16, None)],
)
def test_a_policy_makes_no_more_streams_than_one_problem_needs(
    method: str, budget: int | None, streams: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []

    def load(*_: object, n_streams: int | None = None, **size: object) -> NoReturn:
        asked.append(n_streams)
        raise ModelError("enough", "")

    monkeypatch.setattr("tts_cli.solver.load_policy", load)
    for one_problem in (True, False):
        with pytest.raises(ModelError, match="enough"):
            Solver(method=method, budget=budget, one_problem=one_problem)
    assert asked == [streams, None]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.gguf"):
        Solver(policy=str(tmp_path / "absent.gguf"), method="greedy")
    (tmp_path / "text.gguf").write_text("no model")
    with pytest.raises(ModelError, match=r"text\.gguf"):
        Solver(policy=str(tmp_path / "text.gguf"), method="greedy")


def test_a_problem_that_cannot_be_begun_raises(nano: Solver) -> None:
    with pytest.raises(UsageError, match="empty"):
        nano.solve("  ")
    with pytest.raises(PromptTooLong):
        nano.solve("1 + " * 10_000)
    assert nano.solve("Compute 3 + 4.").answer == "7", "and harms no other"


def test_two_problems_with_one_id_are_refused(nano: Solver) -> None:
    with pytest.raises(UsageError, match="the id 'a'"):
        list(nano.solve_many([Problem("a", "Compute 3 + 4."), Problem("a", "Compute 2 + 3.")]))
    assert nano.solve("Compute 3 + 4.").answer == "7"


def test_a_closed_solver_says_so() -> None:
    solver = Solver(method="greedy", threads=1)
    late = solver.solve_many(TEXTS)
    solver.close()
    solver.close()
    with pytest.raises(TtsError, match="is closed"):
        solver.solve("Compute 3 + 4.")
    with pytest.raises(TtsError, match="is closed"):
        next(late)


def test_a_second_call_while_an_iterator_is_open_is_refused(nano: Solver) -> None:
    records = nano.solve_many(TEXTS)
    next(records)
    for call in (nano.solve, lambda text: next(nano.solve_many([text]))):
        with pytest.raises(TtsError, match="at work already"):
            call("Compute 3 + 4.")
        with pytest.raises(TtsError, match="at work already"):
            in_thread(lambda call=call: call("Compute 3 + 4."))
    records.close()
    assert nano.solve("Compute 3 + 4.").answer == "7"


def test_a_call_from_within_is_refused(nano: Solver) -> None:
    refused: list[TtsError] = []

    def nested() -> None:
        try:
            nano.solve("Compute 3 + 4.")
        except TtsError as error:
            refused.append(error)

    nano.search("Compute 3 + 4.", on_decode=nested)
    assert refused and "at work already" in refused[0].what


def test_an_iterator_that_is_dropped_makes_way(nano: Solver) -> None:
    for record in nano.solve_many(TEXTS, in_flight=2):
        assert record.answer == "7"
        break
    gc.collect()
    assert nano.solve("Compute 3 + 4.").answer == "7"


def test_an_exception_in_the_loop_makes_way(nano: Solver) -> None:
    with pytest.raises(KeyError):
        for record in nano.solve_many(TEXTS):
            raise KeyError(record.id)
    assert nano.solve("Compute 3 + 4.").answer == "7"


def test_an_exception_of_the_source_is_raised(nano: Solver) -> None:
    def source() -> Iterator[str]:
        yield TEXTS[0]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(nano.solve_many(source()))
    assert nano.solve("Compute 3 + 4.").answer == "7"


# A back end of one's own

SOLUTIONS = {text: ("so", rf"\boxed{{{answer}}}") for text, answer in zip(TEXTS, ANSWERS, strict=True)}


@dataclass
class Place:
    """A `protocols.Prefix`: `length` steps of a problem's solution."""

    problem: str
    usage: Usage
    length: int = 0


@dataclass
class Dictionary:
    """A policy that looks solutions up. Implements `protocols.Policy`."""

    solutions: Mapping[str, tuple[str, ...]]
    name: str = "dictionary"
    parameters: int = 1
    waiting: dict[Job[SampledStep], Place] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        return bool(self.waiting)

    def start(self, problem: str, usage: Usage) -> Place:
        return Place(problem, usage)

    def sample(self, prefix: Any, key: SampleKey, sampling: Sampling) -> Job[SampledStep]:
        job = Job[SampledStep]()
        self.waiting[job] = prefix
        return job

    def advance(self) -> None:
        for job, at in self.waiting.items():
            text, after = self.solutions[at.problem][at.length], Place(at.problem, at.usage, at.length + 1)
            at.usage.sampled += 1
            finish = Finish.ANSWERED if "boxed" in text else Finish.STEP
            job.resolve(SampledStep(text, 1, finish, after, logprob=-1.0))
        self.waiting.clear()

    def release(self, prefix: Any) -> None:
        """Nothing is held."""

    def cancel(self, job: Job[Any]) -> None:
        self.waiting.pop(job, None)


def test_a_back_end_of_ones_own_solves() -> None:
    with Solver(policy=Dictionary(SOLUTIONS), method="majority", budget=3) as solver:
        record = solver.solve(TEXTS[0])
        assert (record.answer, record.policy, record.votes[0].count, record.cost.flops) == ("7", "dictionary", 3, 12.0)
        assert [one.answer for one in solver.solve_many(TEXTS, in_flight=3)] == ANSWERS


def test_auto_goes_by_the_papers_table_without_a_prm() -> None:
    with Solver(policy=Dictionary(SOLUTIONS)) as solver:
        record = solver.solve(TEXTS[0])
    assert (record.method, record.budget) == ("majority", 4) and record.why.endswith("; the first 4 samples agree.")


@pytest.mark.parametrize(("settings", "says"), [({"method": "beam"}, "needs a PRM"), ({"prm": "nano-prm"}, "by name")])
def test_what_it_cannot_do_is_said(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Solver(policy=Dictionary(SOLUTIONS), **settings)


def test_a_bug_in_a_back_end_ends_the_run_and_is_raised() -> None:
    class Broken(Dictionary):
        def advance(self) -> None:
            raise MemoryError("no memory")

    with Solver(policy=Broken(SOLUTIONS), method="greedy") as solver:
        with pytest.raises(MemoryError):
            solver.solve(TEXTS[0])
        with pytest.raises(MemoryError):
            list(solver.solve_many(TEXTS))


# Cancelling and closing: with a policy that works until a test lets it end


class Slow(Dictionary):
    """Never gets ready, but decodes on: `decodes` counts, so that a test can wait until it is at work."""

    decodes = 0

    def advance(self) -> None:
        self.decodes += 1
        time.sleep(0.001)

    def until_at_work(self) -> None:
        deadline = time.monotonic() + WAIT
        while not self.decodes and time.monotonic() < deadline:
            time.sleep(0.001)
        assert self.decodes


def test_cancel_breaks_a_decode_off() -> None:
    class Long(Slow):
        """Its decode lasts until it is interrupted."""

        def __init__(self) -> None:
            super().__init__(SOLUTIONS)
            self.interrupted = threading.Event()

        def advance(self) -> None:
            super().advance()
            assert self.interrupted.wait(WAIT)

        def interrupt(self) -> None:
            self.interrupted.set()

    policy = Long()
    with Solver(policy=policy, method="greedy") as solver:
        threading.Thread(target=lambda: (policy.until_at_work(), solver.cancel()), daemon=True).start()
        assert in_thread(lambda: solver.solve(TEXTS[0])).finish == "no-answer"
    assert policy.decodes == 1


def test_cancel_from_another_thread_gives_the_best_so_far() -> None:
    policy = Slow(SOLUTIONS)
    with Solver(policy=policy, method="greedy") as solver:
        threading.Thread(target=lambda: (policy.until_at_work(), solver.cancel()), daemon=True).start()
        record = in_thread(lambda: solver.solve(TEXTS[0]))
        assert (record.answer, record.finish) == (None, "no-answer")


def test_cancel_ends_an_iterator_with_what_is_finished() -> None:
    with Solver(policy=Dictionary(SOLUTIONS), method="greedy") as solver:
        found = []
        for record in solver.solve_many(iter(TEXTS * 9), in_flight=1):
            found.append(record.id)
            solver.cancel()
        assert found == ["1"]
        assert solver.solve(TEXTS[0]).answer == "7", "it can be used again"


def test_close_from_another_thread_cancels_and_waits() -> None:
    policy = Slow(SOLUTIONS)
    solver = Solver(policy=policy, method="greedy")
    results: list[Record] = []
    worker = threading.Thread(target=lambda: results.append(solver.solve(TEXTS[0])), daemon=True)
    worker.start()
    policy.until_at_work()
    in_thread(solver.close)
    worker.join(WAIT)
    assert results[0].finish == "no-answer" and not policy.busy
    with pytest.raises(TtsError, match="is closed"):
        solver.solve(TEXTS[0])


def test_close_with_an_open_iterator_ends_it() -> None:
    solver = Solver(policy=Dictionary(SOLUTIONS), method="greedy")
    records = solver.solve_many(TEXTS, in_flight=1)
    assert next(records).answer == "7"
    in_thread(solver.close)
    assert list(records) == []


def test_close_within_the_loop_over_an_iterator_ends_it() -> None:
    def loop() -> list[str]:
        found = []
        with Solver(method="greedy", threads=1) as solver:
            for record in solver.solve_many(TEXTS, in_flight=1):
                found.append(record.id)
                solver.close()
        return found

    assert in_thread(loop) == ["1"]


def test_close_from_within_a_call_frees_the_models_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[str] = []
    close = LlamaPolicy.close
    monkeypatch.setattr(LlamaPolicy, "close", lambda policy: (freed.append(policy.name), close(policy)))
    solver = Solver(method="majority", budget=4, threads=1)
    solved = in_thread(lambda: solver.search(TEXTS[0], on_decode=solver.close))
    assert solved.record.finish == "no-answer"
    with pytest.raises(TtsError, match="is closed"):
        solver.solve(TEXTS[0])
    assert freed == ["nano"]


def test_close_leaves_back_ends_of_ones_own_alone() -> None:
    class Closable(Dictionary):
        def close(self) -> None:
            raise AssertionError("it is not the solver's")

    with Solver(policy=Closable(SOLUTIONS), method="greedy") as solver:
        solver.solve(TEXTS[0])


def test_a_solver_that_cannot_be_made_leaves_nothing_open() -> None:
    before = threading.active_count()
    with pytest.raises(UsageError):
        Solver(policy="nano", prm="none", method="beam", threads=1)
    assert threading.active_count() <= before  # an earlier test's thread may end meanwhile
