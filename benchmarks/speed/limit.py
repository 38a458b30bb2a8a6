"""Our engine against the best bare loop, at the same width and depth, in turns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from benchmarks.findings.markdown import table
from benchmarks.speed.bare import LAYOUTS, Bare, Layout
from benchmarks.speed.ours import draw, prompts
from benchmarks.speed.store import Figures, Row, Target, find, ratio, say
from benchmarks.speed.weights import Choice
from tts_cli.engine import Engine
from tts_cli.engine.model import Model
from tts_cli.engine.pool import Branch

NAME = "limit"
OWN_LAYOUT = Layout(streams=True, flash_attention=False)
GOAL = 0.95
WIDTHS, DEPTHS = (1, 4, 16), (128, 448)
DEEP, DEEP_ROUNDS = 1500, 2
_DECODES = {1: 40, 4: 28, 16: 20}
_RETRIES = 3  # where a sample ended at once


def estimate(chosen: Choice) -> float:
    """Seconds, on two cores."""
    return 60 + 30 * chosen.rounds + (420 if chosen.full else 0)


def run(chosen: Choice) -> list[Row]:
    rows: list[Row] = []
    with Engine(chosen.policy, threads=chosen.threads) as engine:
        model = engine._model  # of two copies of the weights one may lie better in memory, by chance
        for depth in (*DEPTHS, *((DEEP,) if chosen.full else ())):
            rounds = chosen.rounds if depth < DEEP else min(DEEP_ROUNDS, chosen.rounds)
            for width in WIDTHS:
                rows += measure(model, engine, width, depth, rounds, _DECODES[width], chosen.threads)
                say(f"  width {width:2}, depth {depth:4}: {ratio(rows[-1], best(rows[-5:-1])):.2f} of the best")
    return rows


def measure(model: Model, engine: Engine, width: int, depth: int, rounds: int, decodes: int, threads: int) -> list[Row]:
    """A row for each bare layout, then ours. After the first round only the two best, ours and its own go on."""
    setting = {"width": width, "depth": depth}
    bare_rows = [Row(layout.name, setting, []) for layout in LAYOUTS]
    own = Row("ours", setting, [])
    with ExitStack() as stack:
        roots = prompts(engine, width, depth)
        bares = [stack.enter_context(Bare(model, one, width, depth, decodes + 2, threads)) for one in LAYOUTS]
        turns: list[tuple[Row, Callable[[int], Figures]]] = [
            *((row, partial(_bare, loop, width, decodes)) for row, loop in zip(bare_rows, bares, strict=True)),
            (own, partial(_ours, engine, roots, decodes)),
        ]
        for i in range(rounds):
            for row, turn in turns:
                row.rounds.append(turn(i))
            if i == 0:
                slow = [row for row in sorted(bare_rows, key=Row.rate)[:-2] if row.what != OWN_LAYOUT.name]
                turns = [(row, turn) for row, turn in turns if row not in slow]
            turns = [*turns[1:], turns[0]]  # whoever comes after what is not always the same
        for root in roots:
            engine.release(root)
    return [*bare_rows, own]


def _bare(loop: Bare, width: int, decodes: int, _: int) -> Figures:
    return {"tokens": width * decodes, "seconds": loop.run(decodes)}


def _ours(engine: Engine, roots: list[Branch], decodes: int, number: int) -> Figures:
    for attempt in range(_RETRIES):
        tokens, seconds = draw(engine, roots, decodes, key=number * _RETRIES + attempt)
        if tokens >= len(roots) * decodes / 2:
            break
    return {"tokens": max(tokens, 1), "seconds": seconds}


def best(rows: list[Row]) -> Row:
    """Of the bare loops: the fastest among those that were measured in every round."""
    most = max(len(row.rounds) for row in rows)
    return max((row for row in rows if len(row.rounds) == most), key=Row.rate)


def _settings(rows: list[Row]) -> list[dict[str, int]]:
    return [dict(row.setting) for row in rows if row.what == "ours"]


def _of(rows: list[Row], setting: dict[str, int]) -> tuple[list[Row], Row]:
    here = [row for row in rows if row.setting == setting]
    own = find(here, "ours")
    assert own is not None
    return [row for row in here if row is not own], own


def targets(rows: list[Row]) -> list[Target]:
    found = []
    for setting in _settings(rows):
        bares, own = _of(rows, setting)
        if setting["depth"] in DEPTHS:
            name = f"ours / the best bare loop, width {setting['width']}, depth {setting['depth']}"
            found.append(Target(name, GOAL, ratio(own, best(bares)), len(own.rounds)))
    return found


def report(rows: list[Row]) -> str:
    names = [layout.name for layout in LAYOUTS]
    lines = []
    for setting in _settings(rows):
        bares, own = _of(rows, setting)
        same = find(bares, OWN_LAYOUT.name)
        assert same is not None
        cells = [f"{row.rate():.0f}" for row in (*bares, own)]
        shares = [f"{ratio(own, other):.2f}" for other in (best(bares), same)]
        lines.append([str(setting["width"]), str(setting["depth"]), *cells, *shares])
    return (
        "Tokens per second while all rows are at work. Ours has a stream per sequence without flash attention: with "
        "it, what a row computes depends on the number of threads and on what shares its decode.\n\n"
        + table(["width", "depth", *names, "ours", "ours / best", "ours / same layout"], lines)
    )
