"""The driver: who runs when, who stops whom, and that nobody harms another."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.search.scripted import Backend, Bench, Once, ScriptedPolicy, ScriptedPrm, conclude, solutions
from tests.search.test_beam import BEAM, BEAM_SCORES, DVTS, DVTS_SCORES
from tests.search.test_chains import THREE
from tts_cli.errors import PromptTooLong, log_unexpected
from tts_cli.protocols import Job, Sampling
from tts_cli.search.context import Limits, Search
from tts_cli.search.driver import PRM_PATIENCE, Driver, gather
from tts_cli.search.events import to_json
from tts_cli.search.methods import METHODS

WORDS = 6
LINES = {(index, 0): "one two three four five 6." for index in range(3)}


def once(policy: ScriptedPolicy, id: str, samples: int = 1) -> Once:
    search = Search(
        id,
        id=id,
        policy=policy,
        prm=None,
        conclude=conclude,
        seed=0,
        sampling=Sampling(),
        limits=Limits(),
    )
    return Once(search, METHODS["majority"].run, samples)


def test_all_searches_share_each_decode() -> None:
    policy = ScriptedPolicy(script=LINES)
    ended = list(Driver(policy).run([once(policy, "p", 2), once(policy, "q", 3)]))
    assert [e.search.search.id for e in ended] == ["p", "q"]
    assert policy.batches == [5] * WORDS


def test_searches_are_read_only_as_places_get_free() -> None:
    policy = ScriptedPolicy(script=LINES)
    read: list[str] = []

    def source() -> Iterator[Once]:
        for id in "abcd":
            read.append(id)
            yield once(policy, id)

    runs = Driver(policy).run(source(), max_in_flight=2)
    seen = [(next(runs).search.search.id, "".join(read)) for _ in range(4)]
    assert seen == [("a", "ab"), ("b", "ab"), ("c", "abcd"), ("d", "abcd")]
    assert policy.batches == [2] * (2 * WORDS)
    assert list(runs) == []


def test_a_place_is_filled_before_the_next_decode() -> None:
    policy = ScriptedPolicy(script={(0, 0): "1.", (1, 0): "a b c 2."})
    short = [once(policy, id) for id in ("a", "b", "c")]
    list(Driver(policy).run([once(policy, "long", 2), *short], max_in_flight=2))
    assert policy.batches == [3, 2, 2, 1]


def test_a_failing_search_harms_no_other() -> None:
    policy, unfit = ScriptedPolicy(script=LINES), ScriptedPolicy(problem_error=PromptTooLong("too long"))
    searches = [once(policy, "a"), once(unfit, "bad"), once(policy, "b")]
    ended = list(Driver(policy).run(searches))
    by_id = {e.search.search.id: e for e in ended}
    assert isinstance(by_id["bad"].error, PromptTooLong)
    assert [solutions(by_id[id].search.search) for id in "ab"] == [[(["one two three four five 6"], 1)]] * 2
    assert by_id["a"].error is None and not by_id["a"].stopped


def test_an_error_in_one_sample_ends_its_search_and_cancels_its_other_jobs() -> None:
    policy = ScriptedPolicy(script={(0, 0): "x", (1, 0): "one two three four."})  # (0, 0, 0) is missing
    (ended,) = Driver(policy).run([once(policy, "p", 2)])
    assert isinstance(ended.error, KeyError)
    assert len(policy.cancelled) == 1 and not policy.busy
    assert policy.held == []


def test_the_traceback_of_an_unexpected_error_is_logged_and_of_others_is_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "tts_cli")
    policy, unfit = ScriptedPolicy(script={}), ScriptedPolicy(problem_error=PromptTooLong("too long"))
    for ended in Driver(policy).run([once(unfit, "expected"), once(policy, "unexpected")]):
        log_unexpected(ended.error)
    (logged,) = caplog.records
    assert logged.exc_info is not None and logged.exc_info[0] is KeyError
    assert "in sample" in caplog.text, "down to the place where it was raised"


def test_an_error_of_a_back_end_closes_all_searches_and_is_raised() -> None:
    policy = ScriptedPolicy(script=LINES)
    policy.advance = _broken  # type: ignore[method-assign]
    with pytest.raises(MemoryError):
        list(Driver(policy).run([once(policy, "p", 2)]))
    assert policy.held == [] and not policy.busy


def _broken() -> None:
    raise MemoryError("no memory")


def test_stopping_leaves_what_is_finished_and_cancels_the_rest() -> None:
    script = {(0, 0): "1.", (1, 0): "a b c d 2."}
    policy = ScriptedPolicy(script=script)
    (ended,) = Driver(policy).run([once(policy, "p", 2)], should_stop=lambda: len(policy.batches) == 2)
    assert ended.stopped and ended.error is None
    assert solutions(ended.search.search) == [(["1"], 1)]
    assert len(policy.batches) == 2, "no decode after the stop"
    assert len(policy.cancelled) == 1 and policy.held == []


def test_after_a_stop_no_further_search_is_read() -> None:
    policy = ScriptedPolicy(script=LINES)
    searches = iter([once(policy, id) for id in "abc"])
    ended = list(Driver(policy).run(searches, should_stop=lambda: len(policy.batches) == 3, max_in_flight=1))
    assert [(e.search.search.id, e.stopped) for e in ended] == [("a", True)]
    assert next(searches).search.id == "b"


def test_no_decode_comes_between_a_stop_and_the_end_even_with_two_models() -> None:
    policy, prm = ScriptedPolicy(script={(0, 0): "x", (0, 0, 0): "a b c 1."}), ScriptedPrm(scores={"x": 0.5})
    search = Search(
        "p", id="p", policy=policy, prm=prm, conclude=conclude, seed=0, sampling=Sampling(), limits=Limits()
    )
    best_of_n = Once(search, METHODS["best-of-n"].run, 1)
    (ended,) = Driver(policy, prm).run([best_of_n], should_stop=lambda: len(policy.batches) == 1)
    assert ended.stopped
    assert (len(policy.batches), len(prm.batches)) == (1, 0), "the step's score is no longer worked out"


def test_scores_that_nobody_waits_for_are_worked_out_together() -> None:
    """Two samples write a step of 3 words and one of 12: both first steps share the PRM's first turn."""
    long = " ".join(["w"] * 12)
    script = {(0, 0): "a", (1, 0): "b b b", (0, 0, 0): long + ".", (1, 0, 0): long + "."}
    bench = Bench(script, {"a": 0.5, "b b b": 0.5, long: 0.5})
    turns: list[tuple[int, int]] = []
    bench.run(
        METHODS["best-of-n"].run,
        2,
        on_advance=lambda: turns.append((len(bench.policy.batches), len(bench.prm.batches))),
    )
    assert bench.prm.batches == [2, 2]
    assert turns.index((1 + PRM_PATIENCE, 1)) == 1 + PRM_PATIENCE, "after it has waited for that many decodes"


