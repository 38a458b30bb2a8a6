"""Where every solution holds a false equality: they are better than no answer, and vote.

A search calls `revive` when its method has run. Parked steps (refuted.py) are gone on from then, each by its own
sample to its end, as if there were no calculator; nothing that those samples write is refuted any more. So methods
need no code of their own for it, and greedy search, temperature 0 and a policy that always slips still give an answer.
"""

from __future__ import annotations

from math import inf

from tts_cli.search.context import Search
from tts_cli.search.refuted import Parked, Place
from tts_cli.search.sampling import go_on
from tts_cli.search.tree import Node

REVIVED = -1
"""A number that no child has: what is drawn after a revived step repeats no other stream."""


async def revive(search: Search, most: int, *, smaller_budgets: bool = False) -> None:
    """Unless an answer stands without a false equality: finish at most `most` parked steps, in the order of places.

    Whether a sample goes on depends on what all samples came to. With `smaller_budgets` those go on, too, that would if
    there were no samples after them: a recording of that holds what any smaller budget draws.
    """
    first = min((node.path[0] for node in _sound(search)), default=inf)
    if first < inf and not smaller_budgets:
        return
    todo = [(place, parked) for place, parked in sorted(search.refuted.parked.items()) if place[0] < first]
    search.refuted.forgiven = True
    await search.gather(*(_finish(search, place, parked) for place, parked in todo[:most]))
    finish_refuted(search)


def finish_refuted(search: Search) -> None:
    """Register complete solutions that end in a refuted step, unless others state an answer: the search may have been
    stopped before it could go on from any."""
    if any(solution.answer is not None for solution in search.solutions.values()):
        return
    for node in search.nodes():
        if node.refuted is not None and not node.pruned:
            search.finish(node)


def _sound(search: Search) -> list[Node]:
    return [node for node, solution in search.solutions.items() if node.sound and solution.answer is not None]


async def _finish(search: Search, place: Place, parked: Parked) -> None:
    node, path = parked.node, (*place, REVIVED)
    if node.open and node.prefix is None:
        return  # it was given up together with a step before it
    node.revived = True
    if node.open and not node.answered:
        await go_on(search, node, path, scored=True, greedy=parked.greedy)
        return
    if node.open:
        node.ended -= parked.votes  # they go on to where the turn ends
        node = await search.rest_of_turn(node, path, parked.votes, counts=True, greedy=parked.greedy)
    await search.score([node])
    search.finish(node)
