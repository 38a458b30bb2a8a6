"""`python -m benchmarks.speed run|report`: see the package."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.speed import machine, report, store
from benchmarks.speed.parts import PARTS
from benchmarks.speed.weights import FOLDER, POLICIES, Choice
from benchmarks.two_steps import several
from tts_cli.engine.library import physical_cores
from tts_cli.errors import TtsError

PAGE = Path(__file__).parents[1] / "README.md"
RESULTS = Path(__file__).parent / "results.json"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m benchmarks.speed")
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure, and keep the results")
    run.add_argument(
        "--part", type=several(str, tuple(PARTS)), default=tuple(PARTS), metavar="A,B,..", help=", ".join(PARTS)
    )
    run.add_argument("--rounds", type=int, default=5)
    run.add_argument("--models", type=Path, default=FOLDER, metavar="FOLDER", help="where the three GGUF files lie")
    run.add_argument("--policy", type=Path, metavar="FILE.gguf", help="default: the 0.5B")
    run.add_argument("--prm", type=Path, metavar="FILE.gguf", help="read by two tokens; default: the 1.5B")
    run.add_argument("--threads", type=int, default=physical_cores())
    run.add_argument("--max-tokens", type=int, default=64, help="of one sample")
    run.add_argument("--full", action="store_true", help="all policies, and 1,500 tokens deep, too")
    run.add_argument("--peers-python", type=Path, metavar="PYTHON", help="one that has its_hub, optillm and the server")
    run.add_argument("--anyway", action="store_true", help="also on a machine that is not idle")
    run.add_argument("--dry-run", action="store_true", help="only how long it would take")
    written = commands.add_parser("report", help="write the tables")
    written.add_argument("--page", type=Path, default=PAGE)
    for command in (run, written):
        command.add_argument("--results", type=Path, default=RESULTS, metavar="FILE.json")
    return top


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        return _run(options) if options.command == "run" else _report(options)
    except (TtsError, OSError, ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1


def choice(options: argparse.Namespace) -> Choice:
    return Choice(
        folder=options.models,
        policy=options.policy or options.models / POLICIES["0.5B"],
        prm=options.prm or options.models / POLICIES["1.5B"],
        rounds=options.rounds,
        threads=options.threads,
        max_tokens=options.max_tokens,
        full=options.full,
        peers=options.peers_python,
    )


def _run(options: argparse.Namespace) -> int:
    chosen, results = choice(options), store.read(options.results)
    times = {name: PARTS[name].estimate(chosen) for name in options.part}
    store.say(f"{', '.join(times)}: about {sum(times.values()) / 60:.0f} minutes")
    if options.dry_run:
        return 0
    if not _idle(options.anyway):
        return 1
    for name, seconds in times.items():
        store.say(f"{name}: about {seconds / 60:.1f} minutes")
        results[name] = _measure(name, chosen)
        store.write(options.results, results)  # part by part: what is done is kept
    return 0


def _measure(name: str, chosen: Choice) -> store.Result:
    facts: dict[str, Any] = {**machine.describe(), "policy": chosen.policy.name, "PRM": chosen.prm.name}
    facts["measured"] = datetime.now(UTC).date().isoformat()
    begin = time.perf_counter()
    rows = PARTS[name].run(chosen)
    for target in PARTS[name].targets(rows):
        store.say(f"  {target.what}: {target.value:.3f} ({'met' if target.met else 'missed'})")
    return store.Result(facts, round(time.perf_counter() - begin, 1), rows)


def _idle(anyway: bool) -> bool:
    load = machine.others()
    if load <= machine.IDLE:
        return True
    store.say(f"Other programs use {load:.1f} cores: figures would mean little. {'' if anyway else 'Use --anyway.'}")
    return anyway


def _report(options: argparse.Namespace) -> int:
    absent = report.write(store.read(options.results), options.page)
    store.say(f"Written to {options.page}." + (f" Missing: {', '.join(absent)}." if absent else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
