"""Majority voting (self-consistency): N independent solutions; the PRM is not asked."""

from __future__ import annotations

from tts_cli.search.context import Search
from tts_cli.search.sampling import sample_solution


async def majority(search: Search, budget: int, beam_width: int = 1) -> None:
    """`budget` independent samples, none waiting for another."""
    await search.gather(*(sample_solution(search, index, scored=False) for index in range(budget)))
