"""Which commands fill RUNS, and where each puts what it makes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from benchmarks.findings.execute import Job
from tts_cli.config import Effort
from tts_cli.evaluation import observations
from tts_cli.strategy.plan import Plan

POLICIES = ("nano", "nano-medium")
EFFORTS: tuple[Effort, ...] = get_args(Effort)
PARTS = ("calibrate", "test", "auto", "easy", "deadline")
SEED, COUNT = 77, 500
"""Of the problems to calibrate on."""
TEST_SEED, TESTED = 900, 800
"""Of those that everything is told of."""
REAL = 200
"""Of these, how many `auto` is really run on, at each effort."""
BUDGETS, SEARCHED = (1, 2, 4, 8, 16, 32, 64), (4, 16, 64)
"""N of what is told of samples (and of the trees of dvts, which are the first of more), and of each beam search."""
EASY = "Compute 3 + 4."
EASY_WAYS = ("auto", "best-of-n")


def most() -> int:
    """The largest N that `auto` may go to."""
    return observations.STAGES[-1][0]


def samples() -> int:
    """The largest N of a fixed method."""
    return observations.BEST_OF_N[-1]


def fixed(beam_width: int) -> list[Plan]:
    """Every fixed method and N but majority, which votes on the samples of best-of-n."""
    budgets = {"best-of-n": up_to_samples(BUDGETS), "beam": up_to_samples(SEARCHED)}
    budgets["dvts"] = [n for n in up_to_samples(BUDGETS) if n % beam_width == 0]  # whole trees
    plans = [Plan(method, n, beam_width) for method, found in budgets.items() for n in found]
    return [Plan("greedy", 1, 1), *plans]


def up_to_samples(budgets: Sequence[int]) -> list[int]:
    return [n for n in budgets if n <= samples()]


@dataclass(frozen=True, slots=True)
class Places:
    """The files under RUNS."""

    runs: Path

    @property
    def validation(self) -> Path:
        return self.runs / "validation.jsonl"

    @property
    def problems(self) -> Path:
        """The test problems."""
        return self.runs / "test.jsonl"

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

    def unused(self, policy: str) -> Path:
        """The profile of the test problems, which nothing reads: `tts calibrate` writes one wherever it samples."""
        return self.test(policy) / "unused.yaml"

    def auto(self, policy: str, effort: str) -> Path:
        return self.runs / f"auto-{policy}-{effort}"

    def easy(self, policy: str, way: str) -> Path:
        return self.runs / f"easy-{way}-{policy}.json"


@dataclass(frozen=True, slots=True)
class Size:
    """How many problems to calibrate on, to test on, and to run `auto` on; `threads`: None leaves them to tts."""

    count: int = COUNT
    tested: int = TESTED
    real: int = REAL
    threads: int | None = None


def jobs(places: Places, parts: Sequence[str], policies: Sequence[str], size: Size) -> Iterator[Job]:
    """All commands in order."""
    if "calibrate" in parts:
        yield _problems("validation", SEED, size.count, places.validation)
    if "test" in parts:
        yield _problems("test", TEST_SEED, TESTED, places.problems)
    for policy in policies:
        # Votes are counted one sample after another here; with the calculator they depend on all samples.
        models = ["--policy", policy, "--prm", "nano-prm", "--no-calculator"]
        threads = ["--threads", str(size.threads)] if size.threads else []
        profile = ["--profile", str(places.profile(policy))]
        if "calibrate" in parts:
            out = ["--out", str(places.calibration(policy))]
            yield _tts(["calibrate", str(places.validation), *models, *threads, *out, *profile])
        if "test" in parts:
            yield from _test(places, policy, [*models, *threads, "--limit", str(size.tested)])
        if "auto" in parts:
            yield from _auto(places, policy, [*models, *profile, *threads], size)
        if "easy" in parts:
            yield from _easy(places, policy, [*models, *profile, *threads])
    if "deadline" in parts:
        yield _written("python", ["-m", "benchmarks.deadline", "--runs", "50", "--json"], places.deadline)


def _problems(split: str, seed: int, count: int, target: Path) -> Job:
    numbers = ["--seed", str(seed), "--count", str(count)]
    return _written("python", ["-m", "training.problems", "--split", split, *numbers], target)


def _test(places: Places, policy: str, flags: list[str]) -> Iterator[Job]:
    """Two questions to one store: the fixed methods, then best-first search to its end, which only calibration runs."""
    problems, out = str(places.problems), ["--out", str(places.test(policy))]
    budgets = ",".join(map(str, up_to_samples(SEARCHED)))
    yield _tts(["eval", problems, "--methods", "greedy,best-of-n,beam,dvts", "--budgets", budgets, *flags, *out])
    yield _tts(["calibrate", problems, *flags, *out, "--profile", str(places.unused(policy))])


def _auto(places: Places, policy: str, flags: list[str], size: Size) -> Iterator[Job]:
    for effort in EFFORTS:
        asked = ["--methods", "auto", "--effort", effort, "--budgets", str(most()), "--limit", str(size.real)]
        yield _tts(["eval", str(places.problems), *asked, *flags, "--out", str(places.auto(policy, effort))])


def _easy(places: Places, policy: str, flags: list[str]) -> Iterator[Job]:
    ways = dict(zip(EASY_WAYS, ([], ["--method", "best-of-n", "--budget", str(samples())]), strict=True))
    for way, asked in ways.items():
        yield _written("tts", ["solve", EASY, *flags, *asked, "--json"], places.easy(policy, way))


def _tts(command: list[str]) -> Job:
    return Job(f"tts {shlex.join(command)}", ["-m", "tts_cli", *command])


def _written(program: str, command: list[str], target: Path) -> Job:
    """Its stdout goes into a file."""
    run = ["-m", "tts_cli", *command] if program == "tts" else command
    return Job(f"{program} {shlex.join(command)} > {shlex.quote(str(target))}", run, target)
