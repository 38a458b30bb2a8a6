"""What a calibration samples of each labelled problem, and what `auto` would have observed of it, stage by stage.

One recording of best-first search to its end says what there is to observe after 1, 4, 8, .. samples, whether the
leading answer was right then, and whether it was later. The fixed methods are sampled beside it: what they reach and
cost is what `auto` has to beat.
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
from tts_cli.evaluation.recordings import Recordings, simulate
from tts_cli.evaluation.store import Store
from tts_cli.protocols import ModelFacts
from tts_cli.search.best_first import HYPERPARAMETERS, Start
from tts_cli.solving.selection import decide
from tts_cli.solving.session import Session
from tts_cli.strategy.features import Observation, gather
from tts_cli.strategy.plan import Plan
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
    (docs/measurements/findings.md, 6)."""

    start: Start
    vote: tuple[Aggregate, Select]


VARIANTS = tuple(Variant(start, vote) for start in get_args(Start) for vote in VOTES)


@dataclass(frozen=True, slots=True)
class ExhaustiveRule:
    """Goes through all stages, until a solution convinces: the decisions of any profile stop somewhere on the way."""

    stages: tuple[tuple[int, bool], ...]
    start: Start
    vote: tuple[Aggregate, Select]

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


def plans(beam_width: int) -> list[Plan]:
    """What must be sampled for each problem."""
    searches = [Plan(method, budget, beam_width) for method, budget in SEARCHES]
    ends = {variant.start: best_first_plan(variant) for variant in VARIANTS}
    return [*ends.values(), Plan("best-of-n", BEST_OF_N[-1], 1), *searches]


def best_first_plan(variant: Variant) -> Plan:
    """Best-first search to its end; what it draws and scores does not depend on the vote."""
    rule = ExhaustiveRule(STAGES, variant.start, variant.vote)
    return Plan("auto", STAGES[-1][0], 1, rule=rule)


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
    prm: ModelFacts
    store: Store
    judge: Equality

    def observe(self, row: Row) -> dict[Variant, CalibrationProblem] | None:
        """By variant; None where a search ended with an error: the problem is too long, say. Raises TtsError where
        recordings are missing."""
        recordings = Recordings(self.store, of_problem(row.problem))
        if any(recordings.covering(plan).error for plan in plans(self.settings.beam_width)):
            return None
        samples = {f"best-of-n {n}": Plan("best-of-n", n, 1) for n in BEST_OF_N}
        searches = {f"{how} {n}": Plan(how, n, self.settings.beam_width) for how, n in SEARCHES}
        sessions = {name: self._simulate(row, plan, recordings) for name, plan in (samples | searches).items()}
        every = sessions[f"best-of-n {BEST_OF_N[-1]}"].search.solutions.values()
        right = sum(one.node.ended for one in every if is_right(one.answer, row, self.judge))
        fixed = {name: self._at_the_end(row, session) for name, session in sessions.items()}
        return {
            variant: CalibrationProblem(right / BEST_OF_N[-1], self._checkpoints(row, variant, recordings), fixed)
            for variant in VARIANTS
        }

    def _checkpoints(self, row: Row, variant: Variant, recordings: Recordings) -> tuple[Checkpoint, ...]:
        checkpoints = self._simulate(row, best_first_plan(variant), recordings).checkpoints
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
