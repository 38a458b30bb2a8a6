"""What people write: the high-level `llama_cpp.Llama` class in a loop, for best-of-n and beam search with a PRM.

A plain form of the papers' pseudo-code. A candidate is one call with the whole text so far; a score is one call of the
PRM with the whole text, of which one token is asked. The class keeps the cells of the text before, and runs only what
differs from it: this is left on, as it is by default.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

SEPARATOR = "\n\n"


@dataclass(slots=True)
class Loop:
    """`tokens`: sampled so far."""

    policy: Any
    prm: Any
    temperature: float
    tokens: int = 0

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
        return max(solutions, key=lambda solution: self._score(prompt + solution))

    def beam(self, prompt: str, n: int, width: int, steps: int, step_tokens: int) -> str:
        """`n` candidates in each of `steps` rounds, `n` / `width` of them kept."""
        beams = [""] * n
        for i in range(steps):
            children = 1 if i == 0 else width
            beams = [beam + self._step(prompt + beam, step_tokens) for beam in beams for _ in range(children)]
            scored = sorted(beams, key=lambda beam: -self._score(prompt + beam))
            beams = scored[: n // width]
        return beams[0]

    def _step(self, text: str, max_tokens: int) -> str:
        return self._write(text, max_tokens, [SEPARATOR]) + SEPARATOR

    def _write(self, text: str, max_tokens: int, stop: list[str] | None) -> str:
        done = self.policy.create_completion(
            text, max_tokens=max_tokens, stop=stop, temperature=self.temperature, top_p=1.0, top_k=0, min_p=0.0
        )
        self.tokens += done["usage"]["completion_tokens"]
        return str(done["choices"][0]["text"])

    def _score(self, text: str) -> float:
        """Any score does here: only its cost is measured."""
        done = self.prm.create_completion(text, max_tokens=1, temperature=0.0)
        return float(len(done["choices"][0]["text"]))
