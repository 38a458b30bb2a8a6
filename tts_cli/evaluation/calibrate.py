"""From labelled problems that were sampled and searched to a profile: what `auto` may expect of this pair of models.

For each problem the tapes tell what was to be seen after 4, 8, 16, .. samples, whether the leading answer was right
then, and whether it would have been after more samples or a search beside them. Logistic models of these, fitted to
few numbers (strategy.evidence), are the profile; the figures in it come from problems that each model was not fitted
to. A search stays in only where it was measurably better than as many samples: with too little data to tell them
apart, the cheaper one is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from statistics import fmean
from typing import Any

from tts_cli import __version__
from tts_cli.answers.vote import Equality
from tts_cli.data.rows import Row
from tts_cli.evaluation.fit import deal, fit
from tts_cli.evaluation.grade import Tapes, problem_of
from tts_cli.evaluation.replay import ModelFacts, replay
from tts_cli.evaluation.statistics import difference
from tts_cli.evaluation.store import Store, problem_key
from tts_cli.search.context import Solution
from tts_cli.strategy.attempt import Attempt
from tts_cli.strategy.evidence import FEATURES, Evidence, gather
from tts_cli.strategy.plan import Plan
from tts_cli.strategy.profile import Data, ModelFile, Profile, SearchFacts, Stage, samples_as
from tts_cli.strategy.rule import Decision, Draw, Measured, Run
from tts_cli.strategy.settings import MethodName, SolveSettings
from tts_cli.strategy.verdict import elect, unfinished_solutions

STAGES = (4, 8, 16, 32, 64)
SEARCHES: tuple[tuple[MethodName, int], ...] = (("beam", 16), ("dvts", 16))


def plans(beam_width: int) -> list[Plan]:
    """What must be sampled for each problem."""
    why = "sampled by tts calibrate"
    searches = [Plan(method, budget, beam_width, why) for method, budget in SEARCHES]
    return [Plan("best-of-n", STAGES[-1], 1, why), *searches]


@dataclass(frozen=True, slots=True)
class Seen:
    """One problem after some samples, or after a search beside them. `flops`: of the samples, of the search alone."""

    evidence: Evidence
    right: bool
    flops: float


@dataclass(frozen=True, slots=True)
class Observation:
    """One labelled problem. `solved`: the part of all samples that is right. `alone`: each search by itself, by its
    name "METHOD N"; `searches`: beside so many samples."""

    solved: float
    stages: dict[int, Seen]
    alone: dict[str, Seen]
    searches: dict[tuple[int, str], Seen]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a profile is of: models, data, and the settings that the samples depend on."""

    policy: ModelFile
    prm: ModelFile
    data: Data
    settings: SolveSettings


@dataclass(frozen=True, slots=True)
class Observer:
    """Replays tapes; the store must hold best-of-n of the last stage and all SEARCHES for every problem."""

    settings: SolveSettings
    policy: ModelFacts
    prm: ModelFacts
    store: Store
    judge: Equality

    def observe(self, row: Row) -> Observation | None:
        """None where a search ended with an error: the problem is too long, say. Raises TtsError where tapes are
        missing."""
        tapes = Tapes(self.store, problem_key(row.problem))
        if any(tapes.covering(plan).error for plan in plans(self.settings.beam_width)):
            return None
        samples = {n: self._replay(row, Plan("best-of-n", n, 1, ""), tapes) for n in STAGES}
        searches = {
            f"{method} {budget}": self._replay(row, Plan(method, budget, self.settings.beam_width, ""), tapes)
            for method, budget in SEARCHES
        }
        every = samples[STAGES[-1]].search.solutions.values()
        right = sum(one.node.ended for one in every if self._right(one.answer, row))
        return Observation(
            solved=right / STAGES[-1],
            stages={n: self._see(row, [attempt], n) for n, attempt in samples.items()},
            alone={name: self._see(row, [search], search.plan.budget) for name, search in searches.items()},
            searches={
                (n, name): self._see(row, [search, samples[n]], n + int(name.split()[1]))
                for n in STAGES
                for name, search in searches.items()
            },
        )

    def _replay(self, row: Row, plan: Plan, tapes: Tapes) -> Attempt:
        tape = tapes.covering(plan)
        attempt, _ = replay(problem_of(row), plan, self.settings, self.policy, self.prm, tape, self.judge)
        return attempt

    def _see(self, row: Row, attempts: Sequence[Attempt], samples: int) -> Seen:
        how = self.settings.aggregate
        solutions: list[Solution] = [one for attempt in attempts for one in attempt.search.solutions.values()]
        none = not solutions  # then unfinished ones vote, as they do when a problem is solved
        if none:
            solutions = [one for attempt in attempts for one in unfinished_solutions(attempt.search, how)]
        verdict = elect(solutions, how, self.settings.select, self.judge, unfinished=none)
        evidence = gather(verdict.ballots, verdict.votes, samples)
        return Seen(evidence, self._right(verdict.answer, row), attempts[0].flops())

    def _right(self, answer: str | None, row: Row) -> bool:
        return answer is not None and row.reference is not None and self.judge.equal(answer, row.reference)


