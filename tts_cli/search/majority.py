"""Majority voting (self-consistency): N independent solutions; the PRM is not asked."""

from __future__ import annotations

from tts_cli.search import sampling as chain
from tts_cli.search.context import Search


async def majority(search: Search, budget: int, beam_width: int = 1) -> None:
    """`budget` independent samples, none waiting for another."""
    await search.gather(*(chain.sample(search, index, scored=False) for index in range(budget)))
