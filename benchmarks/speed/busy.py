"""Beside a process with two busy threads, against alone, in turns."""

from __future__ import annotations

from benchmarks.findings.markdown import table
from benchmarks.speed.load import busy
from benchmarks.speed.ours import draw, prompts
from benchmarks.speed.store import Row, Target, find, ratio, say
from benchmarks.speed.weights import Choice
from tts_cli.engine import Engine

NAME = "busy"
GOAL = 0.45
WIDTHS, DEPTH = (1, 16), 128
OTHERS = 2  # threads
_TOKENS = {1: 64, 16: 24}  # of each sample


def estimate(chosen: Choice) -> float:
    return 20 + 25 * chosen.rounds


def run(chosen: Choice) -> list[Row]:
    rows: list[Row] = []
    with Engine(chosen.policy, threads=chosen.threads) as engine:
        for width in WIDTHS:
            rows += measure(engine, width, chosen.rounds, _TOKENS[width], DEPTH)
            say(f"  width {width}: {ratio(rows[-1], rows[-2]):.2f} of the idle speed")
    return rows


def measure(engine: Engine, width: int, rounds: int, tokens: int, depth: int) -> list[Row]:
    """Alone, then beside the load."""
    alone, beside = Row("alone", {"width": width}, []), Row("beside", {"width": width}, [])
    roots = prompts(engine, width, depth)
    for i in range(rounds):
        alone.rounds.append(_draw(engine, roots, tokens, 2 * i))
        with busy(OTHERS):
            beside.rounds.append(_draw(engine, roots, tokens, 2 * i + 1))
    for root in roots:
        engine.release(root)
    return [alone, beside]


def _draw(engine: Engine, roots: list, tokens: int, key: int) -> dict[str, float]:  # type: ignore[type-arg]
    count, seconds = draw(engine, roots, tokens, key=key)
    return {"tokens": max(1, count), "seconds": seconds}


def _pairs(rows: list[Row]) -> list[tuple[int, Row, Row]]:
    widths = [row.setting["width"] for row in rows if row.what == "alone"]
    found = [(width, find(rows, "alone", width=width), find(rows, "beside", width=width)) for width in widths]
    return [(width, alone, beside) for width, alone, beside in found if alone and beside]


def targets(rows: list[Row]) -> list[Target]:
    return [
        Target(f"beside two busy threads / alone, width {width}", GOAL, ratio(beside, alone), len(beside.rounds))
        for width, alone, beside in _pairs(rows)
    ]


def report(rows: list[Row]) -> str:
    lines = [
        [str(width), f"{alone.rate():.1f}", f"{beside.rate():.1f}", f"{ratio(beside, alone):.2f}", _spread(beside)]
        for width, alone, beside in _pairs(rows)
    ]
    header = ["width", "tokens/s alone", "beside the load", "beside / alone", "slowest to fastest round beside it"]
    return table(header, lines)


def _spread(row: Row) -> str:
    rates = sorted(one["tokens"] / one["seconds"] for one in row.rounds)
    return f"{rates[0]:.1f} to {rates[-1]:.1f}"
