"""From labelled problems that were sampled and searched to a profile: what `auto` may expect of this pair of models.

For each problem a tape of best-first search to its end tells what was to be seen after 1, 4, 8, .. samples, whether the
leading answer was right then, and whether it was later. Logistic models of these, fitted to few numbers
(strategy.evidence), are the profile; the figures in it come from problems that each model was not fitted to. Where the
rounds of the search start and how its solutions vote is chosen by what it is worth. The fixed methods are sampled
beside it: what they reach and cost is what `auto` has to beat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from statistics import fmean
from typing import Any, get_args

from tts_cli import __version__
from tts_cli.answers import Aggregate, Select
from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.data.rows import Row
from tts_cli.evaluation.fit import assign_folds, fit
from tts_cli.evaluation.grading import Recordings, problem_of
from tts_cli.evaluation.simulate import simulate
from tts_cli.evaluation.store import Store, problem_key
from tts_cli.protocols import ModelFacts
from tts_cli.search.best_first import HYPERPARAMETERS, Start
from tts_cli.solving.selection import decide
from tts_cli.solving.session import Session
from tts_cli.strategy.features import FEATURES, Observation, gather
from tts_cli.strategy.logistic import Logistic
from tts_cli.strategy.paper_table import Difficulty
from tts_cli.strategy.plan import Plan
from tts_cli.strategy.profile import Data, LaterStage, ModelFile, Profile, Stage, Voting, name_of, samples_as
from tts_cli.strategy.rules import PRICES, BestFirstUntil, CalibratedRule, Decision

STAGES = ((1, False), (4, False), (4, True), (8, True), (16, True), (32, True), (64, True), (128, True))
"""Samples, and whether the PRM has read them: where `auto` stops to decide."""

EARLY = 4
"""Samples up to which the difficulty is told anew: all that come later are chosen by what was found."""

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
    """Goes through all stages, until a solution convinces: what every profile's decisions are a part of."""

    stages: tuple[tuple[int, bool], ...]
    start: Start
    vote: tuple[Aggregate, Select]

    @property
    def name(self) -> str:
        """With all that it does depend on: a tape of another one is of no use."""
        stages = ", ".join(name_of(*stage) for stage in self.stages)
        dials = ", ".join(f"{name} {value}" for name, value in HYPERPARAMETERS.items())
        return f"to the end: {stages}; from {self.start}, {dials}"

    @property
    def first(self) -> BestFirstUntil:
        return BestFirstUntil(*self.stages[0])

    def decide(self, observation: Observation) -> Decision:
        """See strategy.rule.Rule."""
        place = (
            self.stages.index((observation.samples, observation.read))
            if not observation.convinced
            else len(self.stages)
        )
        action = BestFirstUntil(*self.stages[place + 1]) if place + 1 < len(self.stages) else None
        return Decision(action, None, None, "it goes to the end")

    def confidence_so_far(self, observation: Observation) -> None:
        """See strategy.rule.Rule."""


def plans(beam_width: int) -> list[Plan]:
    """What must be sampled for each problem."""
    why = "sampled by tts calibrate"
    searches = [Plan(method, budget, beam_width, why) for method, budget in SEARCHES]
    ends = {variant.start: best_first_plan(variant) for variant in VARIANTS}
    return [*ends.values(), Plan("best-of-n", BEST_OF_N[-1], 1, why), *searches]


