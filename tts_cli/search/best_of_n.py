"""Best-of-N: N independent solutions, every step scored by the PRM."""

from __future__ import annotations

from tts_cli.search.context import Search
from tts_cli.search.sampling import sample_solution


async def best_of_n(search: Search, budget: int, beam_width: int = 1) -> None:
    """`budget` independent samples, none waiting for another; the PRM works while the policy writes on."""
    await search.gather(*(sample_solution(search, index, scored=True) for index in range(budget)))
