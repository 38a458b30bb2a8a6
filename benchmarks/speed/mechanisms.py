"""Ourselves with each mechanism off in turn; each run is a process of its own, as some are set when llama.cpp loads."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.findings.markdown import table
from benchmarks.speed.mechanism_run import PROMPT, TOKENS
from benchmarks.speed.store import Row, Target, find, ratio, say
from benchmarks.speed.weights import Choice

NAME = "mechanisms"
_LIBGOMP = {"GOMP_SPINCOUNT": "300000"}  # its default where nothing is set
_OLD: Mapping[str, Any] = {"layout": "unified", "flash_attention": False}
_BASE = "all on"


@dataclass(frozen=True, slots=True)
class Variant:
    """`engine`: arguments of Engine. `work`: of `mechanism_run`. `environ`: what is set for the process."""

    name: str
    job: str
    engine: Mapping[str, Any] = field(default_factory=dict)
    work: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Does this version's engine have what the variant sets?"""
        from tts_cli.engine import Engine

        return self.engine.keys() <= inspect.signature(Engine.__init__).parameters.keys()


WIDE, NARROW, PRM = "16 samples", "1 sample", "PRM, 16 solutions"
VARIANTS = [
    Variant(_BASE, WIDE),
    Variant("one KV buffer, no flash attention", WIDE, engine=_OLD),
    Variant("one KV buffer, flash attention", WIDE, engine={**_OLD, "flash_attention": True}),
    Variant("a stream per sequence, flash attention", WIDE, engine={"layout": "streams", "flash_attention": True}),
    Variant("libgomp's own spin count", WIDE, environ=_LIBGOMP),
    Variant("as before: one KV buffer, no flash attention, spin count", WIDE, engine=_OLD, environ=_LIBGOMP),
    Variant("batching off", WIDE, engine={"n_seq_max": 1}, work={"width": 4}),  # as fast as with more
    Variant("shared prompt off", WIDE, work={"shared": False}),
    Variant(_BASE, NARROW, work={"width": 1}),
    Variant("libgomp's own spin count", NARROW, work={"width": 1}, environ=_LIBGOMP),
    Variant(
        "as before: one KV buffer, no flash attention, spin count",
        NARROW,
        engine=_OLD,
        work={"width": 1},
        environ=_LIBGOMP,
    ),
    Variant(_BASE, PRM, work={"prm": True}),
    Variant("increments off: whole solutions again", PRM, work={"prm": True, "increments": False}),
]


def estimate(chosen: Choice) -> float:
    return 13 * len(VARIANTS) * chosen.rounds


def run(chosen: Choice) -> list[Row]:
    variants = [variant for variant in VARIANTS if variant.known]
    rows = [Row(variant.name, {"work": variant.job}, []) for variant in variants]
    run_one(variants[0], chosen.policy, chosen.threads)  # or the first one would read the file from the disk
    for _ in range(chosen.rounds):
        for variant, row in zip(variants, rows, strict=True):
            path = chosen.prm if variant.work.get("prm") else chosen.policy
            row.rounds.append(run_one(variant, path, chosen.threads))
            say(f"  {variant.job}, {variant.name}: {row.rate():.0f} tokens/s")
    return rows


def run_one(variant: Variant, path: Path, threads: int) -> dict[str, float]:
    """In a process of its own. Raises RuntimeError when it fails."""
    asked = {"path": str(path), "engine": {"threads": threads, **variant.engine}, **variant.work}
    command = [sys.executable, "-m", "benchmarks.speed.mechanism_run", json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variant.environ})
    if done.returncode:
        raise RuntimeError(f"{variant.name} failed: {done.stderr[-500:]}")
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def targets(rows: list[Row]) -> list[Target]:
    """None: what was before is another checkout, see benchmarks/checkouts.py."""
    return []


def report(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        base = find(rows, _BASE, work=row.setting["work"])
        assert base is not None
        lines.append([str(row.setting["work"]), row.what, f"{row.rate():.0f}", f"{ratio(row, base):.2f}"])
    return (
        f"Samples of {TOKENS} tokens after a prompt of {PROMPT}, run anew in each round and in the time.\n\n"
        + table(["work", "what is off", "tokens/s", "/ all on"], lines)
    )
