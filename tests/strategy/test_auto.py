"""`auto` over scripted models: what it draws, when it stops, what a limit leaves, what is recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from tests.search.scripted import Same, ScriptedPolicy, ScriptedPrm, from_json
from tests.strategy.profiles import BETTER, CONVINCED, RIGHT, profile, stage, values
from tts_cli.analysis import report
from tts_cli.analysis.report import SearchReport
from tts_cli.analysis.tree import TreeState
from tts_cli.config import Settings
from tts_cli.data.record import Problem, Record, RecordError
from tts_cli.data.schema import PATH as SCHEMA
from tts_cli.protocols import facts_of
from tts_cli.search.driver import Driver
from tts_cli.search.events import (
    Decided,
    Event,
    SearchStarted,
    SolutionFinished,
    StepSampled,
    StepScored,
    to_json,
)
from tts_cli.solving.session import Session
from tts_cli.solving.solve import solve_many
from tts_cli.strategy.features import gather
from tts_cli.strategy.mixture import Mixture
from tts_cli.strategy.plan import make_plan
from tts_cli.strategy.profile import Profile

Path = tuple[int, ...]


class Answers(Mapping[Path, str]):
    """Sample i says its answer in one step; a search beside the samples always says `searched`."""

    def __init__(self, *answers: str, searched: str = "9", words: int = 0) -> None:
        self.answers, self.searched, self.words = answers, searched, words

    def __getitem__(self, path: Path) -> str:
        answer = self.searched if path[0] == -1 else self.answers[path[0]]
        return "so " * self.words + rf"\boxed{{{answer}}}."

    def __iter__(self) -> Iterator[Path]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.answers)


class Half(Mapping[str, float]):
    """The PRM scores every step 0.5, which leaves all open, but one with the answer `convincing` 0.95."""

    def __init__(self, convincing: str | None) -> None:
        self.convincing = convincing

    def __getitem__(self, step: str) -> float:
        return 0.95 if rf"\boxed{{{self.convincing}}}" in step else 0.5

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        return 1


class Going:
    """One problem solved: the session, its record, and what the scripted models were asked."""

    def __init__(
        self,
        script: Mapping[Path, str],
        made: Profile | None = None,
        *,
        with_prm: bool = True,
        convincing: str | None = None,
        judge: Any = None,
        clock: Callable[[], float] = lambda: 0.0,
        stop: Callable[[Going], bool] = lambda going: False,
        **settings: Any,
    ) -> None:
        self.policy = ScriptedPolicy(script=script)
        self.prm = ScriptedPrm("scripted-prm", 30, scores=Half(convincing)) if with_prm else None
        self.events: list[Event] = []
        asked = Settings(**settings)
        plan = make_plan(asked, facts_of(self.policy), facts_of(self.prm) if self.prm else None, made)
        problem = Problem("p", "one two")
        self.session = Session(problem, plan, asked, self.policy, self.prm, judge or Same(), self.events.append, clock)
        (ended,) = Driver(self.policy, self.prm).run([self.session], should_stop=lambda: stop(self))
        assert ended.error is None, ended.error
        self.record: Record = self.session.record(None, ended.stopped)[0]
        jsonschema.validate(json.loads(self.record.model_dump_json(exclude={"input"})), schema())
        for model in (self.policy, self.prm):
            assert model is None or (model.held == [] and not model.busy)

    @property
    def paths(self) -> set[Path]:
        return {key.path for key in self.policy.asked}

    def heard(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def schema() -> Any:
    return json.loads(SCHEMA.read_text())


FIRST = stage(1, {"4 drawn": RIGHT, "4 read": RIGHT}, read=False)
TWO_ROUNDS = ("7", "7", "8", "9", "7", "7", "7", "7", *("1" * 8))


def test_agreement_of_the_first_samples_ends_it() -> None:
    going = Going(Answers("7", "7", "7", "7"), profile())
    record = going.record
    assert (record.answer, record.method, record.budget, record.difficulty) == ("7", "majority", 4, "easy")
    assert record.confidence == pytest.approx(RIGHT(values(1.0))) != 1.0
    assert record.why == (
        "auto by the profile of 2026-01-02, at --effort normal; at most N = 16; "
        "after 4 samples the chance of a right answer is 98%, and more compute promises too little."
    )
    assert len(going.policy.asked) == 4
    assert going.prm is not None and going.prm.asked == [], "no score was worth its price"


def test_one_greedy_solution_may_be_enough() -> None:
    going = Going(Answers("7"), profile(stages=(FIRST, *profile().stages)))
    assert (going.record.answer, going.record.method, going.record.budget) == ("7", "greedy", 1)
    assert [sampling.temperature for sampling in going.policy.samplings] == [0.0]
    assert going.record.why.endswith("after 1 sample the chance of a right answer is 98%, and more compute promises "
                                     "too little.")  # fmt: skip
    assert explained(going).half.kind == "unknown"


def test_rounds_start_where_the_profile_says() -> None:
    script = {(i, 0): f"p {i}" for i in range(16)} | {(i, 0, 0): rf"\boxed{{{i}}}." for i in range(16)}
    script |= {(i, 0, k, 0): rf"\boxed{{{i}}}." for i in range(16) for k in range(1, 16)}
    assert {len(path) for path in Going(script, profile(start="root"), effort="high").paths} == {2, 3}
    assert 4 in {len(path) for path in Going(script, profile(start="prefix"), effort="high").paths}


def test_the_votes_are_held_as_the_profile_says() -> None:
    made = profile(vote={"aggregate": "last", "select": "weighted"})
    going = Going(Answers(*TWO_ROUNDS), made, effort="high")
    assert explained(going).lead == "the scores of its solutions sum up to 3.00, those of the next to 0.50"
    assert explained(going).rules.known and not report.explain(going.record, None, None, Same()).rules.known


def test_auto_votes_by_the_mixture_that_was_learned() -> None:
    """Three votes of 0.5 each against one of 0.95: the larger the exponent, the more that one decides."""
    mixed = {"aggregate": "last", "select": "weighted", "mixed": True}
    answers = Answers("7", "7", "7", "8")
    for exponent, winner in ((0.0, "7"), (0.5, "7"), (8.0, "8")):
        made = profile(vote=mixed, mixture=Mixture(aggregate="last", prm=exponent))
        record = Going(answers, made, convincing="8", effort="max").record
        assert record.answer == winner
        assert all(0 <= vote.weight <= vote.count for vote in record.votes)


def test_doubt_has_them_read_and_draws_on_with_the_streams_of_best_of_n() -> None:
    going = Going(Answers(*TWO_ROUNDS), profile(), effort="high")
    fixed = Going(Answers(*TWO_ROUNDS), method="best-of-n", budget=8)
    assert (going.record.method, going.record.budget) == ("best-first", 8)
    assert going.paths == fixed.paths == {(i, 0) for i in range(8)}
    assert len(going.policy.asked) == 8, "nothing is drawn twice"
    assert going.session.search.draws == fixed.session.search.draws
    assert [(v.answer, v.count) for v in going.record.votes] == [(v.answer, v.count) for v in fixed.record.votes]
    assert going.record.cost.flops == fixed.record.cost.flops
    assert going.prm is not None and len(going.prm.asked) == len(set(going.prm.asked)) == 3


def test_it_decides_at_every_stage_and_reports_it() -> None:
    going = Going(Answers(*TWO_ROUNDS), profile(), effort="high")
    drawn, read, last = going.heard(Decided)
    assert (drawn.samples, drawn.difficulty, drawn.confidence) == (4, "medium", pytest.approx(0.731, abs=0.001))
    assert (read.samples, read.difficulty, read.confidence) == (4, "medium", drawn.confidence)
    assert (last.samples, last.difficulty, last.confidence) == (8, None, pytest.approx(0.924, abs=0.001))
    assert "16 samples promise +8.7 points" in drawn.why and last.why in going.record.why
    assert (going.record.difficulty, going.record.confidence) == ("medium", last.confidence)
    at = [place for place, event in enumerate(going.events) if isinstance(event, Decided)]
    kinds = [{type(event) for event in going.events[start:end]} & {StepSampled, StepScored}
             for start, end in zip([0, *at], at, strict=False)]  # fmt: skip
    assert kinds == [{StepSampled}, {StepScored}, set()], "equal steps are one, and none came later"
    assert going.events[at[0] - 1] in going.heard(SolutionFinished), "it decides when all have ended"


def test_it_starts_as_auto_with_the_most_that_it_may_draw() -> None:
    (started,) = Going(Answers(*TWO_ROUNDS), profile()).heard(SearchStarted)
    assert (started.method, started.budget) == ("auto", 16)
    assert started.why == "auto by the profile of 2026-01-02, at --effort normal; at most N = 16."


def test_doubt_to_the_end_stops_where_no_more_is_allowed() -> None:
    going = Going(Answers(*map(str, range(16))), profile())
    assert [event.samples for event in going.heard(Decided)] == [4, 4, 8, 16]
    assert going.record.budget == 16 and "no more is allowed" in going.record.why


def test_a_solution_that_convinces_ends_it_and_its_answer_wins() -> None:
    going = Going(Answers("1", "1", "2", "3"), profile(), convincing="2", effort="max")
    record = going.record
    assert (record.answer, record.method, record.budget) == ("2", "best-first", 4)
    weights = {vote.answer: round(vote.weight, 3) for vote in record.votes}
    assert weights == {"2": 0.95, "1": 0.5, "3": 0.0}, "nobody read the last one"
    assert record.confidence == CONVINCED(values(0.0))
    assert "a solution convinces the PRM in every step; the chance that it is right is 95%." in record.why
    assert going.prm is not None and len(going.prm.asked) == 2, "the third answer is not read"


def test_the_evidence_is_that_of_the_votes() -> None:
    going = Going(Answers(*TWO_ROUNDS), profile(), effort="high")
    selection = going.session.record(None, stopped=False)[1]
    assert going.record.confidence == RIGHT(gather(selection.ballots, selection.votes, 8).values)
    assert [(seen.samples, seen.read) for seen, _ in going.session.checkpoints] == [(4, False), (4, True), (8, True)]
    costs = [flops for _, flops in going.session.checkpoints]
    assert costs == sorted(costs) and costs[-1] == going.record.cost.flops


@pytest.mark.parametrize(("budget", "decided"), [(1, [1, 1]), (3, [3, 3]), (4, [4, 4]), (5, [4, 4]), (9, [4, 4, 8])])
def test_budgets_below_and_between_the_stages(budget: int, decided: list[int]) -> None:
    """Where nothing was measured nothing is promised; the vote's share stands for the confidence."""
    stages = (
        stage(4, {"4 read": BETTER, "8 read": BETTER}, read=False),
        stage(4, {"8 read": BETTER}),
        stage(8, {}),
    )
    going = Going(Answers(*map(str, range(16))), profile(stages=stages), budget=budget, effort="max")
    assert [event.samples for event in going.heard(Decided)] == decided
    assert len(going.policy.asked) == going.record.budget == decided[-1] <= budget
    assert going.record.method == "best-first"
    measured = decided[-1] in (4, 8)
    share = 1 / decided[-1]
    assert (going.record.difficulty is not None) is measured
    one = decided[-1] == 1  # a vote of one says nothing
    assert going.record.confidence == (None if one else pytest.approx(RIGHT(values(share)) if measured else share))