def test_a_patient_prm_waits_until_the_policy_has_nothing_to_do() -> None:
    script = {(0, 0): "a", (0, 0, 0): " ".join(["w"] * 3 * PRM_PATIENCE) + "."}
    bench = Bench(script, {"a": 0.5, " ".join(["w"] * 3 * PRM_PATIENCE): 0.5})
    before: list[int] = []
    search = Once(bench.search, METHODS["best-of-n"].run, 1)
    runs = Driver(bench.policy, bench.prm, 1000).run(
        [search], on_advance=lambda: before.append(len(bench.policy.batches)) if len(bench.prm.batches) == 1 else None
    )
    assert [ended.error for ended in runs] == [None]
    assert before[0] == len(bench.policy.batches) > 1 + PRM_PATIENCE


def test_a_search_that_stops_just_before_the_turn_of_the_prm_harms_no_other() -> None:
    script = {(0, 0): "a", (0, 0, 0): " ".join(["w"] * 30) + "."}
    bench = Bench(script, {"a": 0.5})
    policy, prm = bench.policy, bench.prm
    scored = Once(bench.search, METHODS["best-of-n"].run, 1, stop=lambda: len(policy.batches) == 1 + PRM_PATIENCE)
    ended = list(Driver(policy, prm).run([scored, once(policy, "other")]))
    assert [(e.search.search.id, e.stopped) for e in ended] == [("p", True), ("other", False)]
    assert prm.batches == []


