"""From a problem to its record, over scripted models: votes, limits, errors, many problems."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from tests.search.scripted import Same, ScriptedPolicy, ScriptedPrm, from_json, wandering
from tts_cli.answers.judge import Judge
from tts_cli.config import Settings
from tts_cli.data.record import Problem, Record, RecordError
from tts_cli.data.trace import dump, parse
from tts_cli.errors import PromptTooLong, UsageError
from tts_cli.search.events import Event, SearchEnded, SearchStarted, SolutionFinished, Spent
from tts_cli.solving.solve import Solved, how_many, solve, solve_many

BOX = r"\boxed{%s}."


def lines(*answers: str) -> dict[tuple[int, ...], str]:
    """One script of one-step solutions; an answer of None is a solution without one."""
    return {(index, 0): BOX % answer for index, answer in enumerate(answers)}


def run(
    script: Mapping[tuple[int, ...], str],
    scores: Mapping[str, float] | None = None,
    method: Any = "majority",
    *,
    listener: Callable[[Event], None] = lambda event: None,
    should_stop: Callable[[ScriptedPolicy], bool] = lambda policy: False,
    clock: Callable[[], float] = lambda: 0.0,
    **settings: Any,
) -> Solved:
    policy = ScriptedPolicy(script=script)
    prm = None if scores is None else ScriptedPrm("scripted-prm", 1000, scores=scores)
    return solve(
        "one two three",
        Settings(method=method, **settings),
        policy,
        prm,
        judge=Same(),
        listener=listener,
        should_stop=lambda: should_stop(policy),
        clock=clock,
    )


def test_a_majority_wins() -> None:
    record = run(lines("7", "8", "8"), budget=3).record
    assert (record.answer, record.finish, record.solution) == ("8", "answered", r"\boxed{8}")
    assert [(v.answer, v.count, v.weight) for v in record.votes] == [("8", 2, 2.0), ("7", 1, 1.0)]
    assert record.confidence == pytest.approx(2 / 3)
    assert (record.prm, record.method, record.budget) == (None, "majority", 3)
    assert record.why == "majority was asked for; N = 3 was asked for."


SCORES = {r"\boxed{7}": 0.9, r"\boxed{8}": 0.4, r"\boxed{9}": 0.6}


@pytest.mark.parametrize(
    ("select", "answer", "confidence"),
    [("weighted", "8", 1.2 / 2.7), ("max", "7", 0.9 / 1.9), ("majority", "8", 3 / 5)],
)
def test_each_selection(select: Any, answer: str, confidence: float) -> None:
    record = run(lines("7", "8", "8", "8", "9"), SCORES, "best-of-n", budget=5, select=select).record
    assert record.answer == answer
    assert record.confidence == pytest.approx(confidence)


@pytest.mark.parametrize(("how", "score"), [("last", 0.5), ("min", 0.2), ("mean", 0.35), ("prod", 0.1)])
def test_each_aggregation(how: Any, score: float) -> None:
    script = {(0, 0): "x", (0, 0, 0): r"\boxed{1}."}
    solved = run(script, {"x": 0.2, r"\boxed{1}": 0.5}, "best-of-n", budget=1, aggregate=how)
    assert solved.record.votes[0].weight == pytest.approx(score)
    assert (solved.steps, solved.scores) == (("x", r"\boxed{1}"), (0.2, 0.5))


def test_cost_counts_both_models() -> None:
    cost = run({(0, 0): "x y", (0, 0, 0): BOX % 1}, {"x y": 0.2, r"\boxed{1}": 0.5}, "best-of-n", budget=1).record.cost
    assert (cost.policy_tokens, cost.prm_tokens) == (3, 3)
    assert cost.flops == 2 * (10 * 3 + 1000 * 3)


def test_the_chosen_solution_is_the_best_scored_of_the_winning_class() -> None:
    script = {(0, 0): r"so \boxed{1}.", (1, 0): r"thus \boxed{1}.", (2, 0): r"\boxed{2}."}
    scores = {r"so \boxed{1}": 0.3, r"thus \boxed{1}": 0.4, r"\boxed{2}": 0.6}
    assert run(script, scores, "best-of-n", budget=3).record.solution == r"thus \boxed{1}"


def test_a_tie_goes_to_the_first_sample_and_not_to_the_one_that_ended_first() -> None:
    record = run({(0, 0): r"so it must be \boxed{7}.", (1, 0): BOX % 8}, budget=2).record
    assert [vote.answer for vote in record.votes] == ["7", "8"]


def test_unfinished_solutions_do_not_vote_where_one_is_finished() -> None:
    script = {(0, 0): r"\boxed{1}~", (1, 0): r"the answer is 1~", (2, 0): r"\boxed{2}."}
    record = run(script, budget=3).record
    assert [(v.answer, v.count) for v in record.votes] == [("2", 1)]


def test_without_a_finished_solution_those_that_state_an_answer_vote_and_the_record_says_so() -> None:
    script = {(0, 0): "The answer is 5~", (1, 0): "so 3 * 4 = 12~", (2, 0): "so 3 * 4 = 12~"}
    record = run(script, budget=3).record
    assert (record.answer, record.finish) == ("5", "answered")
    assert "no solution was finished" in record.why


def test_no_answer_because_all_were_cut() -> None:
    record = run({(0, 0): "so 3 * 4 = 12~"}, budget=1).record
    assert (record.answer, record.finish, record.confidence, record.votes) == (None, "max-tokens", None, [])


def test_no_answer_in_a_finished_solution() -> None:
    record = run({(0, 0): "I do not know."}, budget=1).record
    assert (record.answer, record.finish, record.solution) == (None, "no-answer", "I do not know")


def test_low_confidence_gives_no_answer_but_keeps_the_votes() -> None:
    record = run(lines("1", "2", "3"), budget=3, min_confidence=0.5).record
    assert (record.answer, record.finish) == (None, "low-confidence")
    assert record.confidence == pytest.approx(1 / 3) and len(record.votes) == 3
    assert "the confidence is below --min-confidence 0.5" in record.why
    assert run(lines("1", "1", "3"), budget=3, min_confidence=0.5).record.finish == "answered"


# Confidence


def sevens(votes: int, of: int, **settings: Any) -> Record:
    return run(lines(*"7" * votes, *"8" * (of - votes)), budget=of, **settings).record


@pytest.mark.parametrize("settings", [{"method": "greedy"}, {"budget": 1}, {"budget": 8, "temperature": 0}])
def test_one_sample_has_no_confidence(settings: dict[str, Any]) -> None:
    record = run(lines("7"), **settings).record
    assert (record.answer, record.finish, record.confidence) == ("7", "answered", None)
    assert (record.finished, record.samples) == (1, 1)
    for least in (0.99, 0.5, 0.0):
        refused = run(lines("7"), **settings, min_confidence=least).record
        assert (refused.answer, refused.finish, refused.confidence) == (None, "low-confidence", None)
        assert f"one sample without a profile gives no confidence, which --min-confidence {least:g}" in refused.why


def test_one_answer_of_several_samples_has_no_confidence() -> None:
    record = run(lines("7") | {(1, 0): "I do not know.", (2, 0): r"\boxed{8}~"}, budget=3).record
    assert (record.answer, record.confidence, record.finished, record.samples) == ("7", None, 2, 3)


def test_unfinished_solutions_give_no_confidence() -> None:
    record = run({(i, 0): "The answer is 5~" for i in range(8)}, budget=8).record
    assert (record.answer, record.confidence, record.finished, record.samples) == ("5", None, 0, 8)


@pytest.mark.parametrize(
    ("votes", "of", "least", "finish"),
    [
        (2, 2, 0.75, "answered"),
        (2, 2, 0.76, "low-confidence"),
        (2, 2, 0.9, "low-confidence"),
        (7, 7, 0.9, "low-confidence"),
        (8, 8, 0.9, "answered"),
        (15, 16, 0.9, "answered"),
        (14, 16, 0.9, "low-confidence"),
        (17, 17, 0.95, "low-confidence"),
        (18, 18, 0.95, "answered"),
        (32, 32, 1, "low-confidence"),
    ],
)
def test_a_vote_passes_with_its_share_and_enough_samples(votes: int, of: int, least: float, finish: str) -> None:
    record = sevens(votes, of, min_confidence=least)
    assert (record.finish, record.confidence) == (finish, pytest.approx(votes / of))
    assert record.answer == ("7" if finish == "answered" else None)


def test_it_is_said_how_many_votes_it_takes() -> None:
    assert (
        "7 votes are too few for --min-confidence 0.9, which takes 8 or a profile"
        in sevens(7, 7, min_confidence=0.9).why
    )
    assert "no vote is enough for --min-confidence 1, however many agree" in sevens(32, 32, min_confidence=1).why


@pytest.mark.parametrize(
    ("method", "select"), [("majority", "majority"), ("best-of-n", "weighted"), ("best-of-n", "max")]
)
def test_a_last_number_counts_half_beside_boxes(method: Any, select: Any) -> None:
    script = {(0, 0): wandering(20), (1, 0): r"\boxed{5}.", (2, 0): wandering(20, "Take"), (3, 0): r"\boxed{5}."}
    scores = None if method == "majority" else {text[:-1]: 0.5 if "5" in text else 0.6 for text in script.values()}
    record = run(script, scores, method, budget=4, select=select).record
    assert record.answer == "5" and [(v.answer, v.count) for v in record.votes] == [("5", 2), ("20", 2)]
    assert "2 of 4 answers are only the last numbers of their solutions and count half" in record.why
    if method == "majority":
        assert record.confidence == pytest.approx(2 / 3) and record.votes[1].weight == 1.0


def test_only_last_numbers_count_in_full() -> None:
    record = run({(0, 0): wandering(20), (1, 0): wandering(20, "Take"), (2, 0): wandering(5)}, budget=3).record
    assert (record.answer, record.confidence, record.votes[0].weight) == ("20", pytest.approx(2 / 3), 2.0)
    assert "last number" not in record.why


@pytest.mark.parametrize("method", ["beam", "dvts", "best-first"])
def test_a_tree_search_counts_what_it_did_not_give_up(method: Any) -> None:
    """All that is kept ends; best-first search draws its four samples one by one."""

    class Ends(dict[tuple[int, ...], str]):
        def __missing__(self, path: tuple[int, ...]) -> str:
            return r"\boxed{7}." if path[-1] % 2 else r"so \boxed{8}."

    record = run(Ends(), {r"\boxed{7}": 0.6, r"so \boxed{8}": 0.7}, method, budget=4, beam_width=2).record
    assert record.finished == record.samples == sum(vote.count for vote in record.votes) > 0
    assert method != "best-first" or record.samples == 4


def test_temperature_zero_runs_one_sample_for_all() -> None:
    record = run(lines("1"), budget=16, temperature=0).record
    assert [(v.answer, v.count) for v in record.votes] == [("1", 16)]
    assert record.cost.policy_tokens == 1 and record.budget == 16
    assert "at temperature 0 all 16 samples are equal" in record.why


@pytest.mark.parametrize("method", ["beam", "dvts"])
def test_temperature_zero_with_a_tree(method: Any) -> None:
    script = {(0,): "x", (0, 0): BOX % 1, (0, 0, 0): BOX % 1}  # beam's streams and those of dvts
    solved = run(script, {"x": 0.1, r"\boxed{1}": 0.2}, method, budget=16, temperature=0)
    assert solved.record.votes[0].count == 16


def test_greedy_samples_at_temperature_zero_whatever_is_set() -> None:
    policy = ScriptedPolicy(script=lines("1"))
    solve("p", Settings(method="greedy"), policy, None, judge=Same())
    assert [sampling.temperature for sampling in policy.samplings] == [0.0]


# Limits and stops

LONG = {(0, 0): r"\boxed{1}.", (1, 0): r"one two three four five \boxed{2}."}


def test_max_time_stops_before_the_next_decode_with_what_was_found() -> None:
    ticks = iter(range(100))
    solved = run(LONG, budget=2, max_time=2.5, clock=lambda: float(next(ticks)))
    assert (solved.record.answer, solved.record.finish) == ("1", "answered")
    assert solved.record.why.endswith("it was stopped at --max-time with 1 of 2 samples finished.")
    assert (solved.record.finished, solved.record.samples, solved.record.confidence) == (1, 2, None)
    assert not solved.stopped


@pytest.mark.parametrize(
    ("max_time", "now", "limits"), [(8.0, 0.0, [8.0]), (8.0, 7.5, [1.0]), (8.0, 9.0, [1.0]), (None, 9.0, [])]
)
def test_answers_are_compared_in_the_time_that_is_left_or_a_moment(
    max_time: float | None, now: float, limits: list[float]
) -> None:
    found: list[float] = []

    class Limited(Judge):
        @contextmanager
        def within(self, seconds: float) -> Iterator[None]:
            found.append(seconds)
            yield

    ticks = iter([0.0])  # when it begins
    settings = Settings(method="majority", budget=2, max_time=max_time)
    policy = ScriptedPolicy(script=lines("1", "2"))
    with Limited() as judge:
        solve("one two three", settings, policy, None, judge=judge, clock=lambda: next(ticks, now))
    assert found == limits


def test_max_time_without_an_answer_says_so() -> None:
    ticks = iter(range(100))
    record = run({(0, 0): "a b c d e f g."}, budget=1, max_time=2.5, clock=lambda: float(next(ticks))).record
    assert (record.answer, record.finish) == (None, "max-time")


def test_max_flops_is_exceeded_by_no_more_than_one_decode() -> None:
    script = {(0,) + (0,) * depth: f"s{depth}" for depth in range(1, 10)}
    record = run(script, budget=1, max_flops=50).record
    assert (record.finish, record.cost.flops) == ("max-flops", 60.0)


def test_a_stop_from_outside_gives_the_best_so_far() -> None:
    solved = run(LONG, budget=2, should_stop=lambda policy: len(policy.batches) == 2)
    assert solved.stopped and solved.record.answer == "1"
    assert solved.record.why.endswith("; it was stopped with 1 of 2 samples finished.")


def test_a_stop_before_the_first_decode_is_an_honest_no_answer() -> None:
    solved = run(LONG, budget=2, should_stop=lambda policy: True)
    assert solved.stopped
    assert (solved.record.answer, solved.record.finish, solved.record.cost.policy_tokens) == (
        None,
        "no-answer",
        0,
    )
    assert (solved.record.finished, solved.record.samples) == (0, 0)
    assert solved.record.why.endswith("; it was stopped.")


# Events and traces


def test_events_begin_with_the_plan_and_end_with_the_answer() -> None:
    heard: list[Event] = []
    solved = run(lines("7", "8", "8"), budget=3, listener=heard.append)
    assert isinstance(heard[0], SearchStarted) and heard[0].why == solved.record.why
    assert isinstance(heard[-1], SearchEnded)
    assert (heard[-1].answer, heard[-1].finish) == ("8", "answered")
    assert [e.answer for e in heard if isinstance(e, SolutionFinished)] == ["7", "8"]
    assert [e for e in heard if isinstance(e, Spent)][-1] == Spent(0, 3, 0)


def test_a_trace_holds_the_whole_search_and_comes_back() -> None:
    solved = run(lines("7", "8", "8"), budget=3)
    trace = parse(dump(solved.trace({"budget": 3})).encode(), "trace")
    assert tuple(from_json(row) for row in trace.events) == solved.events
    assert trace.record.answer == "8" and trace.settings == {"budget": 3, "aggregate": "last", "select": "weighted"}


def test_the_same_seed_gives_the_same_trace_and_a_record_is_json() -> None:
    first, second = (run(lines("7", "8", "8"), budget=3) for _ in range(2))
    assert dump(first.trace({})) == dump(second.trace({}))
    assert json.loads(first.record.model_dump_json())["answer"] == "8"


def test_one_search_keeps_only_the_last_of_several_costs_in_a_row() -> None:
    heard: list[Event] = []
    solved = run({(0, 0): "a", (0, 0, 0): r"b c d \boxed{1}."}, budget=1, listener=heard.append)
    kinds = [type(event) for event in solved.events]
    assert all(a is not Spent or b is not Spent for a, b in pairwise(kinds))


# Errors, and many problems


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_problem_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        solve(text, Settings(method="majority"), ScriptedPolicy(), None, judge=Same())


def test_a_problem_too_long_is_raised() -> None:
    policy = ScriptedPolicy(problem_error=PromptTooLong("the problem has 9 tokens", "Shorten it."))
    with pytest.raises(PromptTooLong, match="9 tokens"):
        solve("p", Settings(method="majority"), policy, None, judge=Same())


def test_of_many_problems_a_bad_one_gives_a_row_with_its_error() -> None:
    problems = [Problem("a", "one"), Problem("b", " "), Problem("c", "three", {"level": 3})]
    policy = ScriptedPolicy(script=lines("1", "1"))
    solved = list(solve_many(problems, Settings(method="majority", budget=2), policy, None, judge=Same()))
    records = {s.record.id: s.record for s in solved}
    assert set(records) == {"a", "b", "c"}
    assert records["a"].answer == records["c"].answer == "1"
    assert records["c"].input == {"level": 3}
    bad = records["b"]
    assert (bad.finish, bad.answer, bad.confidence) == ("error", None, None)
    assert bad.error is not None and bad.error.kind == "usage" and "empty" in bad.error.message


def test_an_unforeseen_error_is_recorded_as_such() -> None:
    (solved,) = solve_many([Problem("a", "one")], Settings(method="majority"), ScriptedPolicy(), None, judge=Same())
    assert solved.record.error is not None and solved.record.error.kind == "internal"
    assert isinstance(solved.error, KeyError)


def test_a_row_that_came_with_an_error_is_not_searched() -> None:
    bad = Problem("a", "", {"k": 1}, "mark", RecordError(kind="bad-row", message="Row 3: it is not JSON."))
    policy = ScriptedPolicy(script=lines("1"))
    (solved,) = solve_many([bad], Settings(method="majority", budget=1), policy, None, judge=Same())
    record = solved.record
    assert (record.finish, record.error, record.input, record.fingerprint) == ("error", bad.error, {"k": 1}, "mark")
    assert policy.asked == []


@pytest.mark.parametrize(("budget", "cells", "problems"), [(4, 32768, 32), (1, 2048, 8), (64, 32768, 2), (256, 512, 1)])
def test_as_many_problems_are_under_way_as_the_pool_holds(budget: int, cells: int, problems: int) -> None:
    assert how_many(budget, cells) == problems


def test_problems_are_read_as_they_are_needed_and_kept_apart() -> None:
    read: list[str] = []
    heard: list[tuple[str, Event]] = []

    def source() -> Iterator[Problem]:
        for id in "abc":
            read.append(id)
            yield Problem(id, f"problem {id}")

    policy = ScriptedPolicy(script=lines("1"))
    runs = solve_many(
        source(),
        Settings(method="majority", budget=1),
        policy,
        None,
        judge=Same(),
        listener=lambda id, event: heard.append((id, event)),
        max_in_flight=2,
    )
    first = next(runs)
    assert (first.record.id, read) == ("a", ["a", "b"])
    assert [s.record.id for s in runs] == ["b", "c"]
    started = [(id, event.problem) for id, event in heard if isinstance(event, SearchStarted)]
    assert started == [(id, f"problem {id}") for id in "abc"]
    assert {key.problem for key in policy.asked} == {"problem a", "problem b", "problem c"}


def test_answers_that_mean_the_same_vote_together() -> None:
    """With the real judge: its exact path needs no worker."""
    policy = ScriptedPolicy(script=lines("0.5", r"\frac{1}{2}", "3"))
    record = solve("p", Settings(method="majority", budget=3), policy, None).record
    assert record.votes[0].count == 2
