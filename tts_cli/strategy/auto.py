"""`auto`: a few samples, an observation of them, and on in rounds until a rule (rules.py) says that it is enough.

Nothing is sampled twice: every round goes on from the last one. By a profile the first sample is greedy, and the rounds
are those of best-first search, which asks the PRM only about what may decide. Without a profile the first N samples are
those of best-of-n, the PRM scores each, and a search of the paper's table grows trees of its own beside them (its
random streams begin with SEARCH); all solutions vote together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tts_cli.search.best_first import BestFirst
from tts_cli.search.context import Search
from tts_cli.search.methods import find
from tts_cli.search.sampling import sample_solution
from tts_cli.strategy.features import Observation
from tts_cli.strategy.paper_table import Difficulty
from tts_cli.strategy.rules import Action, BestFirstUntil, Decision, Rule, RunMethod, SampleUntil

SEARCH = (-1,)
"""A number that no sample has."""


@dataclass(slots=True)
class AutoState:
    """What `auto` has done so far.

    `samples`: begun, without those of a `RunMethod`; `action`: the last one, which may be under way; `convinced`: a
    solution has convinced the PRM; `decision`: the last one; `difficulty`: the last that a decision named.
    """

    samples: int = 0
    action: Action | None = None
    convinced: bool = False
    decision: Decision | None = None
    difficulty: Difficulty | None = None

    @property
    def read(self) -> bool:
        """Best-first search has had the PRM score what it needs."""
        return isinstance(self.action, BestFirstUntil) and self.action.read

    @property
    def confidence(self) -> float | None:
        """That the leading answer is right, as the last decision said; what a search adds nobody calibrated."""
        return None if self.decision is None or isinstance(self.action, RunMethod) else self.decision.confidence

    def method(self, *, has_prm: bool) -> tuple[str, int]:
        """What a record calls it, with its budget: the search that was run, else what so many samples are."""
        match self.action:
            case RunMethod(method, budget):
                return method, budget
            case BestFirstUntil(read=True):
                return "best-first", self.samples
            case BestFirstUntil() if self.samples == 1:
                return "greedy", 1
            case SampleUntil() if has_prm:
                return "best-of-n", self.samples
            case _:
                return "majority", self.samples


async def auto(
    search: Search,
    rule: Rule,
    state: AutoState,
    observe: Callable[[], Observation],
    report: Callable[[Decision], None],
    *,
    beam_width: int,
) -> None:
    """Until the rule stops. `observe`: what the samples of `state` show; `report` gets every decision.

    1. Do what the rule begins with.
    2. When all samples have ended: observe them and let the rule decide.
    3. Go on as it decides, and return to 2. Where it names a method, that is run and ends it.
    """
    rounds = BestFirst(search)
    action: Action | None = rule.first
    while isinstance(action, SampleUntil | BestFirstUntil):
        await act(search, action, state, rounds)
        observation = observe()
        if observation.fits is False:  # the solution that convinced the PRM is wrong
            rounds.convinced, state.convinced = None, False
        decision = state.decision = rule.decide(observation)
        state.difficulty = decision.difficulty or state.difficulty
        report(decision)
        action = decision.action
    if action is not None:
        state.action = action
        search.start_anew(*SEARCH)
        await find(action.method).run(search, action.budget, beam_width)


async def act(search: Search, action: SampleUntil | BestFirstUntil, state: AutoState, rounds: BestFirst) -> None:
    """Go on to as many samples as the action says, fewer where a solution convinces."""
    begun, state.samples, state.action = state.samples, action.samples, action  # at once: a limit may end it any time
    if isinstance(action, SampleUntil):
        await search.gather(*(sample_solution(search, i, scored=True) for i in range(begun, action.samples)))
        return
    rounds.start = action.start
    if action.read:
        await rounds.grow(action.samples)
        state.samples, state.convinced = rounds.drawn, rounds.convinced is not None
    else:
        await rounds.sample(action.samples)
