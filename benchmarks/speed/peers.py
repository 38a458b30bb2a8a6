"""The same weights, sampling and work by others: the high-level class in a loop, and its server with clients.

How work is made equal: tokens sampled per second of the whole search, prompt and scores included, on the same problem
with the same limits. What runs one call after the other costs the same per token however many calls there are; so the
loop does a part of the samples (`_LOOPED`, `_BEAMS`), and the server's clients `_SERVED`, and we do all sixteen.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

from benchmarks.findings.markdown import table
from benchmarks.speed.loop import Loop
from benchmarks.speed.server import drive, prompt_length, serving
from benchmarks.speed.store import Row, Target, find, ratio, say
from benchmarks.speed.weights import Choice, pair, problem
from tts_cli import Settings, Solver
from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM

NAME = "peers"
BEST_OF_N, BEAM, SERVER = 3.0, 5.0, 1.5
N, M = 16, 4
STEPS, STEP_TOKENS = 3, 20
TEMPERATURE = 0.7
_LOOPED = 3  # samples of best-of-n that the loop draws
_BEAMS = 8  # candidates of the loop's beam search: two beams, so that it changes from one to another as with four
_LOOP_CONTEXT = 2048
_SPARE = 16  # tokens: another system prompt may be longer
_PAD = 256  # at other context sizes the server fails where it comes to the end of one
_SERVED = 2  # samples by a server's client
CLIENTS = ("its_hub", "optillm")


def estimate(chosen: Choice) -> float:
    """By about 40 tokens per second with the PRM's work, 100 without it, and 15 (or 8, in beams) for the loop."""
    looped = _LOOPED * chosen.max_tokens / 15 + _BEAMS * STEPS * STEP_TOKENS / 8
    own = N * chosen.max_tokens / 40 + N * STEPS * STEP_TOKENS / 40
    served = N * chosen.max_tokens / 100 + _SERVED * (150 + chosen.max_tokens) / 38 if chosen.peers else 0
    return 60 + chosen.rounds * (looped + own + served)


def run(chosen: Choice) -> list[Row]:
    with ExitStack() as stack:
        models = pair(chosen, stack)
        rows = with_loop(models, chosen)
        if chosen.peers is None:
            say("  no --peers-python: its_hub and optillm are left out")
            return rows
        rows += with_server(models, chosen)
    return rows


def with_loop(models: tuple[LlamaPolicy, LlamaPRM], chosen: Choice) -> list[Row]:
    rows = {
        (what, method): Row(what, {"search": method}, [])
        for method in ("best-of-n", "beam")
        for what in ("ours", "loop", "careful loop")
    }
    prompt = _prompt(models[0])
    loop = Loop.open(chosen.policy, chosen.prm, chosen.threads, _LOOP_CONTEXT, TEMPERATURE)
    try:
        for i in range(chosen.rounds):
            for method in ("best-of-n", "beam"):
                rows["ours", method].rounds.append(ours(models, method, chosen.max_tokens, i))
                again, kept = looped(loop, method, prompt, chosen.max_tokens)
                rows["loop", method].rounds.append(again)
                rows["careful loop", method].rounds.append(kept)
                say(f"  {method}: {ratio(rows['ours', method], rows['loop', method]):.1f} times the loop")
    finally:
        loop.close()
    return list(rows.values())


def ours(
    models: tuple[LlamaPolicy, LlamaPRM], method: str, max_tokens: int, seed: int, text: str | None = None
) -> dict[str, float]:
    limits = {"max_steps": STEPS, "max_step_tokens": STEP_TOKENS} if method == "beam" else {"max_tokens": max_tokens}
    settings = Settings(
        method=method, budget=N, beam_width=M, temperature=TEMPERATURE, seed=seed, profile="none", **limits
    )
    with Solver(settings, policy=models[0], prm=models[1]) as solver:
        begin = time.perf_counter()
        record = solver.solve(text or problem())
        return {"seconds": time.perf_counter() - begin, "tokens": record.cost.policy_tokens}


