"""What a calibration samples of each labelled problem, and what `auto` would have observed of it, stage by stage.

One recording of best-first search to its end says what there is to observe after 1, 4, 8, .. samples, whether the
leading answer was right then, and whether it was later. The fixed methods are sampled beside it: what they reach and
cost is what `auto` has to beat. Without a PRM the same is done by votes and likelihoods alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from tts_cli.answers import Aggregate, Select
from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.data.fingerprint import of_problem
from tts_cli.data.rows import Row
from tts_cli.evaluation.grading import is_right, problem_of
from tts_cli.evaluation.mixture_fit import Electorate, electorate
from tts_cli.evaluation.recordings import Recordings, simulate
from tts_cli.evaluation.store import Store
from tts_cli.protocols import ModelFacts
from tts_cli.search.best_first import HYPERPARAMETERS, Start
from tts_cli.solving.selection import decide
from tts_cli.solving.session import Session
from tts_cli.strategy.features import Observation, gather
from tts_cli.strategy.mixture import Mixture
from tts_cli.strategy.plan import USUAL_SAMPLES, Plan
from tts_cli.strategy.profile import name_of
from tts_cli.strategy.rules import BestFirstUntil, Decision

STAGES = ((1, False), (4, False), (4, True), (8, True), (16, True), (32, True), (64, True), (128, True))
"""Samples, and whether the PRM has scored them: where `auto` stops to decide."""

BEST_OF_N = (1, 4, 8, 16, 32, 64)
SEARCHES: tuple[tuple[str, int], ...] = (("beam", 16), ("dvts", 16))

VOTES: tuple[tuple[Aggregate, Select], ...] = (("min", "max"), ("min", "weighted"), ("last", "weighted"))


@dataclass(frozen=True, slots=True)
class Variant:
    """How `auto` searches and votes. Which is best depends on how much more the PRM knows than the policy
    (docs/measurements/findings.md, 6). `vote` None: by the mixture of judges that was learned."""

    start: Start
    vote: tuple[Aggregate, Select] | None


VARIANTS = tuple(Variant(start, vote) for start in get_args(Start) for vote in (*VOTES, None))
WITHOUT_PRM = (Variant("root", ("min", "majority")), Variant("root", None))


def variants(*, has_prm: bool) -> tuple[Variant, ...]:
    """All that there are, the one to compare with first."""
    return VARIANTS if has_prm else WITHOUT_PRM


def stages(*, has_prm: bool) -> tuple[tuple[int, bool], ...]:
    """Where `auto` stops to decide: `STAGES`, or without a PRM those numbers of samples."""
    return STAGES if has_prm else tuple(dict.fromkeys((samples, False) for samples, _ in STAGES))


def sampler(*, has_prm: bool) -> str:
    """The method of the independent samples that `auto` is compared with."""
    return "best-of-n" if has_prm else "majority"


@dataclass(frozen=True, slots=True)
class ExhaustiveRule:
    """Goes through all stages, until a solution convinces: the decisions of any profile stop somewhere on the way."""

    stages: tuple[tuple[int, bool], ...]
    start: Start
    vote: tuple[Aggregate, Select] | None
    mixture: Mixture | None = None

    @property
    def name(self) -> str:
        """With all that it depends on: a recording of another one is of no use."""
        stages = ", ".join(name_of(*stage) for stage in self.stages)
        parameters = ", ".join(f"{name} {value}" for name, value in HYPERPARAMETERS.items())
        return f"to the end: {stages}; from {self.start}, {parameters}"

    @property
    def first(self) -> BestFirstUntil:
        return BestFirstUntil(*self.stages[0], self.start)

    def decide(self, observation: Observation) -> Decision:
        """See strategy.rules.Rule."""
        here = (observation.samples, observation.read)
        after = () if observation.convinced else self.stages[self.stages.index(here) + 1 :]
        action = BestFirstUntil(*after[0], self.start) if after else None
        return Decision(observation.samples, action, None)

    def confidence_so_far(self, observation: Observation) -> None:
        """See strategy.rules.Rule."""


def plans(beam_width: int, *, has_prm: bool = True) -> list[Plan]:
    """What must be sampled for each problem."""
    searches = [Plan(method, budget, beam_width) for method, budget in SEARCHES if has_prm]
    ends = {one.start: best_first_plan(one, has_prm=has_prm) for one in variants(has_prm=has_prm)}
    return [*ends.values(), Plan(sampler(has_prm=has_prm), BEST_OF_N[-1], 1), *searches]


def best_first_plan(variant: Variant, mixture: Mixture | None = None, *, has_prm: bool = True) -> Plan:
    """Best-first search to its end; what it draws and scores does not depend on the vote."""
    all_stages = stages(has_prm=has_prm)
    mixed = mixture if variant.vote is None else None
    vote = mixed.vote if mixed else variant.vote
    return Plan("auto", all_stages[-1][0], 1, rule=ExhaustiveRule(all_stages, variant.start, vote, mixed))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One problem at one stage, or after a fixed method. `right`: its leading answer is; `flops`: spent until then."""

    observation: Observation
    right: bool
    flops: float


