"""Steps that state a false equality: dead ends, of which each sample keeps one in case that nothing better comes.

A refuted step is a node like others, but it is neither scored nor gone on from, and its sample draws anew. Where that
helps, nothing is kept of it. Where it does not, the sample's first refuted step stays *parked*, with the policy's
prefix: at most one for each independent sample, and n for a node that was expanded into n children in vain. What
becomes of them is in revival.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tts_cli.answers.false_equality import FalseEquality, Refute
from tts_cli.search.tree import Node

Place = tuple[int, ...]
"""Where one sample writes one step: the name of the streams that the sample has after it, however often it is drawn."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A refuted step that a sample may go on from. `votes`: how often the sample counts; `greedy`: how it was drawn."""

    node: Node
    votes: int
    greedy: bool


class RefutedSteps:
    """Those of one search.

    `count`: how many steps were drawn that are refuted, equal ones each; `tokens`: of these; `redrawn`: how many were
    drawn in their place. `parked`: by place. `forgiven`: from now on refuted steps are gone on from. `leave`: what the
    search does with a step that a sample leaves.
    """

    def __init__(self, refute: Refute, leave: Callable[[Node], None]) -> None:
        self.count = self.tokens = self.redrawn = 0
        self.parked: dict[Place, Parked] = {}
        self.forgiven = False
        self._here: Counter[Place] = Counter()
        self._refute, self._leave = refute, leave

    def look(self, text: str) -> FalseEquality | None:
        """The false equality in a step, if it states one."""
        return self._refute(text)

    def refuse(self, place: Place, drawn: Parked, tokens: int) -> bool:
        """Whether a sample ends with what was drawn at `place`: it is refuted. The first such step there is parked."""
        node = drawn.node
        if node.refuted is None:
            return False
        self.count += 1
        self.tokens += tokens
        self._here[place] += 1
        if node.revived:
            return False  # by `forgiven`
        if place in self.parked:  # to go on from one is enough
            self._drop(drawn)
        else:
            self.parked[place] = drawn
            node.ended += drawn.votes * (node.open and node.answered)  # a search that is stopped has its answer
        return True

    def settle(self, places: Sequence[Place], keep: int = 0, replaced: int = 0) -> None:
        """All has been drawn at these places: of what is parked there the first `keep` are kept. `replaced`: how many
        steps were drawn in place of others, refuted or empty."""
        parked = [place for place in places if place in self.parked]
        self.redrawn += min(sum(self._here.pop(place, 0) for place in places), replaced)
        for place in parked[keep:]:
            self._drop(self.parked.pop(place))

    def _drop(self, drawn: Parked) -> None:
        if drawn.node.open:
            self._leave(drawn.node)