def test_nobody_answers() -> None:
    script = {(i, 0): "I do not know." for i in range(16)}
    going = Going(script, profile())
    assert (going.record.answer, going.record.confidence, going.record.finish) == (None, None, "no-answer")
    assert going.record.budget == 16, "an answer may still come"
    assert going.prm is not None and going.prm.asked == [], "there is nothing to read"


# Without a profile


def test_by_the_table_four_samples_that_agree_are_enough() -> None:
    record = Going(Answers("7", "7", "7", "7"), effort="max").record
    assert (record.method, record.budget, record.difficulty, record.confidence) == ("best-of-n", 4, "easy", 1.0)
    assert "no profile; N = 128 is --effort max; the first 4 samples agree." in record.why


def test_by_the_table_more_are_drawn_where_four_are_too_few_for_the_wanted_confidence() -> None:
    enough = Going(Answers(*"7777"), budget=16, min_confidence=0.8).record
    assert (enough.answer, enough.samples) == ("7", 4)
    more = Going(Answers(*"7" * 16), budget=16, min_confidence=0.9)
    assert (more.record.answer, more.record.finished, more.record.samples) == ("7", 16, 16)
    assert "which are too few for a confidence of 90%" in more.heard(Decided)[0].why
    never = Going(Answers(*"7777"), budget=7, min_confidence=0.9).record
    assert (never.answer, never.finish, never.samples) == (None, "low-confidence", 4), "7 would not do either"
    assert "4 votes are too few for --min-confidence 0.9, which takes 8 or a profile" in never.why