def best_first_plan(variant: Variant) -> Plan:
    """Best-first search to its end; what it draws and reads does not depend on the vote."""
    rule = ExhaustiveRule(STAGES, variant.start, variant.vote)
    return Plan("auto", STAGES[-1][0], 1, "sampled by tts calibrate", rule)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One problem at one look, or after a fixed method. `right`: its leading answer; `flops`: until then."""

    observation: Observation
    right: bool
    flops: float


@dataclass(frozen=True, slots=True)
class CalibrationProblem:
    """One labelled problem. `solved`: the part of independent samples that is right. `checkpoints`: at each stage, until one
    where a solution had convinced the PRM. `fixed`: by "METHOD N"."""

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
class CalibrationFacts:
    """What a profile is of: models, data, and the settings that the samples depend on."""

    policy: ModelFile
    prm: ModelFile
    data: Data
    settings: Settings
    variant: Variant = VARIANTS[0]


@dataclass(frozen=True, slots=True)
class Observer:
    """Replays tapes; the store must hold all `plans` for every problem."""

    settings: Settings
    policy: ModelFacts
    prm: ModelFacts
    store: Store
    judge: Equality

    def observe(self, row: Row) -> dict[Variant, CalibrationProblem] | None:
        """None where a search ended with an error: the problem is too long, say. Raises TtsError where tapes are
        missing."""
        recordings = Recordings(self.store, problem_key(row.problem))
        if any(recordings.covering(plan).error for plan in plans(self.settings.beam_width)):
            return None
        samples = {f"best-of-n {n}": Plan("best-of-n", n, 1, "") for n in BEST_OF_N}
        searches = {f"{how} {n}": Plan(how, n, self.settings.beam_width, "") for how, n in SEARCHES}
        sessions = {name: self._simulate(row, plan, recordings) for name, plan in (samples | searches).items()}
        every = sessions[f"best-of-n {BEST_OF_N[-1]}"].search.solutions.values()
        right = sum(one.node.ended for one in every if self._right(one.answer, row))
        fixed = {name: self._see(row, session) for name, session in sessions.items()}
        return {
            variant: CalibrationProblem(right / BEST_OF_N[-1], self._checkpoints(row, variant, recordings), fixed)
            for variant in VARIANTS
        }

    def _checkpoints(self, row: Row, variant: Variant, recordings: Recordings) -> tuple[Checkpoint, ...]:
        checkpoints = self._simulate(row, best_first_plan(variant), recordings).checkpoints
        return tuple(Checkpoint(seen, self._right(seen.leader, row), flops) for seen, flops in checkpoints)

    def _simulate(self, row: Row, plan: Plan, recordings: Recordings) -> Session:
        recording = recordings.covering(plan)
        session, _ = simulate(problem_of(row), plan, self.settings, self.policy, self.prm, recording, self.judge)
        return session

    def _see(self, row: Row, session: Session) -> Checkpoint:
        """After a fixed method, as it votes when a problem is solved."""
        selection = decide(session.search, self.settings.aggregate, self.settings.select, self.judge)
        observation = gather(selection.ballots, selection.votes, session.plan.budget)
        return Checkpoint(observation, self._right(selection.answer, row), session.flops())

    def _right(self, answer: str | None, row: Row) -> bool:
        return answer is not None and row.reference is not None and self.judge.equal(answer, row.reference)


def profile_of(observations: Sequence[CalibrationProblem], facts: CalibrationFacts, figures: dict[str, Any]) -> Profile:
    """Fitted to all of `observations`."""
    last = [one.checkpoints[-1] for one in observations]
    scored = {n: [one.fixed[f"best-of-n {n}"] for one in observations] for n in BEST_OF_N}
    return Profile(
        format="tts-profile",
        version=3,
        tts=__version__,
        made=date.today().isoformat(),
        data=facts.data,
        policy=facts.policy,
        prm=facts.prm,
        settings=samples_as(facts.settings),
        start=facts.variant.start,
        vote=Voting(aggregate=facts.variant.vote[0], select=facts.variant.vote[1]),
        features=FEATURES,
        stages=tuple(_stages(observations)),
        convinced=_right([seen for seen in last if seen.observation.convinced] or last),
        best_of_n={n: _right(seen) for n, seen in scored.items() if n > 1},
        solution_flops=fmean(seen.flops for seen in scored[1]),
        figures=figures,
    )


def _stages(observations: Sequence[CalibrationProblem]) -> Iterator[Stage]:
    """Until all problems are decided."""
    for place, (samples, read) in enumerate(STAGES):
        open = [one for one in observations if one.undecided(place)]
        if not open:
            return
        now = [one.at(place) for one in observations]
        early = samples <= EARLY
        yield Stage(
            samples=samples,
            read=read,
            flops=fmean(seen.flops for seen in now),
            right=_right([one.at(place) for one in open]),
            later=dict(_prospects(observations, open, place)),
            solved=fit(_values(now), [one.solved for one in observations]) if early else None,
        )


def _prospects(
    observations: Sequence[CalibrationProblem], open: Sequence[CalibrationProblem], place: int
) -> Iterator[tuple[str, LaterStage]]:
    values = _values(one.at(place) for one in open)
    for later in range(place + 1, len(STAGES)):
        if not any(one.undecided(later) for one in observations):
            return
        more = fmean(one.at(later).flops - one.at(place).flops for one in open)
        right = fit(values, [one.at(later).right for one in open])
        yield name_of(*STAGES[later]), LaterStage(flops=max(1.0, more), right=right)


def _right(seen: Sequence[Checkpoint]) -> Logistic:
    return fit(_values(seen), [one.right for one in seen])


def _values(seen: Iterable[Checkpoint]) -> list[tuple[float, ...]]:
    return [one.observation.values for one in seen]


@dataclass(frozen=True, slots=True)
class SimulatedOutcome:
    """How `auto` would have gone with one problem."""

    right: bool
    flops: float
    samples: int
    confidence: float | None
    difficulty: Difficulty | None


def simulate_rule(observation: CalibrationProblem, rule: CalibratedRule) -> SimulatedOutcome:
    """Let the rule decide with what was observed."""
    kind = None
    for seen in observation.checkpoints:
        decision = rule.decide(seen.observation)
        kind = decision.difficulty or kind
        if decision.action is None:
            break
    return SimulatedOutcome(seen.right, seen.flops, seen.observation.samples, decision.confidence, kind)


def cross_profiles(observations: Sequence[CalibrationProblem], facts: CalibrationFacts) -> list[Profile]:
    """For each problem a profile that was fitted without it (ten folds)."""
    folds = assign_folds(len(observations), facts.settings.seed)
    without = {
        fold: profile_of([o for o, f in zip(observations, folds, strict=True) if f != fold], facts, {})
        for fold in set(folds)
    }
    return [without[fold] for fold in folds]


def worth_most(found: Mapping[Variant, Sequence[CalibrationProblem]], facts: CalibrationFacts) -> Variant:
    """By the share of right answers less the price of the compute, mean over efforts, on problems that a profile was
    not fitted to."""
    return max(found, key=lambda variant: _worth(found[variant], replace(facts, variant=variant)))


def _worth(observations: Sequence[CalibrationProblem], facts: CalibrationFacts) -> float:
    worth = 0.0
    for observation, profile in zip(observations, cross_profiles(observations, facts), strict=True):
        for effort, price in PRICES.items():
            ended = simulate_rule(observation, CalibratedRule(profile, effort, STAGES[-1][0]))
            worth += ended.right - price * ended.flops / profile.solution_flops
    return worth


def content_of(rows: Iterable[Row]) -> str:
    """A hash of problems and references."""
    text = "\n".join(f"{row.problem}\t{row.reference}" for row in rows)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
