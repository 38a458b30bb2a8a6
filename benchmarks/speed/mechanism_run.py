"""One run for `mechanisms`: python -m benchmarks.speed.mechanism_run JSON. Prints {"tokens", "seconds"}."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.speed.ours import SAMPLING, Count, text
from tts_cli.engine import Engine, Sampler
from tts_cli.engine.pool import Branch
from tts_cli.protocols import SampleKey, Usage

PROMPT = 256
TOKENS = 96
_STEPS, _STEP_TOKENS, _SOLUTIONS = 4, 24, 16


def work(
    path: str,
    engine: dict[str, Any],
    width: int = 16,
    shared: bool = True,
    prm: bool = False,
    increments: bool = True,
    tokens: int = TOKENS,
) -> dict[str, float]:
    """`width` samples of `tokens` after one prompt (or one each), or the scores of all steps of some solutions."""
    with Engine(Path(path), **engine) as opened:
        begin = time.perf_counter()
        count = _score(opened, increments) if prm else _sample(opened, width, shared, tokens)
        return {"tokens": count, "seconds": time.perf_counter() - begin}


def _sample(engine: Engine, width: int, shared: bool, tokens: int) -> int:
    roots = _prompts(engine, 1) * width if shared else _prompts(engine, width)
    counts = [Count() for _ in roots]
    for i, (root, count) in enumerate(zip(roots, counts, strict=True)):
        key = SampleKey(0, "speed", (i,))
        engine.generate(root, sampler=Sampler(key, SAMPLING), stop=count, max_tokens=tokens)
    while engine.busy:
        engine.advance()
    return sum(count.tokens for count in counts)


def _score(engine: Engine, increments: bool) -> int:
    """All solutions side by side, step by step; each step's last row asks for logits."""
    (root,) = _prompts(engine, 1)
    length = _STEPS * _STEP_TOKENS
    tokens = text(engine, _SOLUTIONS * length)
    parents: list[Branch] = [root] * _SOLUTIONS
    for i in range(_STEPS):
        begin, end = i * _STEP_TOKENS if increments else 0, (i + 1) * _STEP_TOKENS
        texts = [tokens[at + begin : at + end] for at in range(0, len(tokens), length)]
        jobs = [engine.evaluate(parent, text, [len(text) - 1]) for parent, text in zip(parents, texts, strict=True)]
        while engine.busy:
            engine.advance()
        branches = [job.result().branch for job in jobs]
        if increments:
            parents = branches
        else:
            for branch in branches:
                engine.release(branch)
    return len(tokens)


def _prompts(engine: Engine, count: int) -> list[Branch]:
    tokens = text(engine, count * PROMPT)
    return [engine.root(tokens[i : i + PROMPT], Usage()) for i in range(0, count * PROMPT, PROMPT)]


if __name__ == "__main__":
    print(json.dumps(work(**json.loads(sys.argv[1]))))
