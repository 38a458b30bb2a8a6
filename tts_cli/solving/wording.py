"""Every sentence of `why`: what was decided, and what came of it, put into words.

The facts come from elsewhere: a plan and a decision of the strategy give their reasons as data, and a session knows
what became of them. A `why` is one sentence of clauses with semicolons between; here each clause has its one place.
"""

from __future__ import annotations

from tts_cli.answers.vote import trusts
from tts_cli.costs import human
from tts_cli.data.record import FinishReason, RefutedCount, Verified
from tts_cli.solving.confidence import Shortfall
from tts_cli.solving.selection import NOTHING, SampleCount, Selection, all_wrong
from tts_cli.strategy.paper_table import TableChoice
from tts_cli.strategy.plan import Plan
from tts_cli.strategy.profile import Mismatch, ModelFile, Unfit
from tts_cli.strategy.rules import Because, BelowWanted, Decision, MorePromised, TooFewToAgree


def why(
    plan: Plan,
    decision: Decision | None = None,
    *,
    equal_samples: bool = False,
    limit: FinishReason | None = None,
    stopped: SampleCount | None = None,
    selection: Selection = NOTHING,
    lacks: Shortfall | None = None,
    refuted: RefutedCount | None = None,
) -> str:
    """The whole sentence of a record.

    `equal_samples`: one sample stands for all. `stopped`: the samples of a search that did not come to its end;
    `limit`: the one that ended it. `lacks`: why the answer does not pass --min-confidence. `refuted`: what the
    calculator found.
    """
    clauses = [of_plan(plan)]
    if decision is not None:
        clauses.append(of_decision(decision))
    if equal_samples:
        clauses.append(f"at temperature 0 all {plan.budget} samples are equal, so one counts for all")
    if stopped is not None:
        clauses.append(of_stop(stopped, limit))
    if selection.unfinished and selection.votes:
        clauses.append("no solution was finished, so unfinished ones that state an answer voted")
    if refuted is not None and refuted.refuted:
        clauses.append(of_refuted(refuted, selection))
    clauses.append(of_last_numbers(selection))
    if selection.verified is not None:
        clauses.append(of_verification(selection.verified))
    if lacks is not None:
        clauses.append(of_shortfall(lacks))
    return "; ".join(clause for clause in clauses if clause) + "."


def of_stop(samples: SampleCount, limit: FinishReason | None) -> str:
    """What ended a search before its end, and how far it was."""
    clause = "it was stopped" + (f" at --{limit}" if limit else "")
    return f"{clause} with {samples.finished} of {samples.drawn} samples finished" if samples.drawn else clause


def of_plan(plan: Plan) -> str:
    """Why this method and this budget."""
    reason = plan.reason
    if reason is None:
        return ""
    budget = f"N = {plan.budget} " + (f"is --effort {reason.effort}" if reason.effort else "was asked for")
    if plan.fixed is not None:
        if not reason.asked:
            return f"{plan.method}, as at temperature 0 all samples are equal"
        return f"{plan.method} was asked for; " + ("it writes one solution" if plan.likeliest_only else budget)
    if reason.made is not None:
        return f"auto by the profile of {reason.made}, at --effort {reason.effort}; at most N = {plan.budget}"
    no_profile = of_unfit(reason.unfit) if reason.unfit else "these models have no profile"
    return f"auto by the paper's table, as {no_profile}; {budget}"


def of_unfit(unfit: Unfit) -> str:
    """Why a profile is not used."""
    if unfit.mismatch is None:
        return f"the profile {unfit.file} was made by another version of tts"
    return f"the profile {unfit.file} is not for this run ({of_mismatch(unfit.mismatch)})"


def of_mismatch(found: Mismatch) -> str:
    """In what a profile differs from these models and settings."""
    own, here = found.made_with, found.here
    if not (isinstance(own, ModelFile) and isinstance(here, ModelFile)):
        return f"it was made with {found.name} {own}, not {here}"
    what = f"another file of {own.name}" if own.name == here.name else f"{own.name}, not {here.name}"
    return f"its {found.name} is {what} ({own.content}, here {here.content})"


