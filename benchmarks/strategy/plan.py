"""Which commands fill RUNS, and where each puts what it makes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from benchmarks.findings.execute import Job
from tts_cli.evaluation import calibrate
from tts_cli.strategy.settings import Effort

POLICIES = ("nano", "nano-medium", "nano-large")
EFFORTS: tuple[Effort, ...] = get_args(Effort)
PARTS = ("calibrate", "test", "auto", "easy", "deadline")
SEED, COUNT = 77, 400
EASY = "Compute 3 + 4."
EASY_WAYS = ("auto", "best-of-n")


def most() -> int:
    """The largest N of samples."""
    return calibrate.STAGES[-1]


@dataclass(frozen=True, slots=True)
class Places:
    """The files under RUNS."""

    runs: Path

    @property
    def validation(self) -> Path:
        return self.runs / "validation.jsonl"

    @property
    def deadline(self) -> Path:
        return self.runs / "deadline.json"

    def profile(self, policy: str) -> Path:
        return self.runs / f"{policy}.yaml"

    def calibration(self, policy: str) -> Path:
        """The samples of the profile."""
        return self.runs / f"validation-{policy}"

    def test(self, policy: str) -> Path:
        return self.runs / f"test-{policy}"

    def auto(self, policy: str, effort: str) -> Path:
        return self.runs / f"auto-{policy}-{effort}"

    def easy(self, policy: str, way: str) -> Path:
        return self.runs / f"easy-{way}-{policy}.json"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. `limit`: of the test problems; `threads`: None leaves them to tts."""

    count: int = COUNT
    limit: int | None = None
    threads: int | None = None


def jobs(places: Places, parts: Sequence[str], policies: Sequence[str], size: Size) -> Iterator[Job]:
    """All commands in order."""
    if "calibrate" in parts:
        numbers = ["--seed", str(SEED), "--count", str(size.count)]
        yield _written("python", ["-m", "training.problems", "--split", "validation", *numbers], places.validation)
    for policy in policies:
        models = ["--policy", policy, "--prm", "nano-prm"]
        threads = ["--threads", str(size.threads)] if size.threads else []
        profile = ["--profile", str(places.profile(policy))]
        if "calibrate" in parts:
            out = ["--out", str(places.calibration(policy))]
            yield _tts(["calibrate", str(places.validation), *models, *threads, *out, *profile])
        if "test" in parts:
            yield from _test(places, policy, [*models, *threads], size)
        if "auto" in parts:
            yield from _auto(places, policy, [*models, *profile, *threads], size)
        if "easy" in parts:
            yield from _easy(places, policy, [*models, *profile, *threads])
    if "deadline" in parts:
        yield _written("python", ["-m", "benchmarks.deadline", "--runs", "50", "--json"], places.deadline)


def _test(places: Places, policy: str, flags: list[str], size: Size) -> Iterator[Job]:
    """Two questions to one store: the first has the samples, the second the searches."""
    out = [*_limit(size), "--out", str(places.test(policy))]
    searches = ",".join(method for method, _ in calibrate.SEARCHES)
    budgets = ",".join(str(budget) for budget in sorted({budget for _, budget in calibrate.SEARCHES}))
    yield _tts(["eval", "nano", "--methods", "best-of-n", "--budgets", str(most()), *flags, *out])
    yield _tts(["eval", "nano", "--methods", f"greedy,{searches}", "--budgets", budgets, *flags, *out])


def _auto(places: Places, policy: str, flags: list[str], size: Size) -> Iterator[Job]:
    for effort in EFFORTS:
        asked = ["--methods", "auto", "--effort", effort, "--budgets", str(most())]
        yield _tts(["eval", "nano", *asked, *flags, *_limit(size), "--out", str(places.auto(policy, effort))])


def _easy(places: Places, policy: str, flags: list[str]) -> Iterator[Job]:
    ways = dict(zip(EASY_WAYS, ([], ["--method", "best-of-n", "--budget", str(most())]), strict=True))
    for way, asked in ways.items():
        yield _written("tts", ["solve", EASY, *flags, *asked, "--json"], places.easy(policy, way))


def _limit(size: Size) -> list[str]:
    return ["--limit", str(size.limit)] if size.limit else []


def _tts(command: list[str]) -> Job:
    return Job(f"tts {shlex.join(command)}", ["-m", "tts_cli", *command])


def _written(program: str, command: list[str], target: Path) -> Job:
    """Its stdout goes into a file."""
    run = ["-m", "tts_cli", *command] if program == "tts" else command
    return Job(f"{program} {shlex.join(command)} > {shlex.quote(str(target))}", run, target)
