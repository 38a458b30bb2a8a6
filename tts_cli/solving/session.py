"""One problem under way: a planned search within its limits, from its first event to its record."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.costs import flops
from tts_cli.data.record import Cost, FinishReason, Problem, Record, RecordError, Verified, Vote
from tts_cli.errors import TtsError, UsageError
from tts_cli.protocols import Policy, RewardModel
from tts_cli.search.context import Limits, Search
from tts_cli.search.events import Event, SearchEnded, SearchStarted, Spent
from tts_cli.search.methods import find
from tts_cli.search.tree import solution_text, tips
from tts_cli.solving.selection import Selection, all_wrong, conclude, decide
from tts_cli.strategy.auto import AutoState, auto
from tts_cli.strategy.features import Observation, gather
from tts_cli.strategy.plan import Plan

LIMIT_FLAGS: dict[FinishReason, str] = {"max-time": "--max-time", "max-flops": "--max-flops"}


class Session:
    """What the driver runs for one problem (a search.driver.Runnable).

    `vote`: how its solutions vote. `checkpoints`: what a rule was shown each time, and the FLOPs until then.
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
    ) -> None:
        self.problem, self.plan, self.settings = problem, plan, settings
        self.events: list[Event] = []
        self.limit: FinishReason | None = None
        self._policy, self._prm = policy, prm if plan.guided else None
        self._judge, self._listener, self._clock = judge, listener, clock
        self._auto = AutoState()
        self.vote = (plan.rule and plan.rule.vote) or (settings.aggregate, settings.select)
        self.checkpoints: list[tuple[Observation, float]] = []
        self._started: float | None = None
        self._spent = Spent(0, 0, 0)
        self._samples, copies = (plan.budget, 1) if sampled(plan, settings) else (1, plan.budget)
        self.search = self._new_search(copies)

    def _new_search(self, copies: int) -> Search:
        settings = self.settings
        greedy = self.plan.likeliest_only
        return Search(
            self.problem.text,
            id=self.problem.id,
            policy=self._policy,
            prm=self._prm,
            conclude=lambda node: conclude(node, self.vote[0]),
            seed=settings.seed,
            sampling=replace(settings.sampling, temperature=0.0) if greedy else settings.sampling,
            limits=Limits(settings.max_steps, settings.max_tokens),
            listener=self._tell,
            copies=copies,
        )

    # What the driver asks for

    def main(self) -> Coroutine[Any, Any, None]:
        self._started = self._clock()
        self._tell(
            SearchStarted(
                self.problem.text,
                self.plan.method,
                self.plan.budget,
                self.plan.beam_width,
                self._policy.name,
                self._prm.name if self._prm else None,
                self._why(),
                policy_parameters=self._policy.parameters,
                prm_parameters=self._prm.parameters if self._prm else None,
            )
        )
        return self._run()

    async def _run(self) -> None:
        if self.problem.error is not None:
            raise _UnfitRow(self.problem.error)
        if not self.problem.text.strip():
            raise UsageError("the problem is empty", "Give a problem as text, for example: Compute 2 + 3.")
        self.search.open()
        if self.plan.rule is None:
            await find(self.plan.method).run(self.search, self._samples, self.plan.beam_width)
        else:
            await auto(self.search, self.plan.rule, self._auto, self._checkpoint, beam_width=self.plan.beam_width)

    def _checkpoint(self) -> Observation:
        seen = self._observation(self._vote(verify=False), self._auto.samples)  # as it was calibrated
        seen = replace(seen, fits=self._fits() if self.settings.verify else None)
        self.checkpoints.append((seen, self.flops()))
        return seen

    def _fits(self) -> bool | None:
        """Is an answer certainly right, or is every one certainly wrong?"""
        verified = self._vote(verify=True).verified
        if verified is None or not (verified.right or all_wrong(verified)):
            return None
        return verified.right > 0

    def _observation(self, selection: Selection, samples: int) -> Observation:
        state = self._auto
        return gather(selection.ballots, selection.votes, samples, read=state.read, convinced=state.convinced)

    def _vote(self, *, verify: bool) -> Selection:
        return decide(self.search, *self.vote, self._judge, verify=verify)

    def should_stop(self) -> bool:
        settings = self.settings
        if settings.max_time is not None and self.seconds() >= settings.max_time:
            self.limit = "max-time"
        elif settings.max_flops is not None and self.flops() >= settings.max_flops:
            self.limit = "max-flops"
        return self.limit is not None

    def close(self) -> None:
        self.search.close()

    # What it has cost

    def seconds(self) -> float:
        return 0.0 if self._started is None else self._clock() - self._started

    def flops(self) -> float:
        """2 x parameters x tokens that really ran, over both models."""
        policy = flops(self._policy.parameters, self.search.policy_usage.total)
        return policy + (flops(self._prm.parameters, self.search.prm_usage.total) if self._prm else 0.0)

    def tell_spent(self) -> None:
        """Tell the listener what has been spent, if that is news; of several in a row the last is kept."""
        policy = self.search.policy_usage
        spent = Spent(policy.evaluated, policy.sampled, self.search.prm_usage.total)
        if spent != self._spent:
            self._spent = spent
            self._tell(spent)

    # What comes of it

    def record(self, error: Exception | None, stopped: bool) -> tuple[Record, Selection]:
        """Vote on what was found, and tell the end. With `error` there is no vote."""
        if stopped:
            self.search.finish_rest()
        selection = _NOTHING if error else self._verdict(stopped)
        finish = "error" if error else self._finish(selection)
        self.tell_spent()
        answer = selection.answer if finish == "answered" else None
        step = selection.chosen.node.number if selection.chosen else None
        self._tell(SearchEnded(step, answer, selection.confidence, finish))
        return self._record(selection, finish, answer, error), selection

    def _verdict(self, stopped: bool) -> Selection:
        """The vote, with a calibrated confidence where there is one for what voted."""
        verify = self.settings.verify and self.limit != "max-time"  # a check takes time, which is up then
        selection = self._vote(verify=verify)
        dropped = selection.verified is not None and selection.verified.wrong > 0
        sure = None if dropped or not selection.votes else self._sure(selection, stopped)
        return selection if sure is None else replace(selection, confidence=sure)

    def _sure(self, selection: Selection, stopped: bool) -> float | None:
        """Of a search that was stopped: the lower of two readings, as if what was under way had never begun, and as if
        it had ended in nothing."""
        count, rule = len(selection.ballots), self.plan.rule
        if rule is not None and stopped:
            counts = (count, max(count, self._auto.samples))
            readings = [rule.confidence_so_far(self._observation(selection, one)) for one in counts]
            return min((one for one in readings if one is not None), default=None)
        if rule is None and self.plan.confidence is not None and not stopped:
            return self.plan.confidence(self._observation(selection, self.plan.budget).values)
        return self._auto.confidence

    def _finish(self, selection: Selection) -> FinishReason:
        least = self.settings.min_confidence
        if selection.answer is not None and selection.confidence is not None:
            return "low-confidence" if least is not None and selection.confidence < least else "answered"
        if self.limit is not None:
            return self.limit
        ends = [node for root in self.search.roots for node in tips(root)]
        cut = any(node.cut or node.solution_tokens >= self.settings.max_tokens for node in ends)
        return "max-tokens" if cut and not self.search.solutions else "no-answer"

    def _record(
        self, selection: Selection, finish: FinishReason, answer: str | None, error: Exception | None
    ) -> Record:
        policy, settings = self.search.policy_usage, self.settings
        method, budget = self._done()
        return Record(
            id=self.problem.id,
            problem=self.problem.text,
            answer=answer,
            confidence=selection.confidence,
            solution=solution_text(selection.chosen.node) if selection.chosen else None,
            method=method,
            budget=budget,
            difficulty=self._auto.difficulty,
            why=self._why(selection),
            votes=[Vote(answer=v.answer, count=v.count, weight=v.weight) for v in selection.votes],
            cost=Cost(
                policy_prompt_tokens=policy.evaluated,
                policy_tokens=policy.sampled,
                prm_tokens=self.search.prm_usage.total,
                flops=self.flops(),
                seconds=self.seconds(),
            ),
            policy=self._policy.name,
            prm=self._prm.name if self._prm else None,
            seed=settings.seed,
            finish=finish,
            error=record_error(error),
            verified=selection.verified,
            input=self.problem.input,
            fingerprint=self.problem.fingerprint,
        )

    def _done(self) -> tuple[str, int]:
        """Method and budget as they came out."""
        if self.plan.rule is None:
            return self.plan.method, self.plan.budget
        method, budget = self._auto.method(has_prm=self._prm is not None)
        return method, budget or self.plan.budget  # 0: it ended before the first sample

    def _why(self, selection: Selection | None = None) -> str:
        parts = [part for part in (self.plan.why, self._auto.why) if part]
        if self.search.copies > 1:
            parts.append(f"at temperature 0 all {self.plan.budget} samples are equal, so one counts for all")
        if self.limit is not None:
            parts.append(f"it was stopped at {LIMIT_FLAGS[self.limit]}")
        if selection is not None and selection.unfinished and selection.votes:
            parts.append("no solution was finished, so unfinished ones that state an answer voted")
        if selection is not None and selection.verified is not None:
            parts.extend(_of_check(selection.verified))
        return "; ".join(parts) + "."

    def _tell(self, event: Event) -> None:
        if isinstance(event, Spent) and self.events and isinstance(self.events[-1], Spent):
            self.events.pop()
        self.events.append(event)
        self._listener(event)


_NOTHING = Selection(None, None, None, (), unfinished=False)


def sampled(plan: Plan, settings: Settings) -> bool:
    """False where all samples of the plan would come out equal."""
    return not plan.likeliest_only and settings.sampling.temperature > 0


def _of_check(verified: Verified) -> list[str]:
    if all_wrong(verified):
        return [f"put into the problem none of the {verified.wrong} answers fits, so all voted"]
    total = verified.right + verified.wrong + verified.unknown
    return [f"{verified.wrong} of {total} answers do not fit the problem and had no vote"] if verified.wrong else []


class _UnfitRow(Exception):
    """Ends the search of a problem whose row came with an error."""

    def __init__(self, error: RecordError) -> None:
        super().__init__(error.message)
        self.error = error


def record_error(error: Exception | None) -> RecordError | None:
    """What a record says of an error; one that nobody foresaw is of kind "internal"."""
    if error is None:
        return None
    if isinstance(error, _UnfitRow):
        return error.error
    if isinstance(error, TtsError):
        return RecordError(kind=error.kind, message=str(error))
    return RecordError(kind="internal", message=f"{type(error).__name__}: {error}")
