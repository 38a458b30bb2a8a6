"""Greedy decoding (the paper's CoT): one solution, the likeliest token at every place; no PRM."""

from __future__ import annotations

from tts_cli.search.context import Search
from tts_cli.search.sampling import sample_solution


async def greedy(search: Search, budget: int = 1, beam_width: int = 1) -> None:
    """One path. The search's sampling must have temperature 0; budget and beam width have no meaning."""
    await sample_solution(search, 0, scored=False)
