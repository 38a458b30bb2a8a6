"""Best-first search that asks the PRM as little as it can; what `auto` does once a profile says when to stop.

    round 1:  root ── a ── b ── 7       round 2:  a ── c ── 7        from `a`, which scored best
                   ── a ── d ── 7                   ── e ── 9
                   ── f ── 8                        ── e ── 7
                   ── g ── 7                        ── d ── 7

A PRM is often many times as large as the policy, and most of what it scores in best-of-n or beam search decides
nothing. Here it scores whole solutions, and only as far as it must. One round:

1. Take the most promising prefix: the one whose steps scored best, less what was tried from it in vain. The first round
   starts at the root.
2. Sample ROUND solutions from it, to their ends. A sample that comes out as a step in doubt ends there.
3. Score them, answers with most votes first: each step by step, up to the first one in doubt, which is given up. No
   step is scored twice. The steps before it are prefixes for the next rounds.
4. A solution that convinces (every step scores at least CONVINCED) ends the search; the rest is never scored.

All of that trusts the PRM to know more than the policy. Where it hardly does, prefixes of its choice only make what
both believe more frequent; then every round had better start at the root, which leaves best-of-n with a PRM that is
asked late. What is right for two models is measured (`tts calibrate`).

The first sample is greedy: the policy's best guess, before any that chance has a part in. All others that start at the
root have the random streams of best-of-n's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import pow, prod
from typing import Literal

from tts_cli.search.context import Search
from tts_cli.search.tree import DOUBT, Node, path_to

ROUND = 4
"""Samples at a time: as many as a first observation needs; more start from worse prefixes, fewer fill no batch."""

CONVINCED = 0.9
"""A solution whose steps all score at least this much ends the search."""

PATIENCE = 0.5
"""What a prefix is worth after ROUND samples from it that found nothing, as a part of what it was."""

GREEDY = (0,)
"""The path of the first sample from the root."""

Start = Literal["prefix", "root"]
"""Where rounds start: at the most promising prefix, or always at the root."""

HYPERPARAMETERS = {"round": ROUND, "doubt": DOUBT, "convinced": CONVINCED, "patience": PATIENCE}
"""All of them: whatever was measured was measured with these."""


async def best_first(search: Search, budget: int, beam_width: int = 1) -> None:
    """Rounds of samples, scored as far as need be, until a solution convinces or `budget` are drawn."""
    await BestFirst(search).grow(budget)


@dataclass(slots=True)
class BestFirst:
    """One problem's search so far.

    `start`: where rounds start. `drawn`: samples begun; `starts`: how many of them at each prefix; `prefixes`: steps
    that a round may start from; `unscored`: solutions that wait for the PRM; `convinced`: the one that convinced it.
    """

    search: Search
    start: Start = "prefix"
    drawn: int = 0
    starts: Counter[Node] = field(default_factory=Counter)
    prefixes: dict[Node, None] = field(default_factory=dict)
    unscored: dict[Node, None] = field(default_factory=dict)
    convinced: Node | None = None

    async def sample(self, samples: int) -> None:
        """Draw until there are `samples` in all, from one prefix, and leave them unscored."""
        if samples <= self.drawn:
            return
        start = self._most_promising()
        first = self.starts[start] + (start.parent is not None)  # the sample that made the prefix went on as number 0
        numbers = range(first, first + samples - self.drawn)
        self.starts[start] += len(numbers)
        self.drawn = samples
        await self.search.gather(*(self._solution(start, (*start.path, number)) for number in numbers))

    async def score(self) -> None:
        """Score what is unscored, as far as need be, until a solution convinces; then never again."""
        if self.convinced is not None:
            return
        for solution in self._by_votes():
            del self.unscored[solution]
            convinces = await self._convinces(solution)
            self.search.finish(solution)  # with its score
            if convinces:
                self.convinced = solution
                return

    async def grow(self, samples: int) -> None:
        """Sample and score in rounds, until a solution convinces or there are `samples` in all."""
        await self.score()
        while self.convinced is None and self.drawn < samples:
            await self.sample(min(self.drawn - self.drawn % ROUND + ROUND, samples))
            await self.score()

    async def _solution(self, node: Node, path: tuple[int, ...]) -> None:
        """One sample to its end. Prefixes on its way are not released: any may turn out to be the most promising."""
        self.search.begun += 1
        greedy = path == GREEDY
        while node.prefix is not None and self.search.has_room(node):
            child = await self.search.extend(node, path, greedy=greedy)
            if child is None or child is node:  # a dead end, or the solution ended here
                break
            node, path = child, (*path, 0)
            if not child.open or child.answered or child.pruned:
                break
        if node.finished and node not in self.search.solutions:
            self.unscored[node] = None
        self.search.finish(node)

    def _by_votes(self) -> list[Node]:
        """Most frequent answers first, then most frequent solutions, then the earlier sample."""
        votes: Counter[str | None] = Counter()
        for node, solution in self.search.solutions.items():
            votes[solution.answer] += node.ended
        answers = {node: self.search.solutions[node].answer for node in self.unscored}
        answered = [node for node, answer in answers.items() if answer is not None]
        return sorted(answered, key=lambda node: (-votes[answers[node]], -node.ended, node.path))

    async def _convinces(self, solution: Node) -> bool:
        """Score it up to the first step in doubt. A later round may go on from any step before that."""
        path = path_to(solution)
        for node in path:
            await self.search.score([node])
            if node.score is None:
                return False
            if node.score < DOUBT:
                if not node.pruned:
                    self.search.prune(node)
                return False
            if node.open and not node.answered:
                self.prefixes[node] = None
        return min(score for score in solution.scores if score is not None) >= CONVINCED

    def _most_promising(self) -> Node:
        """Of equally promising ones the longest, then the earliest."""
        root, search = self.search.root, self.search
        if self.start == "root":
            return root
        able = [node for node in self.prefixes if node.prefix is not None and search.has_room(node)]
        return max([root, *able], key=lambda node: (self._promise(node), node.depth, [-i for i in node.path]))

    def _promise(self, node: Node) -> float:
        return prod(score for score in node.scores if score is not None) * pow(PATIENCE, self.starts[node] / ROUND)