def profile_of(observations: Sequence[Observation], facts: Facts, figures: dict[str, Any]) -> Profile:
    """Fitted to all of `observations`."""
    kept = [name for name in _names() if pays(observations, name, facts.settings.seed)]
    return Profile(
        format="tts-profile",
        version=1,
        tts=__version__,
        made=date.today().isoformat(),
        data=facts.data,
        policy=facts.policy,
        prm=facts.prm,
        settings=samples_as(facts.settings),
        features=FEATURES,
        solved=fit(_values(o.stages[STAGES[0]] for o in observations), [o.solved for o in observations]),
        stages=tuple(_stage(observations, samples, kept) for samples in STAGES),
        searches={name: _search(observations, name) for name in kept},
        figures=figures,
    )


def _names() -> list[str]:
    return [f"{method} {budget}" for method, budget in SEARCHES]


def _stage(observations: Sequence[Observation], samples: int, searches: Sequence[str]) -> Stage:
    now = [o.stages[samples] for o in observations]
    values = _values(now)
    return Stage(
        samples=samples,
        flops=fmean(seen.flops for seen in now),
        right=fit(values, [seen.right for seen in now]),
        later={n: fit(values, [o.stages[n].right for o in observations]) for n in STAGES if n > samples},
        searches={name: fit(values, [o.searches[samples, name].right for o in observations]) for name in searches},
    )


def _search(observations: Sequence[Observation], name: str) -> SearchFacts:
    """Whatever the stage before it: the evidence of both together tells how far they went."""
    seen = [o.searches[samples, name] for samples in STAGES for o in observations]
    return SearchFacts(flops=fmean(s.flops for s in seen), right=fit(_values(seen), [s.right for s in seen]))


def _values(seen: Iterable[Seen]) -> list[tuple[float, ...]]:
    return [one.evidence.values for one in seen]


def pays(observations: Sequence[Observation], name: str, seed: int) -> bool:
    """Is a search after the first samples measurably better than as much compute in samples? (Paired, 95 %.)"""
    first = STAGES[0]
    cost = fmean(o.stages[first].flops + o.searches[first, name].flops for o in observations)
    means = {n: fmean(o.stages[n].flops for o in observations) for n in STAGES}
    rival = min((n for n in STAGES if means[n] >= cost), default=STAGES[-1])
    gap = difference(
        [o.searches[first, name].right for o in observations], [o.stages[rival].right for o in observations], seed
    )
    return gap.low > 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How `auto` would have gone with one problem."""

    right: bool
    flops: float
    samples: int
    confidence: float | None
    first: Decision


def play(observation: Observation, rule: Measured) -> Ended:
    """Let the rule decide with what was observed. What a search costs beside samples is its own cost alone."""
    samples, first = rule.first, None
    while True:
        seen = observation.stages[samples]
        decision = rule.decide(seen.evidence)
        first = first or decision
        if isinstance(decision.action, Draw):
            samples = decision.action.samples
        elif isinstance(decision.action, Run):
            run = decision.action
            both = observation.searches[samples, f"{run.method} {run.budget}"]
            sure = rule.confidence_after(run, both.evidence)
            return Ended(both.right, seen.flops + both.flops, samples, sure, first)
        else:
            return Ended(seen.right, seen.flops, samples, decision.confidence, first)


def cross_profiles(observations: Sequence[Observation], facts: Facts) -> list[Profile]:
    """For each problem a profile that was fitted without it (ten folds)."""
    folds = deal(len(observations), facts.settings.seed)
    without = {
        fold: profile_of([o for o, f in zip(observations, folds, strict=True) if f != fold], facts, {})
        for fold in set(folds)
    }
    return [without[fold] for fold in folds]


def content_of(rows: Iterable[Row]) -> str:
    """A hash of problems and references."""
    text = "\n".join(f"{row.problem}\t{row.reference}" for row in rows)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
