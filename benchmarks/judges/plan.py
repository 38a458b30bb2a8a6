"""The commands, in order: samples of the policy, what each judge makes of them, heads, and how steps are judged.

The policy's samples are drawn once and copied for each judge, as a store of `tts eval` belongs to one PRM. Whatever is
trained or chosen is trained on `gsm8k_train`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.findings.execute import Job

POLICY = "qwen2.5-coder-0.5b-instruct-q4_k_m"
LARGER = "qwen2.5-coder-1.5b-instruct-q4_k_m"
BUDGET = 8
SELECTIONS = ("weighted", "max")


@dataclass(frozen=True)
class Plan:
    """Where everything is, and how much of it. `problems` of the test set, `trained` and `trained_larger` of the
    training set for the heads on the policy's and on the larger model's states."""

    data: Path
    models: Path
    runs: Path
    problems: int = 100
    trained: int = 300
    trained_larger: int = 60

    def model(self, name: str) -> str:
        return str(self.models / f"{name}.gguf")


@dataclass(frozen=True, slots=True)
class Judge:
    """A kind of PRM: its name in files, its row in the table, what it reads with, and its format or its head."""

    name: str
    row: str
    model: str
    format: str | None = None

    def flags(self, plan: Plan) -> list[str]:
        if self.format is None:
            return ["--prm", str(plan.runs / f"{self.name}.safetensors")]
        return ["--prm", plan.model(self.model), "--prm-format", self.format]


JUDGES = (
    Judge("reader", "1.5B reads (digits)", LARGER, "reader"),
    Judge("judge", "1.5B says yes or no", LARGER, "judge"),
    Judge("own", "head on the policy's own states", POLICY),
    Judge("larger", "head on the 1.5B's states", LARGER),
)


def jobs(plan: Plan, judges: Sequence[str]) -> Iterator[Job]:
    """In order: samples, then what each of the judges makes of them, and of steps."""
    yield tts(sampled(plan, "plain", "--no-calculator"))
    yield tts(sampled(plan, "calculator"))
    yield tts(_sample_training(plan))
    for judge in (one for one in JUDGES if one.name in judges):
        if judge.format is None:
            yield tts(trained(plan, judge))
        yield from judged(plan, judge)
        yield stepwise(plan, judge)


def sampled(plan: Plan, name: str, *flags: str) -> list[str]:
    """The votes of the policy alone."""
    sampling = ["--policy", plan.model(POLICY), "--prm", "none", "--methods", "majority", "--budgets", str(BUDGET)]
    data = str(plan.data / "gsm8k_test.jsonl")
    return ["eval", data, "--limit", str(plan.problems), *sampling, *flags, "--out", str(plan.runs / name)]


def judged(plan: Plan, judge: Judge) -> Iterator[Job]:
    """The same samples by this judge; then for each selection the records."""
    out = plan.runs / judge.name
    yield _copy(plan.runs / "plain" / "samples.sqlite", out / "samples.sqlite")
    flags = [*sampled(plan, judge.name, "--no-calculator", "--prm-quality"), *judge.flags(plan)]
    flags[flags.index("majority")] = "majority,best-of-n"
    del flags[(at := flags.index("--prm")) : at + 2]  # "none"
    for select in SELECTIONS:
        yield tts([*flags, "--select", select])
        yield _copy(out / "records.jsonl", plan.runs / f"{judge.name}-{select}.jsonl", again=True)
    yield _copy(out / "summary.json", plan.runs / f"{judge.name}.json", again=True)


def trained(plan: Plan, judge: Judge) -> list[str]:
    """A head; the samples are shared."""
    base = [] if judge.model == POLICY else ["--base", plan.model(judge.model)]
    limit = plan.trained if judge.model == POLICY else plan.trained_larger
    out = ["--out", str(plan.runs / f"{judge.name}.safetensors")]
    return [*_training(plan, limit), *base, *out]


def _sample_training(plan: Plan) -> list[str]:
    data = str(plan.data / "gsm8k_train.jsonl")
    sampling = ["--policy", plan.model(POLICY), "--prm", "none", "--methods", "majority", "--budgets", str(BUDGET)]
    return ["eval", data, "--limit", str(plan.trained), *sampling, "--no-calculator", "--out", str(plan.runs / "train")]


def _training(plan: Plan, limit: int) -> list[str]:
    data = str(plan.data / "gsm8k_train.jsonl")
    how = ["--policy", plan.model(POLICY), "--samples", str(BUDGET), "--no-calculator"]
    return ["train-prm", data, "--limit", str(limit), *how, "--store", str(plan.runs / "train")]


def stepwise(plan: Plan, judge: Judge) -> Job:
    """How it scores steps of training samples and of ProcessBench."""
    where = ["--data", str(plan.data), "--runs", str(plan.runs), "--out", str(plan.runs / f"{judge.name}-steps.jsonl")]
    command = ["-m", "benchmarks.judges.steps", *judge.flags(plan), "--policy", plan.model(POLICY), *where]
    return Job(f"python {shlex.join(command)}", command)


def tts(arguments: list[str]) -> Job:
    return Job(f"tts {shlex.join(arguments)}", ["-m", "tts_cli", *arguments])


def _copy(source: Path, target: Path, again: bool = False) -> Job:
    """Unless it is there, and not to be copied `again`."""
    command = ["-m", "benchmarks.judges.copy", *(["--again"] if again else []), str(source), str(target)]
    return Job(f"python {shlex.join(command)}", command)