def looped(loop: Loop, method: str, prompt: str, max_tokens: int) -> tuple[dict[str, float], dict[str, float]]:
    """With every step's score from its whole text, and with one call per text after the cells of the one before."""
    loop.tokens, loop.again, loop.kept = 0, 0.0, 0.0
    begin = time.perf_counter()
    if method == "beam":
        loop.beam(prompt, _BEAMS, M, STEPS, STEP_TOKENS)
    else:
        loop.best_of_n(prompt, _LOOPED, max_tokens)
    seconds = time.perf_counter() - begin
    return (
        {"seconds": seconds - loop.kept, "tokens": loop.tokens},
        {"seconds": seconds - loop.again, "tokens": loop.tokens},
    )


def with_server(models: tuple[LlamaPolicy, LlamaPRM], chosen: Choice) -> list[Row]:
    """its_hub asks for a length in a field that the server does not read: the server's context is the limit."""
    assert chosen.peers is not None
    rows = [Row(what, {"search": "majority"}, []) for what in ("ours", *CLIENTS)]
    with serving(chosen.peers, chosen.policy, chosen.threads, _LOOP_CONTEXT) as address:
        length = prompt_length(address, problem()) + chosen.max_tokens + _SPARE
    n_ctx = -(-length // _PAD) * _PAD
    with serving(chosen.peers, chosen.policy, chosen.threads, n_ctx) as address:
        for i in range(chosen.rounds):
            rows[0].rounds.append(ours(models, "majority", chosen.max_tokens, i))
            for row in rows[1:]:
                asked = (problem(), _SERVED, chosen.max_tokens, TEMPERATURE)
                done = drive(chosen.peers, row.what, address, *asked)
                if "missing" in done:
                    say(f"  {row.what}: {done['missing']}")
                elif len(row.rounds) == i:
                    row.rounds.append(done)
                    say(f"  {row.what}: {ratio(rows[0], row):.1f} times")
    return [row for row in rows if row.rounds]


def _prompt(policy: LlamaPolicy) -> str:
    """The chat prompt as a text, for those who take texts."""
    vocab = policy.engine.vocab
    return b"".join(vocab._render(token, special=True) for token in policy.prompt_tokens(problem())).decode()


def targets(rows: list[Row]) -> list[Target]:
    found = []
    for search, what, goal in (
        ("best-of-n", "loop", BEST_OF_N),
        ("beam", "loop", BEAM),
        ("majority", "its_hub", SERVER),
    ):
        own, other = find(rows, "ours", search=search), find(rows, what, search=search)
        if own and other:
            name = f"ours / {_LONG[what]}, {search}, N = {N}"
            found.append(Target(name, goal, ratio(own, other), len(other.rounds)))
    return found


_LONG = {
    "ours": "ours",
    "loop": "the high-level class in a loop",
    "careful loop": "the same, scoring each text once after what the class has kept",
    "its_hub": "llama_cpp.server with its_hub",
    "optillm": "llama_cpp.server with optillm",
}
_EQUAL = (
    "Equal work: tokens sampled per second of the whole search, prompt and scores included, on one problem with the "
    "same limits and temperature. The loop and the server run one call after the other, at the same cost per token "
    f"however many there are: the loop draws {_LOOPED} samples of best-of-n, and searches with {_BEAMS} candidates by "
    f"beams of {M}; the clients draw {_SERVED}; we do all {N}. Beam: {STEPS} steps of at most {STEP_TOKENS} tokens. "
    "The loop scores each step by a call with the whole text up to it; a second row has one call per text, which runs "
    "only what differs from the text before (both are timed on the same texts, in the same round). The server samples "
    "with its default top-k, which is cheaper than ours over all tokens, and does not read `n` or "
    "`max_completion_tokens`: its context is the limit."
)


def report(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        own = find(rows, "ours", search=row.setting["search"])
        assert own is not None
        times = "" if row is own else f"{ratio(own, row):.1f}"
        tokens, seconds = row.median("tokens"), row.median("seconds")
        name = _LONG[row.what]
        lines.append([str(row.setting["search"]), name, f"{tokens:.0f}", f"{seconds:.1f}", f"{row.rate():.0f}", times])
    return _EQUAL + "\n\n" + table(["search", "by", "tokens", "s", "tokens/s", "ours / this"], lines)
