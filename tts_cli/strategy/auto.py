"""`auto`: a few samples, a look at them, and on in rounds until a rule (rule.py) says that it is enough.

Nothing is drawn twice: every round goes on from the last one. By a profile the first sample is greedy, and the rounds
are those of best-first search, which asks the PRM only for what may decide. Without one the first N samples are those
of best-of-n, the PRM scores each, and a search of the paper's table grows trees of its own beside them (its random
streams begin with SEARCH); all solutions vote together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tts_cli.search import sampling as chain
from tts_cli.search.best_first import BestFirst
from tts_cli.search.context import Search
from tts_cli.search.events import Decided
from tts_cli.search.methods import find
from tts_cli.strategy.features import Observation
from tts_cli.strategy.paper_table import Difficulty
from tts_cli.strategy.rules import Action, BestFirstUntil, Decision, Rule, RunMethod, SampleUntil

SEARCH = (-1,)
"""No sample's number."""


@dataclass(slots=True)
class AutoState:
    """What `auto` has done so far, and what the last decision said. `samples`: begun, without those of `search`;
    `scored`: each by the PRM; `grown`: by best-first search, `read`: as far as it reads; `convinced`: by one of them.
    """

    samples: int = 0
    scored: bool = False
    grown: bool = False
    read: bool = False
    convinced: bool = False
    search: RunMethod | None = None
    confidence: float | None = None
    difficulty: Difficulty | None = None
    why: str = ""

    def method(self, *, has_prm: bool) -> tuple[str, int]:
        """What the record calls it: the search, else what so many samples are."""
        if self.search is not None:
            return self.search.method, self.search.budget
        if self.read:
            return "best-first", self.samples
        if self.grown and self.samples == 1:
            return "greedy", 1
        return "best-of-n" if self.scored and has_prm else "majority", self.samples

    def note(self, decision: Decision) -> None:
        self.why = decision.why
        self.confidence = decision.confidence
        self.difficulty = decision.difficulty or self.difficulty


async def auto(
    search: Search, rule: Rule, state: AutoState, checkpoint: Callable[[], Observation], *, beam_width: int
) -> None:
    """Until the rule stops. `checkpoint` tells what is to be seen after what `state` says."""
    grown = BestFirst(search, rule.start)
    action: Action | None = rule.first
    while isinstance(action, SampleUntil | BestFirstUntil):
        await act(search, action, state, grown)
        seen = checkpoint()
        if seen.fits is False:  # whoever convinced the PRM is wrong
            grown.convinced, state.convinced = None, False
        decision = rule.decide(seen)
        state.note(decision)
        search.tell(Decided(state.samples, decision.confidence, decision.difficulty, decision.why))
        action = decision.action
    if action is not None:  # the last thing that is done
        state.search, state.confidence = action, None  # nobody calibrated what it adds
        search.start_anew(*SEARCH)
        await find(action.method).run(search, action.budget, beam_width)


async def act(search: Search, action: SampleUntil | BestFirstUntil, state: AutoState, grown: BestFirst) -> None:
    """Go on to as many samples as the action says, less where one convinces."""
    begun, state.samples = state.samples, action.samples  # a limit may come at any time
    if isinstance(action, SampleUntil):
        state.scored = True
        await search.gather(*(chain.sample(search, i, scored=True) for i in range(begun, action.samples)))
        return
    state.grown, state.read = True, action.read
    if action.read:
        await grown.grow(action.samples)
        state.samples, state.convinced = grown.drawn, grown.convinced is not None
    else:
        await grown.sample(action.samples)
