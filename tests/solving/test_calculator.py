"""False equalities from the problem to the record: what is redrawn, what votes, what is said of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.search.scripted import Same, ScriptedPolicy, from_json
from tests.solving.test_solve import BOX, lines, run
from tests.strategy.profiles import profile
from tests.strategy.test_auto import Answers, Going
from tts_cli.analysis.reading import replay
from tts_cli.analysis.trace_analysis import by_fate, model_costs
from tts_cli.config import Settings
from tts_cli.data.record import Record, RefutedCount
from tts_cli.data.trace import dump, parse
from tts_cli.search.events import Decided, StepRefuted
from tts_cli.search.revival import REVIVED
from tts_cli.solving.solve import solve

SLIP, RIGHT = "so 20 + 80 = 110", "so 20 + 80 = 100"
EQUALITY = StepRefuted(1, "20 + 80 = 110", "100")
ALWAYS = {(0, n): SLIP for n in range(4)} | {(0, 0, REVIVED, 0): BOX % 110}
AGAIN = {(0, 0): SLIP, (0, 1): RIGHT, (0, 0, 0): BOX % 100}


def refuted(number: int, redrawn: int) -> RefutedCount:
    return RefutedCount(refuted=number, redrawn=redrawn, tokens=6 * number)


def test_a_slip_costs_a_step_and_not_a_solution() -> None:
    solved = run(AGAIN, budget=1)
    record = solved.record
    assert (record.answer, record.calculator) == ("100", refuted(1, 1))
    assert record.why == "majority was asked for; N = 1 was asked for; 1 step with a false equality was drawn again."
    assert solved.steps == (RIGHT, r"\boxed{100}")
    assert record.cost.policy_tokens == 13, "what was drawn in vain was paid for"
    assert [event for event in solved.events if isinstance(event, StepRefuted)] == [EQUALITY]


def test_with_the_calculator_off_a_slip_is_a_step_like_others() -> None:
    record = run({(0, 0): SLIP, (0, 0, 0): BOX % 110}, budget=1, calculator=False).record
    assert (record.answer, record.calculator) == ("110", None)
    assert record.why == "majority was asked for; N = 1 was asked for."


def test_where_nothing_is_false_the_record_says_so_and_why_says_nothing() -> None:
    record = run(lines("7"), budget=1).record
    assert record.calculator == refuted(0, 0) and "equality" not in record.why


def test_where_every_answer_rests_on_a_slip_all_vote_and_no_confidence_stands_behind_it() -> None:
    script = ALWAYS | {(1, *path[1:]): step for path, step in ALWAYS.items()}
    record = run(script, budget=2).record
    assert [(vote.answer, vote.count) for vote in record.votes] == [("110", 2)]
    assert (record.answer, record.confidence, record.finish) == ("110", None, "answered")
    assert (record.finished, record.samples, record.calculator) == (2, 2, refuted(8, 6))
    assert "every answer rests on a false equality, so all voted" in record.why
    assert run(script, budget=2, min_confidence=0.1).record.finish == "low-confidence"


def test_slips_have_no_vote_beside_a_sound_answer() -> None:
    script = {(i, n): rf"{SLIP}, \boxed{{110}}." for i in range(3) for n in range(4)} | {(3, 0): BOX % 100}
    record = run(script, budget=4).record
    assert [(vote.answer, vote.count) for vote in record.votes] == [("100", 1)]
    assert (record.finished, record.samples) == (1, 4)


def test_a_sound_solution_without_an_answer_leaves_the_vote_to_the_others() -> None:
    record = run(ALWAYS | {(1, 0): "I do not know."}, budget=2).record
    assert record.answer == "110" and "every answer rests on a false equality" in record.why


@pytest.mark.parametrize("method", ["greedy", "majority", "best-of-n", "beam", "dvts", "best-first"])
def test_at_temperature_zero_every_method_answers(method: str) -> None:
    first = (0,) if method == "beam" else (0, 0)
    script = {first: SLIP, (*first, REVIVED, 0): BOX % 110}
    record = run(script, {SLIP: 0.5, r"\boxed{110}": 0.5}, method, budget=4, temperature=0).record
    copies = 1 if method == "greedy" else 4
    assert [(vote.answer, vote.count) for vote in record.votes] == [("110", copies)]
    assert record.calculator == refuted(1, 0)


# Limits


def test_a_limit_that_ends_it_before_a_sound_solution_lets_finished_slips_vote() -> None:
    script = {(0, 0): rf"{SLIP} \boxed{{110}}.", (0, 1): "a long way to go and on and on."}
    record = run(script, budget=1, max_flops=100).record
    assert (record.answer, record.finish, record.finished, record.samples) == ("110", "answered", 1, 1)
    assert "every answer rests on a false equality" in record.why and "--max-flops" in record.why


def test_a_limit_that_ends_it_after_a_sound_solution_leaves_them_out() -> None:
    script = {(0, 0): rf"{SLIP} \boxed{{110}}.", (0, 1): "a long way to go and on and on.", (1, 0): BOX % 100}
    record = run(script, budget=2, max_flops=150).record
    assert [(vote.answer, vote.count) for vote in record.votes] == [("100", 1)]
    assert "1 step with a false equality was given up" in record.why


def test_an_answer_whose_turn_a_limit_cut_votes_where_it_is_all_there_is() -> None:
    script = {(0, 0): rf"{SLIP} \boxed{{110}}!", (0, 1): "a long way to go and on and on."}
    assert run(script, budget=1, max_flops=100).record.answer == "110"


def test_a_stop_among_revived_samples_has_those_that_are_finished() -> None:
    late = {(1, n): SLIP for n in range(4)} | {(1, 0, REVIVED, 0): r"and on and on and on \boxed{111}."}
    solved = run(ALWAYS | late, budget=2, should_stop=lambda policy: sum(policy.batches) > 52)
    assert solved.stopped and [vote.answer for vote in solved.record.votes] == ["110"]


# auto


class SlippingAnswers(Answers):
    """The first draw of every sample slips."""

    def __getitem__(self, path: Any) -> str:
        return f"so 2 + 2 = 5, {super().__getitem__(path)}" if path[-1] == 0 else super().__getitem__((path[0], 0))


def test_auto_draws_again_and_decides_by_what_is_sound() -> None:
    going = Going(SlippingAnswers(*"7" * 64), profile(), convincing="7")
    assert going.record.answer == "7" and going.record.calculator is not None
    assert going.record.calculator.refuted == going.record.calculator.redrawn > 0


class FirstRoundSlips(Answers):
    """The samples of the first round do not come to an answer without a slip."""

    def __getitem__(self, path: Any) -> str:
        return r"so 2 + 2 = 5, \boxed{5}." if path[0] < 4 else super().__getitem__(path)


def test_auto_goes_on_while_every_answer_rests_on_a_slip() -> None:
    going = Going(FirstRoundSlips(*"7" * 64), profile(), convincing="7")
    assert (going.record.answer, going.record.budget) == ("7", 8)
    first = going.heard(Decided)[0]
    assert (first.why, first.confidence) == ("after 4 samples every answer rests on a false equality", None)
    at_limit = Going(FirstRoundSlips(*"7" * 64), profile(), convincing="7", budget=4).record
    assert (at_limit.answer, at_limit.confidence) == ("5", None)
    assert "after 4 samples every answer rests on a false equality, and no more is allowed" in at_limit.why


# Traces


def test_a_trace_is_shown_again_with_what_was_refuted() -> None:
    solved = run(AGAIN, budget=1)
    trace = parse(dump(solved.trace({})).encode(), "trace")
    assert tuple(from_json(row) for row in trace.events) == solved.events
    tree = replay(trace.events, "trace")
    assert tree.refuted == [EQUALITY] and tree.steps[1].dead and not tree.steps[0].dead
    assert [step.text for step in tree.chosen()] == [RIGHT, r"\boxed{100}"]
    shares = {share.name: share.tokens for share in by_fate(tree, model_costs(trace.record, tree))}
    assert shares == {"chosen solution": 7, "false equalities": 6}


def test_a_revived_step_lives_in_the_tree() -> None:
    tree = replay([dict(row) for row in run(ALWAYS, budget=1).trace({}).events], "trace")
    assert not tree.steps[1].dead and [leaf.text for leaf in tree.leaves()] == [r"\boxed{110}"]


def test_a_record_and_a_trace_from_before_the_calculator_are_read() -> None:
    solved = run(lines("7"), budget=1)
    fields = json.loads(dump(solved.trace({})))
    del fields["record"]["calculator"]
    assert parse(json.dumps(fields).encode(), "trace").record.calculator is None
    assert Record.model_validate_json(solved.record.model_dump_json()).calculator == refuted(0, 0)


def test_the_calculator_finds_them_by_default() -> None:
    policy = ScriptedPolicy(script=AGAIN)
    assert solve("p", Settings(method="majority", budget=1), policy, None, judge=Same()).record.answer == "100"
