"""What people write: the high-level `llama_cpp.Llama` class in a loop, for best-of-n and beam search with a PRM.

A plain form of the papers' pseudo-code. A candidate is one call with the whole text so far, of which the class runs
again what differs from the text before. A score is one call of the PRM, of which one token is asked. Two ways to score
are timed on the same texts: `again` runs the whole text anew for each step, `kept` makes one call per text and leaves
the class its cells of the text before.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

SEPARATOR = "\n\n"


@dataclass(slots=True)
class Loop:
    """`tokens`: sampled so far. `again`, `kept`: seconds of scoring, in each of the two ways."""

    policy: Any
    prm: Any
    temperature: float
    tokens: int = 0
    again: float = 0.0
    kept: float = 0.0

    @classmethod
    def open(cls, policy: Path, prm: Path, threads: int, n_ctx: int, temperature: float) -> Self:
        from llama_cpp import Llama

        size: dict[str, Any] = {"n_ctx": n_ctx, "n_threads": threads, "n_threads_batch": threads, "verbose": False}
        return cls(Llama(str(policy), **size), Llama(str(prm), **size), temperature)

    def close(self) -> None:
        self.policy.close()
        self.prm.close()

    def best_of_n(self, prompt: str, n: int, max_tokens: int) -> str:
        solutions = [self._write(prompt, max_tokens, None) for _ in range(n)]
        self._score_steps(prompt, solutions)
        scores = self._score([prompt + solution for solution in solutions])
        return solutions[scores.index(max(scores))]

    def beam(self, prompt: str, n: int, width: int, steps: int, step_tokens: int) -> str:
        """`n` candidates in each of `steps` rounds, `n` / `width` of them kept."""
        beams = [""] * n
        for i in range(steps):
            children = 1 if i == 0 else width
            beams = [beam + self._step(prompt + beam, step_tokens) for beam in beams for _ in range(children)]
            self._score_anew([prompt + beam for beam in beams])  # earlier steps have their scores
            scores = self._score([prompt + beam for beam in beams])
            order = sorted(range(len(beams)), key=lambda place: -scores[place])
            beams = [beams[place] for place in order[: n // width]]
        return beams[0]

    def _step(self, text: str, max_tokens: int) -> str:
        return self._write(text, max_tokens, [SEPARATOR]) + SEPARATOR

    def _write(self, text: str, max_tokens: int, stop: list[str] | None) -> str:
        done = self.policy.create_completion(
            text, max_tokens=max_tokens, stop=stop, temperature=self.temperature, top_p=1.0, top_k=0, min_p=0.0
        )
        self.tokens += done["usage"]["completion_tokens"]
        return str(done["choices"][0]["text"])

    def _score_steps(self, prompt: str, solutions: list[str]) -> None:
        ends = [[i for i in range(len(text)) if text.startswith(SEPARATOR, i)] + [len(text)] for text in solutions]
        self._score_anew([prompt + text[:end] for text, places in zip(solutions, ends, strict=True) for end in places])

    def _score_anew(self, texts: list[str]) -> None:
        begin = time.perf_counter()
        for text in texts:
            self.prm.reset()
            self._ask(text)
        self.again += time.perf_counter() - begin

    def _score(self, texts: list[str]) -> list[float]:
        self.prm.reset()
        begin = time.perf_counter()
        scores = [self._ask(text) for text in texts]
        self.kept += time.perf_counter() - begin
        return scores

    def _ask(self, text: str) -> float:
        """Any score does here: only its cost is measured."""
        done = self.prm.create_completion(text, max_tokens=1, temperature=0.0)
        return float(len(done["choices"][0]["text"]))
