"""One run for `mechanisms`: python -m benchmarks.speed.mechanism_run JSON. Prints {"tokens", "seconds"}."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.ours import SAMPLING, Count
from tts_cli.engine import Engine, Sampler
from tts_cli.engine.pool import Branch
from tts_cli.protocols import SampleKey, Usage

PROMPT = 128
_TOKENS = 48
_STEPS, _STEP_TOKENS, _SOLUTIONS = 4, 24, 16


def work(
    path: str,
    engine: dict[str, Any],
    width: int = 16,
    shared: bool = True,
    prm: bool = False,
    increments: bool = True,
    tokens: int = _TOKENS,
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
    steps = _tokens(engine, _SOLUTIONS * _STEPS * _STEP_TOKENS).reshape(_SOLUTIONS, _STEPS, _STEP_TOKENS)
    parents: list[Branch] = [root] * _SOLUTIONS
    for i in range(_STEPS):
        begin = i if increments else 0
        texts = [[int(token) for token in solution[begin : i + 1].ravel()] for solution in steps]
        jobs = [engine.evaluate(parent, text, [len(text) - 1]) for parent, text in zip(parents, texts, strict=True)]
        while engine.busy:
            engine.advance()
        branches = [job.result().branch for job in jobs]
        if increments:
            parents = branches
        else:
            for branch in branches:
                engine.release(branch)
    return int(steps.size)


def _prompts(engine: Engine, count: int) -> list[Branch]:
    tokens = _tokens(engine, count * PROMPT).reshape(count, PROMPT)
    return [engine.root([int(token) for token in row], Usage()) for row in tokens]


def _tokens(engine: Engine, count: int) -> Any:
    vocab = engine.vocab
    plain = [token for token in range(min(vocab.n_tokens, 50_000)) if not vocab.is_eog(token)]
    return np.random.default_rng(count).choice(plain, count)


if __name__ == "__main__":
    print(json.dumps(work(**json.loads(sys.argv[1]))))
