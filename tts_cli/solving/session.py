"""One problem under way: a planned search within its limits, from its first event to its record.

    Plan ── Session ── the driver runs it ── vote ── Record
                └─ for `auto`, whenever all samples so far have ended: observation ── rule ── decision

`solve` and `solve_many` (solve.py) make sessions and run them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from tts_cli.answers.judge import Judge
from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.costs import flops
from tts_cli.data.record import Cost, FinishReason, Problem, Record, RecordError, RefutedCount, Vote
from tts_cli.errors import TtsError, UsageError
from tts_cli.protocols import Policy, RewardModel
from tts_cli.search.context import Limits, Search
from tts_cli.search.events import Decided, Event, SearchEnded, SearchStarted, Spent
from tts_cli.search.methods import find
from tts_cli.search.revival import finish_refuted, revive
from tts_cli.search.tree import solution_text, tips
from tts_cli.solving import wording
from tts_cli.solving.calculator import refuter
from tts_cli.solving.confidence import Confidence, Shortfall, shortfall
from tts_cli.solving.selection import (
    NOTHING,
    SampleCount,
    Selection,
    all_wrong,
    best_attempt,
    conclude,
    count_samples,
    decide,
)
from tts_cli.strategy.auto import AutoState, auto
from tts_cli.strategy.features import Observation, gather
from tts_cli.strategy.plan import Plan
from tts_cli.strategy.rules import Decision

_VOTING_TIME = 1.0  # seconds after `--max-time` at most, in which SymPy may compare answers: about what a decode takes


class Session:
    """What the driver runs for one problem (a search.driver.Runnable).

    `vote`: how its solutions vote. `events`: all so far. `limit`: the one that ended it, if any. `checkpoints`: what
    the rule was shown each time, and the FLOPs until then. `for_recording`: it draws all that the same search with a
    smaller budget would.
    """

    def __init__(
        self,
        problem: Problem,
        plan: Plan,
        settings: Settings,
        policy: Policy,
        prm: RewardModel | None,
        judge: Equality,
        listener: Callable[[Event], None],
        clock: Callable[[], float],
        for_recording: bool = False,
    ) -> None:
        self.problem, self.plan, self.settings = problem, plan, settings
        self.policy, self.prm = policy, prm if plan.guided else None
        self.vote = plan.vote(settings)
        self.events: list[Event] = []
        self.limit: FinishReason | None = None
        self.checkpoints: list[tuple[Observation, float]] = []
        self._judge, self._listener, self._clock = judge, listener, clock
        self._for_recording = for_recording
        self._auto = AutoState()
        self._started: float | None = None
        self._spent = Spent(0, 0, 0)
        sampling = replace(settings.sampling, temperature=0.0) if plan.likeliest_only else settings.sampling
        # At temperature 0 all samples come out equal: one is drawn, and counts for all.
        self._samples, copies = (plan.budget, 1) if sampling.temperature > 0 else (1, plan.budget)
        self.search = Search(
            problem.text,
            id=problem.id,
            policy=policy,
            prm=self.prm,
            conclude=lambda node: conclude(node, self.vote[0]),
            seed=settings.seed,
            sampling=sampling,
            limits=Limits(settings.max_steps, settings.max_tokens),
            listener=self._emit,
            copies=copies,
            refute=refuter(on=settings.calculator),
        )

    # What the driver asks for

    def main(self) -> Coroutine[Any, Any, None]:
        self._started = self._clock()
        self._emit(
            SearchStarted(
                self.problem.text,
                self.plan.method,
                self.plan.budget,
                self.plan.beam_width,
                self.policy.name,
                self.prm.name if self.prm else None,
                self._why(),
                policy_parameters=self.policy.parameters,
                prm_parameters=self.prm.parameters if self.prm else None,
            )
        )
        return self._run()

    async def _run(self) -> None:
        if self.problem.error is not None:
            unfit = TtsError(self.problem.error.message)
            unfit.kind = self.problem.error.kind
            raise unfit
        if not self.problem.text.strip():
            raise UsageError("the problem is empty", "Give a problem as text, for example: Compute 2 + 3.")
        self.search.open()
        rule, width = self.plan.rule, self.plan.beam_width
        if rule is None:
            await find(self.plan.method).run(self.search, self._samples, width)
        else:
            await auto(self.search, rule, self._auto, self._observe, self._report, beam_width=width)
        await revive(self.search, self._samples, smaller_budgets=self._for_recording)

    def should_stop(self) -> bool:
        settings = self.settings
        if settings.max_time is not None and self.seconds() >= settings.max_time:
            self.limit = "max-time"
        elif settings.max_flops is not None and self.flops() >= settings.max_flops:
            self.limit = "max-flops"
        return self.limit is not None

    def seconds_left(self) -> float | None:
        return None if self.settings.max_time is None else self.settings.max_time - self.seconds()

    def close(self) -> None:
        self.search.close()

    # What it has cost

    def seconds(self) -> float:
        return 0.0 if self._started is None else self._clock() - self._started

    def flops(self) -> float:
        """Over both models, of the tokens that really ran."""
        policy = flops(self.policy.parameters, self.search.policy_usage.total)
        return policy + (flops(self.prm.parameters, self.search.prm_usage.total) if self.prm else 0.0)

    def report_spent(self) -> None:
        """An event with the tokens that have run, unless none have since the last one."""
        policy = self.search.policy_usage
        spent = Spent(policy.evaluated, policy.sampled, self.search.prm_usage.total)
        if spent != self._spent:
            self._spent = spent
            self._emit(spent)

    def _emit(self, event: Event) -> None:
        """Keep the event and pass it on; of several costs in a row the last is kept."""
        if isinstance(event, Spent) and self.events and isinstance(self.events[-1], Spent):
            self.events.pop()
        self.events.append(event)
        self._listener(event)

    # What `auto` decides by

    def _observe(self) -> Observation:
        """What the samples so far show, by a vote as it was calibrated: without verification."""
        observation = self._observation(self._vote(verify=False), self._auto.samples)
        if self.settings.verify:
            verified = self._vote(verify=True).verified
            if verified is not None and (verified.right or all_wrong(verified)):
                observation = replace(observation, fits=verified.right > 0)
        if observation.leader is None and self.search.refuted.parked:
            observation = replace(observation, refuted=True)
        self.checkpoints.append((observation, self.flops()))
        return observation

    def _observation(self, selection: Selection, samples: int) -> Observation:
        state = self._auto
        return gather(selection.ballots, selection.votes, samples, read=state.read, convinced=state.convinced)

    def _vote(self, *, verify: bool) -> Selection:
        """Comparing answers takes time, too: what is left of it, or `_VOTING_TIME` where less is."""
        left, judge = self.seconds_left(), self._judge
        with judge.within(max(left, _VOTING_TIME)) if left is not None and isinstance(judge, Judge) else nullcontext():
            return decide(self.search, *self.vote, judge, verify=verify, mixture=self.plan.mixture)

    def _report(self, decision: Decision) -> None:
        clause = wording.of_decision(decision)
        self._emit(Decided(decision.samples, decision.confidence, decision.difficulty, clause))

    # What comes of it

    def record(self, error: Exception | None, stopped: bool) -> tuple[Record, Selection]:
        """Vote on what was found, and emit the end. After an `error` there is no vote.

        `stopped`: the search was ended before it was complete.
        """
        if stopped:
            self.search.finish_rest()
            finish_refuted(self.search)
        selection = NOTHING if error else self._select(stopped)
        if selection.chosen is None and error is None:
            selection = replace(selection, chosen=best_attempt(self.search, self.vote[0]))
        lacks = self._lacks(selection)
        finish = "error" if error else self._finish(selection, lacks)
        answer = selection.answer if finish == "answered" else None
        chosen = selection.chosen.node if selection.chosen else None
        confidence = selection.confidence.value if selection.confidence else None
        counted = count_samples(self.search)
        self.report_spent()
        self._emit(SearchEnded(chosen.number if chosen else None, answer, confidence, finish))
        method, budget = self.plan.method, self.plan.budget
        if self.plan.rule is not None:
            method, samples = self._auto.method(has_prm=self.prm is not None)
            budget = samples or budget  # 0: it ended before its first sample
        record = Record(
            id=self.problem.id,
            problem=self.problem.text,
            answer=answer,
            confidence=confidence,
            solution=solution_text(chosen) if chosen else None,
            method=method,
            budget=budget,
            difficulty=self._auto.difficulty,
            why=self._why(selection, lacks, counted if stopped else None),
            votes=[Vote(answer=v.answer, count=v.count, weight=v.weight) for v in selection.votes],
            finished=counted.finished,
            samples=counted.drawn,
            cost=Cost(
                policy_prompt_tokens=self.search.policy_usage.evaluated,
                policy_tokens=self.search.policy_usage.sampled,
                prm_tokens=self.search.prm_usage.total,
                flops=self.flops(),
                seconds=self.seconds(),
            ),
            policy=self.policy.name,
            prm=self.prm.name if self.prm else None,
            seed=self.settings.seed,
            finish=finish,
            error=record_error(error),
            verified=selection.verified,
            calculator=self._refuted(),
            input=self.problem.input,
            fingerprint=self.problem.fingerprint,
        )
        return record, selection

    def _why(
        self, selection: Selection = NOTHING, lacks: Shortfall | None = None, stopped: SampleCount | None = None
    ) -> str:
        return wording.why(
            self.plan,
            self._auto.decision,
            equal_samples=self.search.copies > 1,
            limit=self.limit,
            stopped=stopped,
            selection=selection,
            lacks=lacks,
            refuted=self._refuted(),
        )

    def _refuted(self) -> RefutedCount | None:
        found = self.search.refuted
        if not self.settings.calculator:
            return None
        return RefutedCount(refuted=found.count, redrawn=found.redrawn, tokens=found.tokens)

    def _select(self, stopped: bool) -> Selection:
        """The vote, with a calibrated confidence where there is one."""
        verify = self.settings.verify and self.limit != "max-time"  # it takes time, which is up then
        selection = self._vote(verify=verify)
        chance = self._calibrated(selection, stopped)
        return selection if chance is None else replace(selection, confidence=Confidence(chance, "profile"))

    def _calibrated(self, selection: Selection, stopped: bool) -> float | None:
        """The chance that the answer is right; None where nothing was measured for such a vote, or it is proved.

        Of a search that was stopped: the lower of two, as if what was under way had never begun, and as if it had ended
        in nothing.
        """
        rule, measured = self.plan.rule, self.plan.confidence
        if not selection.votes or selection.refuted or (selection.verified is not None and selection.verified.wrong):
            return None
        if selection.confidence is not None and selection.confidence.basis == "proof":
            return None
        if rule is None:
            if measured is None or stopped:
                return None
            return measured(self._observation(selection, self.plan.budget).values)
        if not stopped:
            return self._auto.confidence
        ended = len(selection.ballots)
        counts = (ended, max(ended, self._auto.samples))
        chances = [rule.confidence_so_far(self._observation(selection, count)) for count in counts]
        return min((one for one in chances if one is not None), default=None)

    def _lacks(self, selection: Selection) -> Shortfall | None:
        least = self.settings.min_confidence
        return None if least is None or selection.answer is None else shortfall(selection.confidence, least)

    def _finish(self, selection: Selection, lacks: Shortfall | None) -> FinishReason:
        if selection.answer is not None:
            return "answered" if lacks is None else "low-confidence"
        if self.limit is not None:
            return self.limit
        ends = [node for root in self.search.roots for node in tips(root)]
        if self.search.solutions:
            return "no-answer"
        if any(node.cut or node.solution_tokens >= self.settings.max_tokens for node in ends):
            return "max-tokens"
        return "max-steps" if any(node.depth >= self.settings.max_steps for node in ends) else "no-answer"


def record_error(error: Exception | None) -> RecordError | None:
    """What a record says of an error; an unexpected one is of kind "internal"."""
    if error is None:
        return None
    if isinstance(error, TtsError):
        return RecordError(kind=error.kind, message=str(error))
    return RecordError(kind="internal", message=f"{type(error).__name__}: {error}")
