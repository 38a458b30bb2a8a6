"""Every sentence that `why` can be made of, letter for letter."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from tests.search.scripted import Same, ScriptedPolicy, ScriptedPrm
from tests.strategy.profiles import POLICY, PRM
from tts_cli import Solver
from tts_cli.config import Settings
from tts_cli.data.record import Verified, Vote
from tts_cli.protocols import ModelFacts
from tts_cli.search.context import Solution
from tts_cli.search.events import Decided, SearchStarted
from tts_cli.search.tree import Node
from tts_cli.solving.confidence import Shortfall
from tts_cli.solving.selection import NOTHING, SampleCount, Selection
from tts_cli.solving.solve import solve
from tts_cli.solving.wording import (
    of_decision,
    of_last_numbers,
    of_mismatch,
    of_plan,
    of_shortfall,
    of_unfit,
    of_verification,
    why,
)
from tts_cli.strategy.paper_table import TableChoice, choose
from tts_cli.strategy.plan import Plan, PlanReason
from tts_cli.strategy.profile import Mismatch, Unfit
from tts_cli.strategy.rules import Because, BelowWanted, Decision, MorePromised, Reason, TooFewToAgree

OLD = Unfit("old.yaml", None)

PLANS: dict[str, tuple[str, PlanReason | None]] = {
    "beam was asked for; N = 8 was asked for": ("beam", PlanReason(asked=True)),
    "majority was asked for; N = 8 is --effort high": ("majority", PlanReason(asked=True, effort="high")),
    "greedy was asked for; it writes one solution": ("greedy", PlanReason(asked=True, effort="normal")),
    "greedy, as at temperature 0 all samples are equal": ("greedy", PlanReason()),
    "auto by the profile of 2026-01-02, at --effort low; at most N = 8": (
        "auto",
        PlanReason(effort="low", made="2026-01-02"),
    ),
    "auto by the paper's table, as these models have no profile; N = 8 is --effort normal": (
        "auto",
        PlanReason(effort="normal"),
    ),
    "auto by the paper's table, as the profile old.yaml was made by another version of tts; N = 8 was asked for": (
        "auto",
        PlanReason(unfit=OLD),
    ),
    "": ("beam", None),
}


@pytest.mark.parametrize("text", PLANS)
def test_a_plan(text: str) -> None:
    method, reason = PLANS[text]
    assert of_plan(Plan(method, 8, 4, reason)) == text


@pytest.mark.parametrize(
    ("mismatch", "text"),
    [
        (
            Mismatch("PRM", PRM, PRM.model_copy(update={"content": "zz"})),
            "its PRM is another file of r (bb, here zz)",
        ),
        (Mismatch("policy", POLICY, PRM), "its policy is p, not r (aa, here bb)"),
        (Mismatch("temperature", 0.7, 0.5), "it was made with temperature 0.7, not 0.5"),
        (Mismatch("select", None, "max"), "it was made with select None, not max"),
    ],
)
def test_a_profile_that_does_not_fit(mismatch: Any, text: str) -> None:
    assert of_mismatch(mismatch) == text
    assert of_unfit(Unfit("p.yaml", mismatch)) == f"the profile p.yaml is not for this run ({text})"


REASONS: dict[str, tuple[Reason | None, float | None]] = {
    "after 4 samples an answer fits the problem": (Because.ANSWER_FITS, None),
    "after 4 samples no answer fits the problem": (Because.NO_ANSWER_FITS, None),
    "after 4 samples no answer fits the problem, and no more is allowed": (Because.NO_ANSWER_FITS_AT_LIMIT, None),
    "after 4 samples every answer rests on a false equality": (Because.ALL_REFUTED, None),
    "after 4 samples every answer rests on a false equality, and no more is allowed": (
        Because.ALL_REFUTED_AT_LIMIT,
        None,
    ),
    "after 4 samples a solution convinces the PRM in every step; the chance that it is right is 95%": (
        Because.SOLUTION_CONVINCES,
        0.953,
    ),
    "after 4 samples the chance of a right answer is over 99%, and no more is allowed": (Because.AT_LIMIT, 0.9901),
    "it stopped at 4 samples, the most allowed": (Because.AT_UNMEASURED_LIMIT, None),
    "after 4 samples the chance of a right answer is 99%, and more compute promises too little": (
        Because.TOO_LITTLE_PROMISED,
        0.99,
    ),
    "after 4 samples the chance of a right answer is 0%, and more compute promises nothing": (
        Because.NOTHING_PROMISED,
        0.001,
    ),
    "all 4 samples are drawn": (Because.ALL_SAMPLED, None),
    "the first 4 samples agree": (Because.SAMPLES_AGREE, None),
    "after 4 samples the chance of a right answer is 38%, and 90% is wanted": (BelowWanted(0.9), 0.378),
    "after 4 samples the chance of a right answer is 38%, and 16 samples promise +18.5 points": (
        MorePromised(16, 0.185),
        0.378,
    ),
    "after 4 samples the chance of a right answer is 38%, and reading them promises +0.2 points": (
        MorePromised(None, 0.0021),
        0.378,
    ),
    "the first 4 samples agree, which are too few for a confidence of 90%": (TooFewToAgree(0.9), None),
    "": (None, None),
}


@pytest.mark.parametrize("text", REASONS)
def test_a_decision(text: str) -> None:
    reason, confidence = REASONS[text]
    assert of_decision(Decision(4, None, reason, confidence)) == text


def test_one_sample_is_singular() -> None:
    assert of_decision(Decision(1, None, Because.ANSWER_FITS)) == "after 1 sample an answer fits the problem"


def test_every_reason_is_tested() -> None:
    found = [reason for reason, _ in REASONS.values()]
    assert {reason for reason in found if isinstance(reason, Because)} == set(Because)
    assert {type(reason) for reason in found} | {TableChoice} >= set(get_args(Reason))


SMALL, LARGE = ModelFacts("p", 133_000), ModelFacts("p", 72_700_000_000)


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (
            choose(SMALL, ModelFacts("r", 1), "medium"),
            "beam, the paper's rule for a policy of 133k parameters (below 7B) and a problem that is medium, as 4 "
            "samples make it seem",
        ),
        (
            choose(LARGE, ModelFacts("r", 1), "easy"),
            "best-of-n, the paper's rule for a policy of 72.7B parameters (above 32B) and a problem that is easy, as 4 "
            "samples make it seem",
        ),
        (choose(SMALL, None, "hard"), "majority, as there is no PRM to guide a policy of 133k parameters"),
        (
            choose(ModelFacts("p", 1, "deepseek-r1"), ModelFacts("r", 1), "hard"),
            "majority, as PRMs cannot guide the long thoughts of deepseek-r1",
        ),
        (
            choose(SMALL, ModelFacts("r", 1, "math-shepherd"), "hard"),
            "best-of-n, which in the paper beats search with math-shepherd PRMs",
        ),
    ],
)
def test_a_choice_of_the_papers_table(choice: TableChoice, text: str) -> None:
    assert of_decision(Decision(4, None, choice)) == text


@pytest.mark.parametrize(
    ("verified", "text"),
    [
        (Verified(right=1, wrong=0, unknown=2), ""),
        (Verified(right=1, wrong=2, unknown=3), "2 of 6 answers do not fit the problem and had no vote"),
        (Verified(right=0, wrong=4, unknown=0), "put into the problem none of the 4 answers fits, so all voted"),
    ],
)
def test_verification(verified: Verified, text: str) -> None:
    assert of_verification(verified) == text


def test_the_whole_sentence() -> None:
    plan = Plan("majority", 8, 4, PlanReason(asked=True))
    asked = "majority was asked for; N = 8 was asked for"
    unfinished = Selection("1", None, None, (Vote(answer="1", count=1, weight=1.0),), unfinished=True)  # type: ignore[arg-type]
    assert why(plan) == why(plan, selection=NOTHING) == f"{asked}."
    assert why(plan, Decision(4, None, Because.ALL_SAMPLED)) == f"{asked}; all 4 samples are drawn."
    equal = "at temperature 0 all 8 samples are equal, so one counts for all"
    assert why(plan, equal_samples=True) == f"{asked}; {equal}."
    samples = SampleCount(1, 8)
    stop = "it was stopped at --max-time with 1 of 8 samples finished"
    assert why(plan, limit="max-time", stopped=samples) == f"{asked}; {stop}."
    assert why(plan, limit="max-flops", stopped=SampleCount(0, 0)) == f"{asked}; it was stopped at --max-flops."
    assert why(plan, stopped=samples) == f"{asked}; it was stopped with 1 of 8 samples finished."
    voted = "no solution was finished, so unfinished ones that state an answer voted"
    lacks = Shortfall(0.9, "below")
    assert why(plan, limit="max-time", stopped=samples, selection=unfinished, lacks=lacks) == (
        f"{asked}; {stop}; {voted}; the confidence is below --min-confidence 0.9."
    )


SHORTFALLS = {
    "the confidence is below --min-confidence 0.9": Shortfall(0.9, "below"),
    "an answer that was found wrong does not pass --min-confidence 0.9": Shortfall(0.9, "proved wrong"),
    "one sample without a profile gives no confidence, which --min-confidence 0.9 asks for (draw more, as with "
    "--method majority, or make a profile with tts calibrate)": Shortfall(0.9, "no confidence"),
    "4 votes are too few for --min-confidence 0.9, which takes 8 or a profile": Shortfall(0.9, "few votes", 4, 8),
    "no vote is enough for --min-confidence 1, however many agree": Shortfall(1.0, "few votes", 4),
}


@pytest.mark.parametrize("text", SHORTFALLS)
def test_what_an_answer_lacks(text: str) -> None:
    assert of_shortfall(SHORTFALLS[text]) == text


@pytest.mark.parametrize(
    ("ways", "text"),
    [
        (["box", "last number", None], "1 of 2 answers is only the last number of its solution and counts half"),
        (
            ["sentence", "last number", "last number"],
            "2 of 3 answers are only the last numbers of their solutions and count half",
        ),
        (["last number", "last number"], ""),
        (["box", "mark"], ""),
    ],
)
def test_last_numbers(ways: list[Any], text: str) -> None:
    node = Node(1, None, "", 0, None, ())
    ballots = tuple(Solution(node, way and "5", None, way) for way in ways)
    assert of_last_numbers(Selection("5", None, None, (), unfinished=False, ballots=ballots)) == text


def test_a_pair_without_a_profile_from_end_to_end() -> None:
    """What a user of any model sees for which nothing was calibrated."""
    script = {(i, 0): rf"\boxed{{{i}}}." for i in range(4)} | {(-1, i): r"\boxed{9}." for i in range(16)}
    scores = {rf"\boxed{{{i}}}": 0.5 for i in (0, 1, 2, 3, 9)}
    policy, prm = ScriptedPolicy("small", 133_000, script=script), ScriptedPrm(scores=scores)
    solved = solve("1 + 1", Settings(budget=8, beam_width=2), policy, prm, judge=Same())
    plan = "auto by the paper's table, as these models have no profile; N = 8 was asked for"
    choice = (
        "beam, the paper's rule for a policy of 133k parameters (below 7B) and a problem that is medium, as 4 samples "
        "make it seem"
    )
    assert solved.record.why == f"{plan}; {choice}."
    assert [event.why for event in solved.events if isinstance(event, SearchStarted)] == [f"{plan}."]
    assert [event.why for event in solved.events if isinstance(event, Decided)] == [choice]


def test_no_program_text_in_the_sentence_of_real_models() -> None:
    with Solver(policy="nano", profile="none", budget=8) as solver:
        found = [solver.solve(text).why for text in ("Compute 3 + 4.", "What is 5/7 + 8/6 * 7/6?")]
    for sentence in found:
        assert sentence.startswith("auto by the paper's table, as these models have no profile; N = 8 was asked for; ")
        assert not re.search(r"[=]\d|\w\(|None|_", sentence) and sentence.count("N = 8") == 1
