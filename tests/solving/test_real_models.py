"""Every method over real GGUF files in real llama.cpp. Most models are random: what they write means nothing.

One test needs a model that knows something; it is skipped where that file is not in the folder of real models
(TTS_REAL_MODELS, else ~/.cache/tts-real-models).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.answers.judge import Judge
from tts_cli.config import Settings
from tts_cli.data.record import Problem
from tts_cli.data.trace import dump
from tts_cli.models.load import load_policy, load_prm
from tts_cli.protocols import Policy, RewardModel
from tts_cli.search.events import StepSampled, StepScored
from tts_cli.search.methods import METHODS as SEARCH_METHODS
from tts_cli.solving.solve import solve, solve_many

METHODS: list[Any] = list(SEARCH_METHODS)
BIAS = {"\n\n": 3.0, "<|end|>": 2.5}
PROBLEM = "Compute 2 + 3."
REAL_MODELS = Path(os.environ.get("TTS_REAL_MODELS", Path.home() / ".cache" / "tts-real-models"))
QWEN = REAL_MODELS / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Policy, RewardModel]]:
    folder: Path = tmp_path_factory.mktemp("gguf")
    policy_file = write_tiny_gguf(folder / "policy.gguf", chat_template=CHAT_TEMPLATE, bias=BIAS)
    prm_file = write_tiny_gguf(folder / "prm.gguf", seed=1)
    policy = load_policy(str(policy_file), threads=1, gpu_layers=0)
    prm = load_prm(str(prm_file), prm_format="nano-prm", threads=1, gpu_layers=0)
    assert prm is not None
    yield policy, prm
    policy.close()
    prm.close()


def settings(method: Any, seed: int = 0) -> Settings:
    return Settings(method=method, budget=8, temperature=1.0, max_step_tokens=24, max_steps=6, seed=seed)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_trace(method: Any, models: tuple[Policy, RewardModel]) -> None:
    traces = [dump(solve(PROBLEM, settings(method), *models).trace({})) for _ in range(2)]
    assert traces[0] == traces[1]


def test_another_seed_gives_another_search(models: tuple[Policy, RewardModel]) -> None:
    events = [solve(PROBLEM, settings("beam", seed), *models).events for seed in (0, 1)]
    assert events[0] != events[1]


@pytest.mark.parametrize("method", ["best-of-n", "beam", "dvts"])
def test_every_step_that_may_be_kept_is_scored_once(method: Any, models: tuple[Policy, RewardModel]) -> None:
    solved = solve(PROBLEM, settings(method), *models)
    whole = {e.step for e in solved.events if isinstance(e, StepSampled) and e.finish not in ("length", "context")}
    scored = [e.step for e in solved.events if isinstance(e, StepScored)]
    assert set(scored) == whole and len(scored) == len(whole) >= 8
    assert solved.record.cost.flops > 0


def test_many_problems_at_once_give_what_each_gives_alone(models: tuple[Policy, RewardModel]) -> None:
    problems = [Problem(str(n), f"Compute {n} + 3.") for n in range(4)]
    together = {s.record.id: s.record for s in solve_many(problems, settings("majority"), *models)}
    for problem in problems:
        alone = solve(problem, settings("majority"), *models).record
        assert together[problem.id].votes == alone.votes
        assert together[problem.id].cost.policy_tokens == alone.cost.policy_tokens


@pytest.mark.skipif(not QWEN.is_file(), reason=f"{QWEN} is not there")
def test_both_parts_of_a_problem_are_answered() -> None:
    policy = load_policy(str(QWEN), n_ctx=1024, n_seq_max=1, threads=1, gpu_layers=0)
    try:
        record = solve("(a) What is 3 + 4? (b) What is 5 * 6?", Settings(method="greedy"), policy, None).record
    finally:
        policy.close()
    assert record.solution is not None and record.solution.count("\\boxed{") == 2
    assert record.answer is not None and Judge().equal(record.answer, "7, 30")