def test_one_search_may_stop_alone() -> None:
    policy = ScriptedPolicy(script=LINES)
    first, second = once(policy, "a"), once(policy, "b")
    first.stop = lambda: len(policy.batches) == 2
    ended = list(Driver(policy).run([first, second]))
    assert [(e.search, e.stopped) for e in ended] == [(first, True), (second, False)]
    assert policy.batches == [2, 2] + [1] * (WORDS - 2)


def test_on_advance_is_called_after_every_decode() -> None:
    policy, ticks = ScriptedPolicy(script=LINES), []
    list(Driver(policy).run([once(policy, "a")], on_advance=lambda: ticks.append(len(policy.batches))))
    assert ticks == list(range(1, WORDS + 1))


def test_leaving_the_loop_closes_the_searches_under_way() -> None:
    policy = ScriptedPolicy(script={(0, 0): "1.", (1, 0): "a b c 2."})
    runs = Driver(policy).run([once(policy, "short"), once(policy, "long", 2)])
    next(runs)
    runs.close()  # type: ignore[attr-defined]
    assert policy.held == [] and not policy.busy


def test_a_search_that_waits_for_nobody_is_an_error_and_no_endless_loop() -> None:
    async def wait_for_ever(search: Search, budget: int, beam_width: int) -> None:
        await Job[None]()

    policy = ScriptedPolicy()
    stuck = once(policy, "p")
    stuck.method = wait_for_ever
    with pytest.raises(RuntimeError, match="no back end has work"):
        list(Driver(policy).run([stuck]))


@dataclass
class Waiting(Backend):
    """A decode of it lasts until it is interrupted, or for `seconds`; the one job ends with a decode that lasted."""

    seconds: float = 0.3
    interrupted: threading.Event = field(default_factory=threading.Event)
    job: Job[None] = field(default_factory=Job)
    advances: int = 0

    @property
    def busy(self) -> bool:
        return not self.job.done

    def advance(self) -> None:
        self.advances += 1
        if not self.interrupted.wait(self.seconds):
            self.job.resolve(None)

    def interrupt(self) -> None:
        self.interrupted.set()


@pytest.mark.parametrize(
    ("left", "advances", "stopped"),
    [([0.02], 1, [True]), ([0.02, 0.04], 1, [True, True]), ([0.02, None], 1, [False, False]), ([9.0], 1, [False])],
)
def test_a_decode_is_interrupted_when_no_search_has_time_left(
    left: list[float | None], advances: int, stopped: list[bool]
) -> None:
    backend = Waiting()

    async def wait(search: Search, budget: int, beam_width: int) -> None:
        await backend.job

    searches = [once(ScriptedPolicy(), f"p{i}") for i in range(len(left))]
    for search, seconds in zip(searches, left, strict=True):
        search.method, search.left, search.stop = wait, seconds, backend.interrupted.is_set
    ended = list(Driver(backend).run(searches))
    assert [one.stopped for one in ended] == stopped
    assert backend.advances == advances


