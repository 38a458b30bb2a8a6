"""The static rule against the paper's table, and what settings refuse."""

from __future__ import annotations

from typing import Any

import pytest

from tts_cli.config import Settings
from tts_cli.costs import human
from tts_cli.errors import UsageError
from tts_cli.protocols import Sampling
from tts_cli.strategy.paper_table import choose


@pytest.mark.parametrize(
    ("parameters", "known", "method"),
    [
        (1_800_000, Known(), "beam"),
        (3_200_000_000, Known(difficulty="easy"), "best-of-n"),
        (3_200_000_000, Known(difficulty="hard"), "beam"),
        (6_700_000_000, Known(), "dvts"),
        (7_600_000_000, Known(difficulty="medium"), "dvts"),
        (32_800_000_000, Known(difficulty="hard"), "beam"),
        (72_700_000_000, Known(difficulty="hard"), "best-of-n"),
        (8_000_000_000, Known(prm_family="rlhflow"), "best-of-n"),
        (1_200_000_000, Known(prm_family="math-shepherd"), "best-of-n"),
        (7_600_000_000, Known(task="aime"), "dvts"),
        (14_800_000_000, Known(task="aime"), "best-of-n"),
        (7_600_000_000, Known(policy_family="deepseek-r1"), "majority"),
    ],
)
def test_the_rule(parameters: int, known: Known, method: str) -> None:
    chosen, why = choose(parameters, has_prm=True, known=known)
    assert chosen == method
    assert why.startswith(method)


def test_without_a_prm_the_majority_decides() -> None:
    assert choose(7_000_000_000, has_prm=False, known=Known())[0] == "majority"


@pytest.mark.parametrize(
    ("bad", "flag"),
    [
        ({"budget": 0}, "--budget"),
        ({"budget": 100_000}, "--budget"),
        ({"beam_width": 0}, "--beam-width"),
        ({"method": "mcts"}, "--method"),
        ({"effort": "huge"}, "--effort"),
        ({"aggregate": "median"}, "--aggregate"),
        ({"select": "random"}, "--select"),
        ({"sampling": Sampling(temperature=-0.1)}, "--temperature"),
        ({"sampling": Sampling(temperature=float("nan"))}, "--temperature"),
        ({"sampling": Sampling(top_p=0)}, "--top-p"),
        ({"sampling": Sampling(top_p=1.5)}, "--top-p"),
        ({"sampling": Sampling(max_step_tokens=0)}, "--max-step-tokens"),
        ({"max_steps": 0}, "--max-steps"),
        ({"max_tokens": 0}, "--max-tokens"),
        ({"max_time": 0}, "--max-time"),
        ({"max_time": float("nan")}, "--max-time"),
        ({"max_flops": -1.0}, "--max-flops"),
        ({"min_confidence": 1.1}, "--min-confidence"),
    ],
)
def test_a_bad_setting_is_refused_and_named(bad: dict[str, Any], flag: str) -> None:
    with pytest.raises(UsageError, match=flag):
        Settings(**bad)


def test_sizes_are_read_by_people() -> None:
    assert [human(n) for n in (850, 1_800, 3_570_000, 7_600_000_000)] == ["850", "1.8k", "3.57M", "7.6B"]