_CLAUSES = {
    Because.ANSWER_FITS: "{after} an answer fits the problem",
    Because.NO_ANSWER_FITS: "{after} no answer fits the problem",
    Because.NO_ANSWER_FITS_AT_LIMIT: "{after} no answer fits the problem, and no more is allowed",
    Because.ALL_REFUTED: "{after} every answer rests on a false equality",
    Because.ALL_REFUTED_AT_LIMIT: "{after} every answer rests on a false equality, and no more is allowed",
    Because.SOLUTION_CONVINCES: "{after} a solution convinces the PRM in every step; "
    "the chance that it is right is {chance}",
    Because.AT_LIMIT: "{right}, and no more is allowed",
    Because.AT_UNMEASURED_LIMIT: "it stopped at {n} samples, the most allowed",
    Because.TOO_LITTLE_PROMISED: "{right}, and more compute promises too little",
    Because.NOTHING_PROMISED: "{right}, and more compute promises nothing",
    Because.ALL_SAMPLED: "all {n} samples are drawn",
    Because.SAMPLES_AGREE: "the first {n} samples agree",
}


def of_decision(decision: Decision) -> str:
    """Why `auto` stops or goes on."""
    n, confidence = decision.samples, decision.confidence or 0.0
    after = "after 1 sample" if n == 1 else f"after {n} samples"
    chance = "over 99%" if confidence > 0.99 else f"{confidence:.0%}"  # never said to be 100%
    right = f"{after} the chance of a right answer is {chance}"
    match decision.reason:
        case Because() as reason:
            return _CLAUSES[reason].format(n=n, after=after, chance=chance, right=right)
        case BelowWanted(wanted):
            return f"{right}, and {wanted:.0%} is wanted"
        case MorePromised(samples, gain):
            promise = "reading them promises" if samples is None else f"{samples} samples promise"
            return f"{right}, and {promise} {100 * gain:+.1f} points"
        case TooFewToAgree(wanted):
            return f"the first {n} samples agree, which are too few for a confidence of {wanted:.0%}"
        case TableChoice() as choice:
            return _of_choice(choice, n)
        case None:
            return ""


def _of_choice(choice: TableChoice, samples: int) -> str:
    """Only the entry by size depends on the difficulty that the samples suggest."""
    size = f"a policy of {human(choice.policy.parameters, billion='B')} parameters"
    match choice.entry:
        case "no PRM":
            return f"{choice.method}, as there is no PRM to guide {size}"
        case "long thought":
            return f"{choice.method}, as PRMs cannot guide the long thoughts of {choice.policy.family}"
        case "unsuited PRM":
            return f"{choice.method}, which in the paper beats search with {choice.prm and choice.prm.family} PRMs"
        case "size":
            problem = f"a problem that is {choice.difficulty}, as {samples} samples make it seem"
            return f"{choice.method}, the paper's rule for {size} ({choice.size}) and {problem}"


def of_verification(verified: Verified) -> str:
    """What became of the answers that were substituted back into the problem."""
    if all_wrong(verified):
        return f"put into the problem none of the {verified.wrong} answers fits, so all voted"
    total = verified.right + verified.wrong + verified.unknown
    return f"{verified.wrong} of {total} answers do not fit the problem and had no vote" if verified.wrong else ""


def of_refuted(found: RefutedCount, selection: Selection) -> str:
    """What became of steps that state a false equality."""
    if selection.refuted and selection.votes:
        return "every answer rests on a false equality, so all voted"
    number = found.redrawn or found.refuted
    steps = "1 step with a false equality was" if number == 1 else f"{number} steps with a false equality were"
    return f"{steps} drawn again" if found.redrawn else f"{steps} given up"


def of_last_numbers(selection: Selection) -> str:
    """How many votes count less than the others, as nothing says that they are answers."""
    ways = [ballot.how for ballot in selection.ballots if ballot.answer is not None]
    fewer = sum(trust < 1 for trust in trusts(ways))
    if not fewer:
        return ""
    if fewer == 1:
        return f"1 of {len(ways)} answers is only the last number of its solution and counts half"
    return f"{fewer} of {len(ways)} answers are only the last numbers of their solutions and count half"


def of_shortfall(lacks: Shortfall) -> str:
    """Why an answer does not pass --min-confidence, and what would."""
    least = f"--min-confidence {lacks.wanted:g}"
    match lacks.because:
        case "below":
            return f"the confidence is below {least}"
        case "proved wrong":
            return f"an answer that was found wrong does not pass {least}"
        case "no confidence":
            return (
                f"one sample without a profile gives no confidence, which {least} asks for (draw more, as with "
                "--method majority, or make a profile with tts calibrate)"
            )
        case "few votes" if lacks.needed is None:
            return f"no vote is enough for {least}, however many agree"
        case "few votes":
            return f"{lacks.voters} votes are too few for {least}, which takes {lacks.needed} or a profile"