def test_results_of_gather_come_in_the_order_asked_for() -> None:
    done: list[str] = []
    jobs = {name: Job[str]() for name in "ab"}

    async def wait(name: str) -> str:
        done.append(await jobs[name])
        return name

    async def both(search: Search, budget: int, beam_width: int) -> None:
        results.extend(await gather(wait("a"), wait("b")))

    class Slow(Backend):
        @property
        def busy(self) -> bool:
            return not all(job.done for job in jobs.values())

        def advance(self) -> None:
            name = "b" if not jobs["b"].done else "a"
            jobs[name].resolve(name)

    results: list[str] = []
    policy = ScriptedPolicy()
    search = once(policy, "p")
    search.method = both
    list(Driver(Slow()).run([search]))
    assert (done, results) == (["b", "a"], ["a", "b"])


@pytest.mark.parametrize(
    ("method", "script", "scores", "budget"),
    [
        ("beam", BEAM, BEAM_SCORES, 4),
        ("dvts", DVTS, DVTS_SCORES, 4),
        ("best-of-n", THREE, {"x y": 0.5, "is 1": 0.9, "z": 0.4, "is 2": 0.3}, 3),
        ("best-first", THREE, {"x y": 0.5, "is 1": 0.9, "z": 0.4, "is 2": 0.3}, 3),
    ],
)
def test_the_same_seed_gives_the_same_events(
    method: str, script: dict[tuple[int, ...], str], scores: dict[str, float], budget: int
) -> None:
    found = []
    for _ in range(2):
        bench = Bench(script, scores)
        bench.run(METHODS[method].run, budget, 2)
        found.append([to_json(event) for event in bench.events])
    assert found[0] == found[1] and len(found[0]) > 5


@pytest.mark.parametrize("method", ["beam", "dvts", "best-of-n", "majority", "best-first"])
def test_a_search_may_be_stopped_after_any_decode(method: str) -> None:
    scripts = {"beam": (BEAM, BEAM_SCORES, 4), "dvts": (DVTS, DVTS_SCORES, 4)}
    script, scores, budget = scripts.get(method, (THREE, {"x y": 0.5, "is 1": 0.9, "z": 0.4, "is 2": 0.3}, 3))
    whole = Bench(script, scores)
    whole.run(METHODS[method].run, budget, 2)
    decodes = len(whole.policy.batches) + len(whole.prm.batches)
    for stop in range(decodes):
        bench = Bench(script, scores)
        bench.run(METHODS[method].run, budget, 2, should_stop=lambda b=bench, s=stop: _decodes(b) >= s)
        assert _decodes(bench) == stop
        assert bench.policy.held == [] and bench.prm.held == [] and not bench.policy.busy and not bench.prm.busy
        bench.search.finish_rest()
        assert set(bench.names([n.number for n in bench.search.solutions])) <= {n.text for n in whole.search.nodes()}


def _decodes(bench: Bench) -> int:
    return len(bench.policy.batches) + len(bench.prm.batches)


def test_search_imports_neither_llama_cpp_nor_rich() -> None:
    code = (
        "import sys, tts_cli.search, tts_cli.search.driver, tts_cli.search.events;"
        "heavy = {'llama_cpp', 'rich', 'numpy', 'sympy', 'pydantic'};"
        "print(sorted({module.split('.')[0] for module in sys.modules} & heavy))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_the_driver_counts_the_seconds_of_each_back_end_apart() -> None:
    bench = Bench({(0, 0): r"\boxed 1."}, {r"\boxed 1": 0.5})
    driver = Driver(bench.policy, bench.prm)
    list(driver.run([Once(bench.search, METHODS["best-of-n"].run, 1)]))
    assert driver.seconds["policy"] > 0 and driver.seconds["prm"] > 0


def test_none_for_now_lets_the_others_go_on_and_is_asked_again() -> None:
    policy = ScriptedPolicy(script=LINES)
    source = iter([once(policy, "a"), None, once(policy, "b"), None])
    runs = Driver(policy).run(source, max_in_flight=3)
    assert [ended.search.search.id for ended in runs] == ["a", "b"]
    assert policy.batches == [1] + [2] * (WORDS - 1) + [1]
