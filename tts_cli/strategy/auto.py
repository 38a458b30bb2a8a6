"""`auto`: a few samples, a look at them, and on in rounds until a rule (rule.py) says that it is enough.

The first N samples are those of best-of-n with this N and seed, so nothing is drawn twice: every round goes on from the
last one. A search that the rule asks for grows trees of its own beside the samples (its random streams begin with
SEARCH), the PRM scores no step twice, and all solutions vote together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tts_cli.search import chain
from tts_cli.search.beam import beam
from tts_cli.search.context import Search
from tts_cli.search.dvts import dvts
from tts_cli.search.events import Decided
from tts_cli.strategy.evidence import Evidence
from tts_cli.strategy.rule import Decision, Rule, Run
from tts_cli.strategy.settings import MethodName
from tts_cli.strategy.static import Difficulty

SEARCH = (-1,)
"""No sample's number."""

SEARCHES = {"beam": beam, "dvts": dvts}


@dataclass(slots=True)
class Course:
    """What `auto` has done so far: `samples` begun, the `run` that it turned to, what the last decision said."""

    samples: int = 0
    run: Run | None = None
    confidence: float | None = None
    difficulty: Difficulty | None = None
    why: str = ""

    def method(self, *, scored: bool) -> tuple[MethodName, int]:
        """What the record calls it: the search, else what so many samples are."""
        if self.run is not None:
            return self.run.method, self.run.budget
        return "best-of-n" if scored else "majority", self.samples

    def note(self, decision: Decision) -> None:
        self.why = decision.why
        self.confidence = decision.confidence
        self.difficulty = self.difficulty or decision.difficulty


async def auto(
    search: Search, rule: Rule, course: Course, look: Callable[[int], Evidence], *, beam_width: int, scored: bool
) -> None:
    """Until the rule stops. `look(samples)` tells what there is to see of so many samples; `scored`: there is a PRM."""
    goal = rule.first
    while True:
        begun, course.samples = course.samples, goal
        await search.gather(*(chain.sample(search, i, scored=scored) for i in range(begun, goal)))
        decision = rule.decide(look(goal))
        course.note(decision)
        search.tell(Decided(goal, decision.confidence, decision.difficulty, decision.why))
        if decision.action is None:
            return
        if isinstance(decision.action, Run):
            course.run = decision.action
            await SEARCHES[course.run.method](search, course.run.budget, beam_width, SEARCH)
            course.confidence = rule.confidence_after(course.run, look(goal + course.run.budget))
            return
        goal = decision.action.samples