def test_by_the_table_doubt_leads_to_a_search() -> None:
    record = Going(Answers("1", "2", "3", "4"), budget=8).record
    assert (record.method, record.budget, record.difficulty) == ("beam", 8, "medium")
    assert record.finished == record.samples == sum(vote.count for vote in record.votes) == 4 + 8


def test_without_a_prm_it_is_a_majority_of_samples_drawn_in_two_rounds() -> None:
    going = Going(Answers(*TWO_ROUNDS), with_prm=False, budget=8)
    assert (going.record.method, going.record.budget, going.record.prm) == ("majority", 8, None)
    assert going.paths == {(i, 0) for i in range(8)}
    assert [event.samples for event in going.heard(Decided)] == [4, 8]
    assert going.record.answer == "7"


@pytest.mark.parametrize("budget", [1, 2, 3, 5])
def test_small_budgets_by_the_table(budget: int) -> None:
    going = Going(Answers("7", "8", "9", "6", "5"), with_prm=False, budget=budget)
    assert len(going.policy.asked) == going.record.budget == budget


def test_at_temperature_0_one_solution_is_written() -> None:
    going = Going(Answers("7"), profile(), temperature=0)
    assert (going.record.method, going.record.budget, going.record.difficulty) == ("greedy", 1, None)
    assert going.heard(Decided) == [] and "temperature 0" in going.record.why


