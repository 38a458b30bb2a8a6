"""Record what the program prints, or compare two checkouts of it.

    python -m tests.golden record DIR [--package CHECKOUT] [--only PATTERN] [--slow]
    python -m tests.golden compare --against CHECKOUT [--package CHECKOUT] [--only PATTERN]

CHECKOUT is a folder that holds the package `tts_cli`; this one if it is not named. `compare` exits with 1 where the two
differ by more than `exceptions.py` allows.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.golden.case import Case
from tests.golden.commands import CASES
from tests.golden.comparing import diff
from tests.golden.exceptions import with_exceptions
from tests.golden.machine import machine
from tests.golden.recording import CHECKOUT, record


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    cases = [case for case in CASES if re.search(asked.only, case.name)]
    if asked.command == "compare":
        return _compare(cases, asked.against, asked.package)
    return _record([case for case in cases if asked.slow or not case.slow], asked.package, asked.folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="write one file per case")
    recording.add_argument("folder", type=Path, metavar="DIR")
    recording.add_argument("--slow", action="store_true", help="the cases too that the tests leave out")
    comparing = commands.add_parser("compare", help="run two checkouts and show where they differ")
    comparing.add_argument("--against", type=Path, required=True, metavar="CHECKOUT", help="the old one")
    for command in (recording, comparing):
        command.add_argument("--package", type=Path, default=CHECKOUT, metavar="CHECKOUT", help="default: this one")
        command.add_argument("--only", default="", metavar="PATTERN", help="cases whose name the pattern is found in")
    return parser


def _timed(cases: Sequence[Case], package: Path) -> dict[str, str]:
    """The records; on stderr how long they took, and which took longest."""
    begin = time.perf_counter()
    texts, seconds = record(cases, package)
    slowest = sorted(seconds, key=lambda name: -seconds[name])[:5]
    longest = ", ".join(f"{name} {seconds[name]:.1f} s" for name in slowest)
    print(f"{package}: {len(texts)} cases in {time.perf_counter() - begin:.0f} s ({longest})", file=sys.stderr)
    return texts


def _record(cases: Sequence[Case], package: Path, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _timed(cases, package).items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    (folder / "machine.json").write_text(json.dumps(machine(), indent=1) + "\n")
    return 0


def _compare(cases: Sequence[Case], against: Path, package: Path) -> int:
    old, new = _timed(cases, against), _timed(cases, package)
    found = [text for name in old if (text := diff(name, with_exceptions(name, old[name]), new[name]))]
    print("".join(found), end="")
    print(f"{len(found)} of {len(old)} cases differ", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
