"""Our engine at a width and a depth: samples drawn side by side, each after a prompt of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from tts_cli.engine import Engine, Sampler
from tts_cli.engine.pool import Branch
from tts_cli.protocols import Finish, SampleKey, Sampling, Usage

SAMPLING = Sampling(temperature=0.7)
_DOCS = Path(__file__).parents[2] / "docs"
_WARM = 2  # tokens of each sample, before time is taken: by then its prompt's cells are where they are wanted


class Count:
    """A stop that never stops; counts the tokens that were drawn."""

    def __init__(self) -> None:
        self.tokens = 0

    def __call__(self, _: bytes) -> Finish | None:
        self.tokens += 1
        return None


def text(engine: Engine, count: int) -> list[int]:
    """So many tokens of English: the project's own documentation, over and over."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in sorted(_DOCS.glob("*.md")))
    return list(islice(cycle(engine.vocab.tokenize(pages, special=False)), count))


def prompts(engine: Engine, width: int, depth: int) -> list[Branch]:
    """So many prompts of a text, each another part of it, and each run."""
    tokens = text(engine, width * depth)
    roots = [engine.root(tokens[i : i + depth], Usage()) for i in range(0, width * depth, depth)]
    draw(engine, roots, 1, key=-1)
    return roots


def draw(engine: Engine, roots: Sequence[Branch], tokens: int, *, key: int) -> tuple[int, float]:
    """(tokens, seconds) of drawing `tokens` after each prompt, while all of them are at work; prefill left out.
    A sample that comes to an end token ends the measurement; `key` gives other samples."""
    counts = [Count() for _ in roots]
    jobs = [
        engine.generate(
            root,
            sampler=Sampler(SampleKey(0, "speed", (key + 1, i)), SAMPLING),
            stop=count,
            max_tokens=_WARM + tokens + 1,
        )
        for i, (root, count) in enumerate(zip(roots, counts, strict=True))
    ]

    def drawn() -> int:
        return sum(count.tokens for count in counts)

    while any(count.tokens < _WARM and not job.done for count, job in zip(counts, jobs, strict=True)):
        engine.advance()
    first, begin = drawn(), time.perf_counter()
    while drawn() - first < tokens * len(roots) and not any(job.done for job in jobs):
        engine.advance()
    seconds, count = time.perf_counter() - begin, drawn() - first
    for job in jobs:
        if job.done:
            engine.release(job.result().branch)
        else:
            engine.cancel(job)
    return count, seconds