# Limits and stops


def test_a_time_limit_in_the_second_round_leaves_the_best_so_far() -> None:
    """Samples of the second round would elect 5, but none of them ends in time."""
    script = {(i, 0): r"\boxed{7}." if i < 2 else rf"\boxed{{{i}}}." for i in range(4)}
    script |= {(i, 0): r"so so so so so so so so \boxed{5}." for i in range(4, 16)}
    ticks = iter(range(1000))
    going = Going(script, profile(), effort="high", max_time=9.5, clock=lambda: float(next(ticks)))
    record = going.record
    assert [event.samples for event in going.heard(Decided)] == [4, 4]
    assert (record.answer, record.finish, record.method, record.budget) == ("7", "answered", "best-first", 8)
    assert record.why.endswith(
        "16 samples promise +8.7 points; it was stopped at --max-time with 4 of 8 samples finished."
    )
    assert len(going.policy.cancelled) == 4


def test_a_time_limit_before_anything_is_read_leaves_the_majority() -> None:
    script = {(i, 0): rf"\boxed{{{min(i, 2)}}}." for i in range(4)}
    going = Going(script, profile(), effort="high", stop=lambda going: bool(going.heard(Decided)))
    assert (going.record.answer, going.record.method, going.record.budget) == ("2", "best-first", 4)
    assert going.record.votes[0].count == 2 and not going.heard(StepScored)


def test_a_flops_limit_in_a_search_leaves_the_samples_vote() -> None:
    words = Answers("1", "1", "2", "3", searched="9", words=20)
    going = Going(words, max_flops=2 * 10 * 21 * 4 + 3 * 240)
    assert [event.samples for event in going.heard(Decided)] == [4]
    assert (going.record.answer, going.record.method) == ("1", "beam")
    assert "it was stopped at --max-flops" in going.record.why


def test_a_limit_before_the_first_decision_is_no_certainty() -> None:
    """One sample of four has ended: its share of the votes is 100 %, the chance that it is right is not."""
    script = {(0, 0): r"\boxed{7}."} | {(i, 0): r"so so so so so so \boxed{7}." for i in range(1, 4)}
    ticks = iter(range(1000))
    record = Going(script, profile(), max_time=2.5, clock=lambda: float(next(ticks))).record
    assert (record.answer, record.budget, record.difficulty) == ("7", 4, None)
    assert record.confidence == pytest.approx(RIGHT(values(0.25))), "as if the others had ended in nothing"


