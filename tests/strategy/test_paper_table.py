"""The static rule against the paper's table."""

from __future__ import annotations

import pytest

from tts_cli.costs import human
from tts_cli.protocols import ModelFacts
from tts_cli.strategy.paper_table import Difficulty, choose


def policy(parameters: int, family: str | None = None) -> ModelFacts:
    return ModelFacts("policy", parameters, family)


def prm(family: str | None = None) -> ModelFacts:
    return ModelFacts("prm", 7_000_000_000, family)


@pytest.mark.parametrize(
    ("parameters", "difficulty", "method"),
    [
        (1_800_000, None, "beam"),
        (3_200_000_000, "easy", "best-of-n"),
        (3_200_000_000, "hard", "beam"),
        (6_700_000_000, None, "dvts"),
        (7_600_000_000, "medium", "dvts"),
        (32_800_000_000, "hard", "beam"),
        (72_700_000_000, "hard", "best-of-n"),
    ],
)
def test_the_method_by_size_and_difficulty(parameters: int, difficulty: Difficulty | None, method: str) -> None:
    choice = choose(policy(parameters), prm("qwen"), difficulty)
    assert (choice.method, choice.entry, choice.difficulty) == (method, "size", difficulty)


@pytest.mark.parametrize(
    ("models", "method", "entry"),
    [
        ((policy(8_000_000_000), prm("rlhflow")), "best-of-n", "unsuited PRM"),
        ((policy(1_200_000_000), prm("math-shepherd")), "best-of-n", "unsuited PRM"),
        ((policy(7_600_000_000, "deepseek-r1"), prm()), "majority", "long thought"),
        ((policy(7_000_000_000), None), "majority", "no PRM"),
        ((policy(7_600_000_000, "deepseek-r1"), None), "majority", "no PRM"),
    ],
)
def test_families_and_the_lack_of_a_prm_come_before_size(
    models: tuple[ModelFacts, ModelFacts | None], method: str, entry: str
) -> None:
    choice = choose(*models, "hard")
    assert (choice.method, choice.entry) == (method, entry)


def test_sizes_are_read_by_people() -> None:
    assert [human(n, billion="B") for n in (850, 1_800, 18_000, 3_570_000, 7_600_000_000)] == [
        "850", "1800", "18k", "3.57M", "7.6B",
    ]  # fmt: skip
