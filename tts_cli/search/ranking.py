"""Ranks candidate steps by PRM-Last, and divides a budget of N candidates over the nodes to expand."""

from __future__ import annotations

from collections.abc import Iterable

from tts_cli.search.tree import Node


def best_first(candidates: Iterable[Node]) -> list[Node]:
    """By the score of the last step, ties by path. Steps that could not be scored are left out."""
    scored = [(node.score, node) for node in candidates if node.score is not None]
    return [node for _, node in sorted(scored, key=lambda pair: (-pair[0], pair[1].path))]


def shares(budget: int, beam_width: int) -> list[int]:
    """How many children each kept node gets: ceil(N/M) nodes, N children in all, larger shares first.

    >>> shares(16, 4), shares(10, 4), shares(3, 4)
    ([4, 4, 4, 4], [4, 3, 3], [3])
    """
    return spread(budget, -(-budget // beam_width))


def spread(budget: int, nodes: int) -> list[int]:
    """`budget` children over `nodes` nodes as evenly as can be, larger shares first."""
    small, larger = divmod(budget, nodes)
    return [small + 1] * larger + [small] * (nodes - larger)