@dataclass(frozen=True, slots=True)
class CalibrationProblem:
    """One labelled problem. `solved`: the part of independent samples that is right. `checkpoints`: at each stage, up
    to one where a solution convinced the PRM. `fixed`: by "METHOD N"."""

    solved: float
    checkpoints: tuple[Checkpoint, ...]
    fixed: dict[str, Checkpoint]

    def at(self, stage: int) -> Checkpoint:
        """What is known at a stage: what convinced before it still does."""
        return self.checkpoints[min(stage, len(self.checkpoints) - 1)]

    def undecided(self, stage: int) -> bool:
        """No solution has convinced the PRM so far."""
        return not self.at(stage).observation.convinced


@dataclass(frozen=True, slots=True)
class Observer:
    """Simulates searches from a store, which must hold all `plans` for every problem."""

    settings: Settings
    policy: ModelFacts
    prm: ModelFacts | None
    store: Store
    judge: Equality

    def complete(self, row: Row) -> bool:
        """No search ended with an error: the problem is too long, say. Raises TtsError where recordings are missing."""
        recordings = Recordings(self.store, of_problem(row.problem))
        all_plans = plans(self.settings.beam_width, has_prm=self.prm is not None)
        return not any(recordings.covering(plan).error for plan in all_plans)

    def voters(self, row: Row) -> Electorate | None:
        """Of as many independent samples as are usual: what a mixture is learned from."""
        plan = Plan(sampler(has_prm=self.prm is not None), min(USUAL_SAMPLES, BEST_OF_N[-1]), 1)
        search = self._simulate(row, plan, Recordings(self.store, of_problem(row.problem))).search
        ballots = decide(search, self.settings.aggregation, self.settings.select, self.judge).ballots
        return electorate(ballots, row, self.judge)

    def observe(self, row: Row, mixture: Mixture | None) -> dict[Variant, CalibrationProblem]:
        """By variant, of a problem that is `complete`. `mixture`: one that was learned without it; None: the variants
        that vote by one are left out."""
        recordings = Recordings(self.store, of_problem(row.problem))
        has_prm, width = self.prm is not None, self.settings.beam_width
        method = sampler(has_prm=has_prm)
        samples = {f"{method} {n}": Plan(method, n, 1) for n in BEST_OF_N}
        searches = {f"{how} {n}": Plan(how, n, width) for how, n in SEARCHES if has_prm}
        sessions = {name: self._simulate(row, plan, recordings) for name, plan in (samples | searches).items()}
        every = sessions[f"{method} {BEST_OF_N[-1]}"].search.solutions.values()
        right = sum(one.node.ended for one in every if is_right(one.answer, row, self.judge))
        fixed = {name: self._at_the_end(row, session) for name, session in sessions.items()}
        return {
            variant: CalibrationProblem(
                right / BEST_OF_N[-1], self._checkpoints(row, variant, mixture, recordings), fixed
            )
            for variant in variants(has_prm=has_prm)
            if variant.vote is not None or mixture is not None
        }

    def _checkpoints(
        self, row: Row, variant: Variant, mixture: Mixture | None, recordings: Recordings
    ) -> tuple[Checkpoint, ...]:
        plan = best_first_plan(variant, mixture, has_prm=self.prm is not None)
        checkpoints = self._simulate(row, plan, recordings).checkpoints
        return tuple(Checkpoint(one, is_right(one.leader, row, self.judge), flops) for one, flops in checkpoints)

    def _simulate(self, row: Row, plan: Plan, recordings: Recordings) -> Session:
        recording = recordings.covering(plan)
        session, _ = simulate(problem_of(row), plan, self.settings, self.policy, self.prm, recording, self.judge)
        return session

    def _at_the_end(self, row: Row, session: Session) -> Checkpoint:
        """Of a fixed method, as it votes when a problem is solved."""
        selection = decide(session.search, self.settings.aggregation, self.settings.select, self.judge)
        observation = gather(selection.ballots, selection.votes, session.plan.budget)
        return Checkpoint(observation, is_right(selection.answer, row, self.judge), session.flops())
