"""Diverse verifier tree search (Beeching et al. 2024): N/M independent greedy trees, M children a step.

Each tree keeps its best child by PRM-Last and ends with one trajectory; the trajectories vote together.
Where M does not divide N there are ceil(N/M) trees which share N; N < M is one tree with N children.
"""

from __future__ import annotations

from tts_cli.search.context import Search
from tts_cli.search.tree import Node, ranked, shares


async def dvts(search: Search, budget: int, beam_width: int) -> None:
    """All trees at the same time; none waits for another."""
    widths = shares(budget, beam_width)
    await search.gather(*(subtree(search, search.stream(t), n) for t, n in enumerate(widths)))


async def subtree(search: Search, node: Node, width: int) -> None:
    """From `node` on: sample `width` steps, keep the best, until it is finished or nothing can go on."""
    while search.has_room(node):
        candidates = await search.expand(node, width)
        await search.score(candidates)
        best = ranked(c for c in candidates if c.finished or c.open)
        for other in candidates:
            if other is not node and not other.cut and other not in best[:1]:
                search.prune(other)
        if not best:
            return
        node = best[0]
        if node.finished:
            search.finish(node)
            return
