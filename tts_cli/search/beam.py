"""Beam search guided by a PRM (paper, section 2.2; Snell et al. 2024).

N candidate steps at every depth; the N/M best by PRM-Last are kept, each gets M children. Two choices
that the paper leaves open:

- A finished candidate among the N/M best keeps its slot for good, so the beam narrows and there are never
  more than N candidates a depth, apart from repetitions that are drawn again. The paper's code does so too;
  search-and-learn refills the beam instead.
- Every finished candidate votes, with its own score, also one that ranks below the N/M best: it is a
  complete solution that has been paid for. The paper's code returns the N/M of the slots only.

Where M does not divide N, ceil(N/M) nodes are kept and share N children; N < M is one node with N. Where
repetitions and dead ends leave fewer candidates than slots, those share the children of all open slots.
"""

from __future__ import annotations

from tts_cli.search.context import Search
from tts_cli.search.ranking import best_first, shares, spread
from tts_cli.search.tree import Node


async def beam(search: Search, budget: int, beam_width: int) -> None:
    """Until every slot holds a finished solution, no candidate can go on, or the depth cap is reached."""
    widths = shares(budget, beam_width)
    candidates = await search.expand(search.root, budget)
    while candidates:
        await search.score(candidates)
        kept, finished = select(candidates, slots=len(widths))
        for node in candidates:
            if node.open and not node.finished and node not in kept:
                search.prune(node)
            search.finish(node)
        widths = widths[: len(widths) - finished]
        candidates = await expand_all(search, kept, sum(widths))


def select(candidates: list[Node], slots: int) -> tuple[list[Node], int]:
    """The best `slots` candidates: those that go on, best first, and how many of them are finished."""
    best = best_first(node for node in candidates if node.finished or node.open)[:slots]
    kept = [node for node in best if not node.finished]
    return kept, len(best) - len(kept)


async def expand_all(search: Search, kept: list[Node], budget: int) -> list[Node]:
    """`budget` children of the kept nodes that are within the limits, the best nodes with the larger shares."""
    nodes = [node for node in kept if search.has_room(node)]
    if not nodes:
        return []
    pairs = zip(nodes, spread(budget, len(nodes)), strict=True)
    families = await search.gather(*(search.expand(node, n) for node, n in pairs))
    return [child for family in families for child in family]
