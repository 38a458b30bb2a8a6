"""One independent sample, step after step: what greedy, majority and best-of-n are made of."""

from __future__ import annotations

from tts_cli.search.context import Search
from tts_cli.search.tree import Node


async def sample_solution(search: Search, index: int, *, scored: bool) -> None:
    """Sample solution number `index`; with `scored`, the PRM works on each step while the next is written.

    The streams of sample `index` are named (index, 0), (index, 0, 0), ...: they depend neither on N nor
    on the other samples, so the first k samples of a run with N are those of a run with N = k.
    """
    search.begun += 1
    await go_on(search, search.root, (index,), scored=scored)


async def go_on(search: Search, node: Node, path: tuple[int, ...], *, scored: bool, greedy: bool = False) -> None:
    """One sample from `node` to its end, from the streams (*path, 0), (*path, 0, 0), ..."""
    while search.has_room(node):
        child = await search.extend(node, path, greedy=greedy)
        search.leave(node)
        if child is None or child is node:  # a dead end, or the solution ended here
            break
        if scored:
            await search.score_soon(child)
        node, path = child, (*path, 0)
        if not child.open or child.answered:
            break
    else:
        search.leave(node)
    if scored:
        await search.score([node])
    search.finish(node)
