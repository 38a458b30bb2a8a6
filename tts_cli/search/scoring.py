"""The PRM's part in a search: each step is scored once, after the steps before it.

A node holds the PRM's prefix up to its step (`node.reward`) while something may be scored after it: until it is known
that no step follows (`release`), or that the step is a last one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from tts_cli.errors import PromptTooLong
from tts_cli.protocols import Backend, Job, RewardModel, ScoredStep, Usage
from tts_cli.search import events
from tts_cli.search.driver import Task, start
from tts_cli.search.tree import Node

Wait = Callable[[Backend, Job[ScoredStep], Node], Coroutine[Any, Any, ScoredStep]]


class ScoredSteps:
    """Those of one search; without a PRM all of it does nothing. `wait`: the search's own way to wait for a job."""

    def __init__(self, prm: RewardModel | None, wait: Wait, emit: Callable[[events.Event], None]) -> None:
        self.usage = Usage()
        self._prm, self._wait, self._emit = prm, wait, emit
        self._tasks: dict[Node, Task[None]] = {}

    def open(self, problem: str, root: Node) -> None:
        """Give the problem to the PRM; before anything else. Raises PromptTooLong."""
        if self._prm is not None:
            root.reward = self._prm.start(problem, self.usage)

    async def score(self, nodes: Iterable[Node]) -> None:
        """See `Search.score`."""
        tasks = [await self.score_soon(node) for node in nodes]
        for task in tasks:
            await task

    async def score_soon(self, node: Node) -> Task[None]:
        """See `Search.score_soon`."""
        if node not in self._tasks:
            self._tasks[node] = await start(self._score(node))
        return self._tasks[node]

    async def _score(self, node: Node) -> None:
        parent = node.parent
        if self._prm is None or parent is None or node.cut:
            return
        await self.score([parent])
        before = parent.reward
        if before is None:
            return
        try:
            scored = await self._wait(self._prm, self._prm.score(before, node.text, final=not node.open), node)
        except PromptTooLong:
            self._emit(events.StepTooLong(node.number))
            return
        node.score, node.reward = scored.score, scored.prefix
        node.prm_tokens = max(0, scored.prefix.length - before.length)  # less where a PRM leaves a thought out again
        if not node.open:
            self.release(node)
        self._emit(events.StepScored(node.number, node.score))

    def release(self, node: Node) -> None:
        """Nothing more will be scored after `node`."""
        if self._prm is not None and node.reward is not None:
            self._prm.release(node.reward)
        node.reward = None