def test_what_has_ended_since_the_decision_may_lower_the_confidence() -> None:
    """Three more answers came, all different, before the stop; one was under way."""
    answers = ["7", "7", "8", "9", "14", "15", "16"]
    lines = {(i, 0): rf"\boxed{{{answer}}}." for i, answer in enumerate(answers)} | {(7, 0): "so " * 40 + "7."}
    going = Going(lines, profile(), effort="high", stop=lambda going: len(going.session.search.solutions) >= 6)
    assert (going.record.answer, going.record.budget, going.session.limit) == ("7", 8, None)
    assert going.heard(Decided)[-1].confidence == pytest.approx(RIGHT(values(2 / 4)))
    assert going.record.confidence == pytest.approx(RIGHT(values(2 / 8)))


def test_a_stop_before_the_first_decode_has_no_answer() -> None:
    record = Going(Answers(*TWO_ROUNDS), profile(), stop=lambda going: bool(going.events)).record
    assert (record.answer, record.finish, record.method, record.budget) == (None, "no-answer", "majority", 4)


def test_a_row_that_came_with_an_error_has_the_budget_that_it_might_have_had() -> None:
    bad = Problem("a", "", error=RecordError(kind="bad-row", message="Row 3: it is not JSON."))
    policy, prm = ScriptedPolicy(), ScriptedPrm()
    plan = make_plan(Settings(), facts_of(policy), facts_of(prm), profile())
    record = next(solve_many([bad], Settings(), policy, prm, plan=plan, judge=Same())).record
    assert (record.finish, record.method, record.budget, record.confidence) == ("error", "majority", 16, None)


def test_a_stopped_best_of_n_is_not_called_calibrated() -> None:
    script = {(0, 0): r"\boxed{7}."} | {(i, 0): r"so so so \boxed{8}." for i in range(1, 8)}
    half = Going(script, profile(), method="best-of-n", budget=8, stop=lambda going: len(going.policy.batches) >= 3)
    assert (half.record.answer, half.record.confidence) == ("7", None), "nor is one vote a share"
    whole = Going(script, profile(), method="best-of-n", budget=8)
    assert whole.record.confidence == pytest.approx(RIGHT(values(7 / 8)))


def test_best_of_n_is_calibrated_where_it_was_measured() -> None:
    fixed = Going(Answers(*TWO_ROUNDS), profile(), method="best-of-n", budget=8).record
    assert fixed.confidence == pytest.approx(RIGHT(values(6 / 8)))
    other = Going(Answers(*TWO_ROUNDS), profile(), method="best-of-n", budget=7).record
    assert other.confidence == pytest.approx(5 / 7), "nothing was measured there: the vote's share"


def test_too_unsure_abstains_after_all_that_is_allowed() -> None:
    going = Going(Answers(*map(str, range(16))), profile(), min_confidence=0.9, effort="low")
    assert (going.record.finish, going.record.answer, going.record.budget) == ("low-confidence", None, 16)
    assert Going(Answers(*"7777"), profile(), min_confidence=0.9).record.finish == "answered"


class Sixes(Same):
    """Knows that 6 does not fit the problem."""

    def check(self, problem: str, answer: str) -> Any:
        return "wrong" if answer == "6" else "no opinion"


def test_a_vote_that_lost_members_has_its_share_as_confidence() -> None:
    """The profile was made without the check, and counts what the check has dropped."""
    dropped = Going(Answers(*"6678"), profile(), judge=Sixes(), verify=True, budget=8).record
    assert (dropped.answer, dropped.confidence) == ("7", 1 / 2)
    kept = Going(Answers(*"7777"), profile(), judge=Sixes(), verify=True).record
    assert kept.confidence == pytest.approx(RIGHT(values(1.0)))


class Sevens(Same):
    """Knows that 7 is right, and what else is said wrong."""

    def check(self, problem: str, answer: str) -> Any:
        return "right" if answer == "7" else "wrong"


def test_an_answer_that_cannot_be_right_is_not_enough_however_sure_it_seems() -> None:
    made = profile(stages=(FIRST, *profile().stages))
    assert Going(Answers(*"6666"), made).record.budget == 1
    checked = Going(Answers(*"6678"), made, judge=Sevens(), verify=True).record
    assert (checked.answer, checked.method, checked.budget) == ("7", "majority", 4)
    assert "after 4 samples an answer fits the problem" in checked.why


