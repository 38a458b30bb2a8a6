"""Where the time of whole searches goes: tokens, wall time, the share of it in llama_decode, PRM tokens, full rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.findings.markdown import table
from benchmarks.speed.probe import Probe, covered, watched
from benchmarks.speed.store import Row, Target, find, say
from benchmarks.speed.weights import TOKEN_PAIR, Choice, pair, problem
from tts_cli import Problem, Settings, Solver
from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM, PrmPrefix
from tts_cli.models.prm.formats import compile_format

NAME = "search"
DECODING, FILLED, PRM_TOKENS = 0.95, 0.9, 1.05
PROBLEMS = 16
_TEMPLATE = "tokenizer.chat_template"


@dataclass(frozen=True, slots=True)
class Workload:
    """`problems` > 1: so many at once, as `tts batch` has them. `asked`: a target is set on it."""

    method: str
    budget: int
    problems: int = 1
    asked: bool = False

    @property
    def name(self) -> str:
        name = self.method if self.method == "greedy" else f"{self.method}, N = {self.budget}"
        return f"{name}, {self.problems} problems" if self.problems > 1 else name


WORKLOADS = [
    Workload("greedy", 1),
    *(Workload(method, n, asked=n == 16) for method in ("majority", "best-of-n") for n in (4, 16, 64)),
    Workload("beam", 16),
    Workload("dvts", 16),
    Workload("majority", 16, PROBLEMS, asked=True),
]
BATCH = WORKLOADS[-1]


def estimate(chosen: Choice) -> float:
    tokens = chosen.max_tokens * (16 * chosen.rounds + 48 + 16 * PROBLEMS * _rounds(BATCH, chosen))
    return tokens / 90 + 20


def _rounds(workload: Workload, chosen: Choice) -> int:
    """Every round where a share of time is asked for. A batch is as long as sixteen such, with many decodes; and the
    tokens of a PRM are a count: once."""
    return chosen.rounds if workload.asked and workload.method == "majority" and workload.problems == 1 else 1


def run(chosen: Choice) -> list[Row]:
    return searches(chosen, chosen.policy, [workload for workload in WORKLOADS if workload.asked])


def searches(chosen: Choice, policy: Path, workloads: list[Workload]) -> list[Row]:
    """A row for each, with models that are loaded once."""
    rows: list[Row] = []
    with watched() as probe, ExitStack() as stack:
        models = pair(chosen, stack, policy)
        for workload in workloads:
            rows.append(_row(workload, policy.stem, models, chosen, probe))
            say(f"  {policy.stem}: {workload.name}: {rows[-1].rate():.0f} tokens/s")
    return rows


def _row(workload: Workload, policy: str, models: tuple[LlamaPolicy, LlamaPRM], chosen: Choice, probe: Probe) -> Row:
    rounds = [measure(workload, models, chosen, seed, probe) for seed in range(_rounds(workload, chosen))]
    setting = {"policy": policy, "method": workload.method, "N": workload.budget, "problems": workload.problems}
    return Row(workload.name, setting, rounds)


def measure(
    workload: Workload, models: tuple[LlamaPolicy, LlamaPRM], chosen: Choice, seed: int, probe: Probe
) -> dict[str, float]:
    policy, prm = models
    settings = Settings(
        method=workload.method,
        budget=workload.budget,
        seed=seed,
        max_tokens=chosen.max_tokens,
        temperature=0.0 if workload.method == "greedy" else 0.7,
        profile="none",
    )
    problems = [Problem(str(i), problem(seed * PROBLEMS + i)) for i in range(workload.problems)]
    with Solver(settings, policy=policy, prm=prm) as solver, counted(prm) as distinct:
        probe.take()
        begin = time.perf_counter()
        records = list(solver.solve_many(problems)) if len(problems) > 1 else [solver.solve(problems[0])]
        seconds = time.perf_counter() - begin
    costs = [record.cost for record in records]
    return {
        "seconds": seconds,
        "tokens": sum(cost.policy_tokens for cost in costs),
        "prm tokens": sum(cost.prm_tokens for cost in costs),
        "distinct prm tokens": distinct.tokens,
        **_decoding(probe, policy.parameters),
    }


def _decoding(probe: Probe, parameters: int) -> dict[str, float]:
    decodes = probe.take()
    own = [one for one in decodes if one.model == parameters and one.marked]
    widest = max((one.marked for one in own), default=1)
    full = [one for one in own if one.marked >= 0.95 * widest and one.rows == one.marked]
    following = {one.end: after.begin for one, after in pairwise(own)}
    full_seconds = sum(following.get(one.end, one.end) - one.begin for one in full)  # with what stands between decodes
    return {
        "decoding": covered(decodes),
        "decodes": len(decodes),
        "drawn": sum(one.marked for one in own),
        "rows": sum(one.marked for one in own) / max(1, len(own)),
        "widest": widest,
        "full rate": sum(one.marked for one in full) / full_seconds if full_seconds else 0.0,
    }


@dataclass(slots=True)
class Distinct:
    """Tokens of the prompts and steps that a PRM was asked for, each once."""

    seen: set[tuple[int, tuple[str, ...]]]
    tokens: int = 0


@contextmanager
def counted(prm: LlamaPRM) -> Iterator[Distinct]:
    """Counts what is asked of a PRM meanwhile."""
    found, vocab = Distinct(set()), prm.engine.vocab
    layout = compile_format(prm.entry.format or TOKEN_PAIR, vocab, prm.engine.metadata.get(_TEMPLATE))
    kept: list[Any] = []  # or an id would be given twice
    start, score = prm.start, prm.score

    def counting_start(problem: str, usage: Any) -> PrmPrefix:
        found.tokens += len(layout.prompt_tokens(vocab, problem))
        return start(problem, usage)

    def counting_score(prefix: Any, step: str, *, final: bool = False) -> Any:
        steps = (*prefix.steps, step.strip())
        if (id(prefix.scores), steps) not in found.seen:
            found.seen.add((id(prefix.scores), steps))
            kept.append(prefix.scores)
            found.tokens += len(layout.step_tokens(vocab, steps[-1], first=len(steps) == 1))
        return score(prefix, step, final=final)

    prm.start, prm.score = counting_start, counting_score  # type: ignore[method-assign]
    try:
        yield found
    finally:
        del prm.start, prm.score


def targets(rows: list[Row]) -> list[Target]:
    """Only of the policy that was measured first."""
    found = []
    own = [row for row in rows if row.setting["policy"] == _first(rows)]
    majority, chosen_best = find(own, "majority, N = 16"), find(own, "best-of-n, N = 16")
    batch = find(own, BATCH.name)
    if majority:
        share = _share(majority)
        found.append(Target("wall time in llama_decode, majority N = 16", DECODING, share, len(majority.rounds)))
    if batch:
        found.append(Target("batch of 16 problems, N = 16 / its full width", FILLED, _filled(batch), len(batch.rounds)))
    if chosen_best:
        value = _prm_ratio(chosen_best)
        rounds = len(chosen_best.rounds)
        found.append(Target("PRM tokens / distinct ones, best-of-n", PRM_TOKENS, value, rounds, least=False))
    return found


def _first(rows: list[Row]) -> str:
    names = [str(row.setting["policy"]) for row in rows]
    return next((name for name in names if "0.5b" in name), names[0])


def _share(row: Row) -> float:
    return Row("", {}, [{"share": one["decoding"] / one["seconds"]} for one in row.rounds]).median("share")


def _prm_ratio(row: Row) -> float:
    ratios = [{"ratio": one["prm tokens"] / max(1, one["distinct prm tokens"])} for one in row.rounds]
    return Row("", {}, ratios).median("ratio")


def _filled(row: Row) -> float:
    """Tokens per second of the whole / those while as many rows as ever were at work."""
    ratios = [{"ratio": one["drawn"] / one["seconds"] / max(one["full rate"], 1e-9)} for one in row.rounds]
    return Row("", {}, ratios).median("ratio")


def report(rows: list[Row]) -> str:
    lines = [
        [
            str(row.setting["policy"]),
            row.what,
            f"{row.median('tokens'):.0f}",
            f"{row.median('seconds'):.1f}",
            f"{row.rate():.0f}",
            f"{100 * _share(row):.0f} %",
            f"{row.median('rows'):.1f} of {row.median('widest'):.0f}",
            f"{_prm_ratio(row):.3f}" if row.median("prm tokens") else "–",
        ]
        for row in rows
    ]
    header = [
        "policy",
        "search",
        "tokens",
        "s",
        "tokens/s",
        "in llama_decode",
        "rows per decode",
        "PRM tokens / distinct",
    ]
    return table(header, lines)
