"""Reproduce one model of the nano family: every stage that it needs, in order, each a command of its own.

    python -m training.family nano-prm --dry-run
    python -m training.family nano-prm

A stage whose result exists is skipped, whatever figures it was made with: delete the result to have it made anew. An
export, which takes a second, is also made anew where its weights are newer. After a kill the same command goes on,
a training run from its checkpoint. How good a model is, is not looked at here: see `training.evaluate` and `tts eval`.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

MODELS = ("nano", "nano-medium", "nano-large", "nano-prm", "nano-prm-small")


@dataclass(frozen=True)
class Run:
    """One run of `training.train`. `stop` is in steps, `shard` in problems; `base` and `start` are other runs,
    `samples` policies."""

    role: Literal["policy", "prm"]
    layers: int
    width: int
    tokens: int
    stop: int | None = None
    rate: float | None = None
    decay: float | None = None
    threads: int = 1
    seed: int | None = None
    shard: int | None = None
    base: str | None = None
    start: str | None = None
    samples: tuple[str, ...] = ()


EVERYBODY = ("half", "nano", "nano-medium", "unripe")
RUNS = {
    "nano": Run("policy", 2, 64, 40_000_000),
    "nano-medium": Run("policy", 4, 128, 14_000_000),
    "nano-large": Run("policy", 6, 192, 10_000_000, rate=0.012, decay=0.9, seed=5, shard=4000, base="nano-medium"),
    "half": Run("policy", 4, 128, 14_000_000, stop=1584),  # for its samples only: they err more
    "unripe": Run("policy", 7, 192, 9_730_000, decay=0.31),  # likewise
    "nano-prm-first": Run("prm", 7, 192, 14_000_000, decay=0.9, threads=2, base="nano-medium", samples=("half",)),
    "nano-prm": Run(
        "prm", 7, 192, 11_800_000, rate=0.015, decay=0.9, base="nano-medium", start="nano-prm-first", samples=EVERYBODY
    ),
    "nano-prm-small": Run("prm", 6, 160, 11_000_000, decay=0.9, base="nano-medium", samples=EVERYBODY),
}
SEEDS = {"half": (21, 22, 23), "nano": (31,), "nano-medium": (11,), "unripe": (41,)}  # a file of samples each
PROBLEMS, PER_PROBLEM = 6000, 4
TEMPERATURES = (0.7, 0.85, 1.0, 1.15)

QUICK_PROBLEMS = 6
QUICK_OPTIONS = ("--shard", "200", "--checkpoint-seconds", "0")  # `start` needs a checkpoint, however short the run


@dataclass(frozen=True)
class Stage:
    """One command, as module and arguments, and the file that it writes; `source`: it must not be older than this."""

    command: tuple[str, ...]
    result: Path
    source: Path | None = None

    @property
    def done(self) -> bool:
        if not self.result.exists() or self.source is None:
            return self.result.exists()
        return self.source.exists() and self.source.stat().st_mtime <= self.result.stat().st_mtime

    def __str__(self) -> str:
        return shlex.join(("python", "-m", *self.command))


@dataclass(frozen=True)
class Family:
    """The runs, and where results go: weights and samples to `out`, GGUFs to `models`."""

    out: Path
    models: Path
    runs: Mapping[str, Run]
    problems: int = PROBLEMS
    train_options: tuple[str, ...] = ()

    def stages(self, name: str) -> list[Stage]:
        """All stages of a model, each after those it needs, none twice."""
        return list(dict.fromkeys((*self.weights(name), self._export(name))))

    def weights(self, name: str) -> Iterator[Stage]:
        """The stages of a run, its own the last."""
        run = self.runs[name]
        for needed in (run.base, run.start):
            if needed:
                yield from self.weights(needed)
        for policy in run.samples:
            yield from (*self.weights(policy), self._export(policy), *self._samples(policy))
        yield Stage(("training.train", *self._arguments(run), "--out", f"{self.out / name}"), self._model(name))

    def _arguments(self, run: Run) -> Iterator[str]:
        yield run.role
        for option in ("layers", "width", "tokens", "stop", "rate", "decay", "threads", "seed", "shard"):
            if (value := getattr(run, option)) is not None:
                yield from (f"--{option}", f"{value}")
        if run.base:
            yield from ("--base", f"{self._model(run.base)}")
        if run.start:
            yield from ("--start", f"{self.out / run.start / 'checkpoint.pt'}")
        if run.samples:
            yield from ("--samples", *(f"{stage.result}" for policy in run.samples for stage in self._samples(policy)))
        yield from ("--words", f"{self._words}", *self.train_options)

    def _samples(self, policy: str) -> Iterator[Stage]:
        for seed in SEEDS[policy]:
            result = self.out / f"samples-{seed}.jsonl"
            asked = ("--split", "train", "--seed", f"{seed}", "--problems", f"{self.problems}")
            drawn = ("--per-problem", f"{PER_PROBLEM}", "--temperatures", *map(str, TEMPERATURES))
            where = ("--policy", f"{self._gguf(policy)}", *asked, *drawn, "--out", f"{result}")
            yield Stage(("training.sample", *where), result)

    def _export(self, name: str) -> Stage:
        weights, gguf = self._model(name), self._gguf(name)
        role = ("--prm",) if self.runs[name].role == "prm" else ()
        where = (f"{weights}", "--name", name, "--out", f"{gguf}", *role, "--words", f"{self._words}")
        return Stage(("training.export", *where), gguf, source=weights)

    @property
    def _words(self) -> Path:
        return self.out / "words.txt"

    def _model(self, name: str) -> Path:
        return self.out / name / "model.pt"

    def _gguf(self, name: str) -> Path:
        return (self.models if name in MODELS else self.out) / f"{name}.gguf"


def rehearsal(out: Path, models: Path) -> Family:
    """The whole family at toy size: every stage takes seconds, and no model is worth anything."""
    return Family(out, models, {name: _toy(run) for name, run in RUNS.items()}, QUICK_PROBLEMS, QUICK_OPTIONS)


def _toy(run: Run) -> Run:
    layers, width = (2, 64) if run.base else (1, 32)
    return replace(run, layers=layers, width=width, tokens=20_000, stop=2 if run.stop else None, threads=1)


def run_stage(stage: Stage) -> None:
    """Raises SystemExit where the command fails."""
    done = subprocess.run([sys.executable, "-m", *stage.command], check=False)
    if done.returncode:
        raise SystemExit(f"The stage ended with {done.returncode}. Mended, the same command goes on from here.")


def follow(stages: Sequence[Stage], run: Callable[[Stage], None] | None = run_stage) -> None:
    """Print each command and run it, unless its result is there; `run` None: only print."""
    for number, stage in enumerate(stages, 1):
        print(f"[{number}/{len(stages)}]{' done:' if stage.done else ''} {stage}", flush=True)
        if run and not stage.done:
            stage.result.parent.mkdir(parents=True, exist_ok=True)
            run(stage)


def main() -> None:
    options = arguments()
    if options.quick:
        out = options.out or Path("training/out/quick")
        family = rehearsal(out, options.models or out)
    else:
        family = Family(options.out or Path("training/out"), options.models or Path("tts_cli/nano"), RUNS)
    # A plain kill must not leave a training run behind that the same command would then write over.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    follow(family.stages(options.name), None if options.dry_run else run_stage)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.family")
    parser.add_argument("name", choices=MODELS)
    parser.add_argument("--dry-run", action="store_true", help="print the commands only")
    parser.add_argument("--out", type=Path, help="for weights and samples; default training/out")
    parser.add_argument("--models", type=Path, help="for GGUFs; default tts_cli/nano")
    parser.add_argument("--quick", action="store_true", help="a rehearsal at toy size, in training/out/quick")
    return parser.parse_args()


if __name__ == "__main__":
    main()
