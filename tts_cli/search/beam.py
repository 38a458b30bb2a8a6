"""Beam search guided by a PRM (paper, section 2.2; Snell et al. 2024).

N candidate steps at every depth; the N/M best by PRM-Last are kept, each gets M children. Three choices
that the paper leaves open, each tried against its alternatives on simulated policies and PRMs:

- Identical candidates are one node, scored once, but they take as many slots as they were sampled. With one
  slot each, a policy that repeats itself would fill the beam with its unlikeliest steps.
- A finished candidate among the best keeps its slots for good, so the beam narrows and the work per depth
  stays within N. The paper's code does so too; search-and-learn refills the beam instead.
- Every finished candidate votes, with its own score, also one that ranks below the N/M best: it is a
  complete solution that has been paid for, and the vote makes up for a PRM that errs on the best one.

Where M does not divide N, ceil(N/M) slots share N children; N < M is one slot with N. Where dead ends leave
fewer candidates than slots, those that are left get the children of all open slots.
"""

from __future__ import annotations

from itertools import islice

from tts_cli.search.context import Search
from tts_cli.search.tree import Node, ranked, shares, spread


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
        # Finished solutions keep their slots: the beam narrows.
        widths = widths[: len(widths) - finished]
        candidates = await expand_all(search, kept, sum(widths))


def select(candidates: list[Node], slots: int) -> tuple[dict[Node, int], int]:
    """Fill `slots`, best candidates first: the slots of each node that goes on, and those of finished ones."""
    kept: dict[Node, int] = {}
    finished = 0
    for node in ranked(node for node in candidates if node.finished or node.open):
        taken = min(slots, node.ended or node.count)
        slots -= taken
        if node.finished:
            finished += taken
        elif taken:
            kept[node] = taken
    return kept, finished


async def expand_all(search: Search, kept: dict[Node, int], budget: int) -> list[Node]:
    """`budget` children, shared out by slots over the kept nodes that are within the limits, best first."""
    nodes = {node: slots for node, slots in kept.items() if search.has_room(node)}
    if not nodes:
        return []
    widths = iter(spread(budget, sum(nodes.values())))
    families = await search.gather(*(search.expand(node, sum(islice(widths, slots))) for node, slots in nodes.items()))
    return [child for family in families for child in family]
