"""Copy a file, making its folder: `python -m benchmarks.judges.copy [--again] FROM TO`. Without `--again`, only where
there is none."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path


def copy(source: Path, target: Path, again: bool) -> None:
    """Whole or not at all."""
    if again or not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f"{target.name}.half")
        shutil.copyfile(source, half)
        half.replace(target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judges.copy")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    copy(options.source, options.target, options.again)