def test_an_answer_that_fits_ends_it_however_unsure_it_seems() -> None:
    going = Going(Answers("7", *map(str, range(10, 25))), profile(), judge=Sevens(), verify=True, effort="max")
    assert (going.record.answer, going.record.budget, going.record.confidence) == ("7", 4, 1.0)
    assert going.prm is not None and going.prm.asked == []


def test_who_convinces_the_prm_with_a_wrong_answer_ends_nothing() -> None:
    answers = Answers("6", "1", "2", "3", "1", "2", "7", "7")
    assert Going(answers, profile(), convincing="6", effort="high").record.answer == "6"
    checked = Going(answers, profile(), convincing="6", effort="high", judge=Sevens(), verify=True).record
    assert (checked.answer, checked.budget) == ("7", 8)


def test_where_nothing_ever_fits_it_goes_to_the_end_and_says_so() -> None:
    record = Going(Answers(*"6666", *"6" * 12), profile(), judge=Sevens(), verify=True).record
    assert (record.answer, record.budget) == ("6", 16)
    assert "no answer fits the problem, and no more is allowed" in record.why
    assert "none of the 16 answers fits" in record.why
    last = Going(
        Answers(*"6666"), profile(), convincing="6", judge=Sevens(), verify=True, budget=4, effort="max"
    ).record
    assert "no answer fits the problem, and no more is allowed" in last.why and "chance" not in last.why


def test_by_the_table_too_wrong_answers_that_agree_are_not_enough() -> None:
    assert Going(Answers(*"6666", *"7" * 12), budget=8).record.budget == 4
    checked = Going(Answers(*"6666", *"7" * 12), with_prm=False, budget=8, judge=Sevens(), verify=True).record
    assert (checked.answer, checked.budget) == ("7", 8)
    fits = Going(Answers(*"6789"), with_prm=False, budget=8, judge=Sevens(), verify=True).record
    assert (fits.answer, fits.budget) == ("7", 4) and "an answer fits the problem" in fits.why


# What `tts explain` says of it


def explained(going: Going) -> SearchReport:
    """As `tts explain` does it, from the saved events."""
    events = [from_json(to_json(event)) for event in going.events]
    aggregate, select = going.session.vote
    return report.explain(going.record, TreeState(events), {"aggregate": aggregate, "select": select}, Same())


def test_half_of_an_agreement_is_exact() -> None:
    found = explained(Going(Answers("7", "7", "7", "7"), profile()))
    assert (found.half.kind, found.half.budget, found.half.answer) == ("exact", 2, "7")
    assert (found.twice.kind, found.twice.budget, found.voters) == ("estimate", 8, 4)


def test_what_another_budget_would_make_of_best_first_search_is_not_known() -> None:
    going = Going(Answers(*TWO_ROUNDS), profile(), effort="high")
    for found in (explained(going), report.explain(going.record, None, None, Same())):
        assert (found.half.kind, found.twice.kind) == ("unknown", "unknown")
        assert "auto decides anew with another budget" in found.half.says
    assert found.lead == "its best score is 0.50, that of the next 0.50"
    assert explained(going).voters == 8
    assert sum(cost.flops or 0 for cost in explained(going).costs) == pytest.approx(going.record.cost.flops)


def test_what_another_budget_would_make_of_a_search_beside_samples_is_not_known() -> None:
    going = Going(Answers("1", "2", "3", "4"), budget=16)
    assert going.record.method == "beam"
    for found in (explained(going), report.explain(going.record, None, None, Same())):
        assert (found.half.kind, found.twice.kind) == ("unknown", "unknown")
        assert "auto ran beam beside samples" in found.half.says
    found = explained(going)
    assert found.voters == sum(vote.count for vote in going.record.votes)
    assert sum(part.tokens for part in found.by_fate) == sum(part.tokens for part in found.by_depth) > 0


@pytest.mark.parametrize("budget", [1, 2, 3, 5])
def test_the_report_on_small_budgets(budget: int) -> None:
    found = explained(Going(Answers(*"78965"), with_prm=False, budget=budget))
    assert found.half.budget == (budget // 2 or None)
    assert found.half.kind == ("exact" if budget > 1 else "unknown")
    assert explained(Going(Answers("7"), temperature=0)).half.kind == "unknown"
