"""The first token: `tts solve` as a process, against the same by bare llama.cpp, in turns."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.findings.markdown import table
from benchmarks.speed.store import Row, Target, find
from benchmarks.speed.weights import Choice, problem

NAME = "start"
GOAL = 1.2
_CODES = (0, 3)  # one token is no answer
# As short as it can be: load, tokenise, run the prompt, take the likeliest token, print it.
BARE = """
import ctypes, sys
import llama_cpp as api
callback = api.llama_log_callback(lambda *_: None)
api.llama_log_set(callback, None)
path, threads, text = sys.argv[1].encode(), int(sys.argv[2]), sys.argv[3].encode()
api.llama_backend_init()
model = api.llama_model_load_from_file(path, api.llama_model_default_params())
params = api.llama_context_default_params()
params.n_ctx, params.n_threads, params.n_threads_batch = 512, threads, threads
context = api.llama_init_from_model(model, params)
vocab = api.llama_model_get_vocab(model)
tokens = (ctypes.c_int32 * 512)()
count = api.llama_tokenize(vocab, text, len(text), tokens, 512, True, True)
assert api.llama_decode(context, api.llama_batch_get_one(tokens, count)) == 0
size = api.llama_vocab_n_tokens(vocab)
logits = api.llama_get_logits_ith(context, -1)[:size]
piece = ctypes.create_string_buffer(64)
length = api.llama_token_to_piece(vocab, logits.index(max(logits)), piece, 64, 0, True)
print(piece.raw[:length])
"""


def estimate(chosen: Choice) -> float:
    return 6 * chosen.rounds + 6


def run(chosen: Choice) -> list[Row]:
    """One start of each before the rounds, so that the files are in memory."""
    rows = [Row("tts", {}, []), Row("bare", {}, [])]
    commands = [ours(chosen.policy, chosen.threads), bare(chosen.policy, chosen.threads)]
    for i in range(chosen.rounds + 1):
        for row, command in zip(rows, commands, strict=True):
            seconds = timed(command)
            if i:
                row.rounds.append({"tokens": 1, "seconds": seconds})
    return rows


def ours(policy: Path, threads: int) -> list[str]:
    flags = ["--method", "greedy", "--max-tokens", "1", "--threads", str(threads), "--policy", str(policy)]
    return [sys.executable, "-m", "tts_cli", "solve", *flags, problem()]


def bare(policy: Path, threads: int) -> list[str]:
    return [sys.executable, "-c", BARE, str(policy), str(threads), problem()]


def timed(command: list[str]) -> float:
    """Seconds until the process has ended. Raises RuntimeError when it fails."""
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    seconds = time.perf_counter() - begin
    if done.returncode not in _CODES:
        raise RuntimeError(f"{command[:4]} failed: {done.stderr.decode()[-500:]}")
    return seconds


def _ratio(rows: list[Row]) -> float:
    own, other = find(rows, "tts"), find(rows, "bare")
    assert own and other
    pairs = zip(own.rounds, other.rounds, strict=True)
    return Row("", {}, [{"ratio": a["seconds"] / b["seconds"]} for a, b in pairs]).median("ratio")


def targets(rows: list[Row]) -> list[Target]:
    return [Target("first token: tts solve / bare llama.cpp", GOAL, _ratio(rows), len(rows[0].rounds), least=False)]


def report(rows: list[Row]) -> str:
    names = {"tts": "`tts solve --method greedy --max-tokens 1`", "bare": "llama.cpp from Python, nothing else"}
    lines = [[names[row.what], f"{row.median('seconds'):.2f}"] for row in rows]
    return table(["process", "s"], [*lines, ["ratio", f"{_ratio(rows):.2f}"]])
