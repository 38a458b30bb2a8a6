"""What batching saves: 16 samples of one problem together, against the same 16 one after the other.

Both run in one process on one engine each, in turns, and the result is their ratio: it means the same on a busy
machine. Also printed: the same comparison over all tokens per second, and the tokens that each way ran.

    python benchmarks/batching.py [MODEL.gguf] [--samples 16] [--tokens 120] [--threads N] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from tts_cli.engine import Engine, Sampler
from tts_cli.protocols import Finish, SampleKey, Sampling, Usage

NANO = Path(__file__).parent.parent / "tts_cli" / "nano" / "nano.gguf"
PROBLEM = "<|problem|>A farmer packs 17 boxes with 24 apples each and eats 9. How many apples are left?<|solution|>"


@dataclass(frozen=True, slots=True)
class Run:
    """One way of drawing all samples: wall seconds, sampled tokens, tokens run through the model."""

    seconds: float
    sampled: int
    ran: int


def draw(engine: Engine, first: int, count: int, max_tokens: int, usage: Usage) -> int:
    """Draw samples first..first+count of the problem together; how many tokens they have."""
    root = engine.root(engine.vocab.tokenize(PROBLEM, special=True, bos=engine.vocab.add_bos), usage)
    jobs = [
        engine.generate(
            root,
            sampler=Sampler(SampleKey(0, PROBLEM, (i,)), Sampling(temperature=0.8)),
            stop=_never,
            max_tokens=max_tokens,
        )
        for i in range(first, first + count)
    ]
    while engine.busy:
        engine.advance()
    engine.release(root)
    return sum(len(job.result().tokens) for job in jobs)


def _never(_: bytes) -> Finish | None:
    return None


def measure(engine: Engine, samples: int, together: int, max_tokens: int) -> Run:
    """All samples, `together` at a time."""
    usage = Usage()
    begin = time.perf_counter()
    sampled = sum(draw(engine, i, together, max_tokens, usage) for i in range(0, samples, together))
    return Run(time.perf_counter() - begin, sampled, usage.total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=NANO)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=120, help="at most, per sample")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with (
        Engine(options.model, threads=options.threads, n_seq_max=options.samples) as batched,
        Engine(options.model, threads=options.threads, n_seq_max=1) as single,
    ):
        measure(batched, options.samples, options.samples, options.tokens)  # warm: pages and buffers
        measure(single, 1, 1, options.tokens)
        rounds = [
            (
                measure(batched, options.samples, options.samples, options.tokens),
                measure(single, options.samples, 1, options.tokens),
            )
            for _ in range(options.rounds)
        ]
    report(options.model, options.samples, rounds)


def report(model: Path, samples: int, rounds: list[tuple[Run, Run]]) -> None:
    """Print medians over the rounds."""
    ratio = statistics.median(together.seconds / alone.seconds for together, alone in rounds)
    print(f"{model.name}: {samples} samples of one problem, {len(rounds)} rounds, medians")
    for name, runs in (("batched", [pair[0] for pair in rounds]), ("one by one", [pair[1] for pair in rounds])):
        seconds = statistics.median(run.seconds for run in runs)
        print(f"  {name:10}  {seconds:7.3f} s  {runs[0].sampled / seconds:8.0f} tokens/s  {runs[0].ran} tokens run")
    print(f"  time batched / one by one: {ratio:.2f} (target: at most 0.50)")


if __name__ == "__main__":
    main()
