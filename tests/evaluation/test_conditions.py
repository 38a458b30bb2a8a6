"""Which search serves which question, and which searches must be run for all of them."""

from __future__ import annotations

import pytest

from tests.strategy.profiles import profile
from tts_cli.config import Effort, Settings
from tts_cli.errors import UsageError
from tts_cli.evaluation.conditions import SearchJob, covers, fewest, job_of, plan_conditions
from tts_cli.protocols import ModelFacts
from tts_cli.strategy.profile import Profile

POLICY, PRM = ModelFacts("policy", 1_000_000), ModelFacts("prm", 2_000_000)


def job(text: str) -> SearchJob:
    """beam 16, or dvts 16/4 with a beam width"""
    method, size = text.split()
    budget, _, width = size.partition("/")
    return SearchJob(method, int(budget), int(width or 1))


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ("best-of-n 16", "best-of-n 16"),
        ("best-of-n 16", "best-of-n 1"),
        ("best-of-n 16", "majority 7"),
        ("majority 16", "majority 4"),
        ("dvts 16/4", "dvts 4/4"),  # the first of four trees
        ("dvts 16/4", "dvts 12/4"),
        ("dvts 10/4", "dvts 4/4"),  # trees of 4, 3 and 3
        ("beam 16/4", "beam 16/4"),
        ("greedy 1", "greedy 1"),
    ],
)
def test_a_search_covers_what_is_part_of_it(stored: str, wanted: str) -> None:
    assert covers(job(stored), job(wanted))


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ("best-of-n 4", "best-of-n 16"),
        ("majority 16", "best-of-n 4"),  # never scored
        ("dvts 16/4", "dvts 1/4"),  # one child a step instead of four
        ("dvts 16/4", "dvts 10/4"),  # its second tree has three children
        ("dvts 16/4", "dvts 4/2"),
        ("beam 16/4", "beam 4/4"),  # another search
        ("beam 16/4", "beam 16/2"),
        ("greedy 1", "majority 1"),  # temperature 0
        ("dvts 4/4", "beam 4/4"),
    ],
)
def test_a_search_does_not_cover_what_it_never_did(stored: str, wanted: str) -> None:
    assert not covers(job(stored), job(wanted))


def test_the_fewest_searches_cover_all_that_is_wanted() -> None:
    wanted = [job(f"{method} {n}") for method in ("majority", "best-of-n") for n in (1, 4, 16)]
    wanted += [job(f"{method} {n}/4") for method in ("beam", "dvts") for n in (1, 4, 16)]
    chosen = fewest([*wanted, job("greedy 1")])
    names = ["greedy 1", "beam 1/4", "beam 4/4", "beam 16/4", "best-of-n 16", "dvts 1/4", "dvts 16/4"]
    assert set(chosen) == {job(name) for name in names}
    assert all(any(covers(have, one) for have in chosen) for one in wanted)


def conditions(methods: list[str], budgets: list[int], prm: ModelFacts | None = PRM) -> list[tuple[str, str, int]]:
    found = plan_conditions(methods, budgets, Settings(), POLICY, prm)
    return [(condition.requested, condition.plan.method, condition.plan.budget) for condition in found]


def test_every_method_at_every_budget_but_greedy_once() -> None:
    assert conditions(["greedy", "majority"], [1, 4]) == [
        ("greedy", "greedy", 1),
        ("majority", "majority", 1),
        ("majority", "majority", 4),
    ]


def test_auto_is_a_search_of_its_own_for_each_rule() -> None:
    assert conditions(["auto", "beam"], [4]) == [("auto", "auto", 4), ("beam", "beam", 4)]

    def job(effort: Effort, made: Profile | None = None) -> SearchJob:
        (condition,) = plan_conditions(["auto"], [4], Settings(effort=effort), POLICY, PRM, made)
        return job_of(condition.plan)

    measured = profile()
    assert job("low") == job("high"), "at a given N the table knows no effort"
    assert job("low", measured) != job("high", measured) != job("high")
    assert job("low", measured).plan.rule == job("low", measured).rule


def test_a_guided_method_without_a_prm_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a PRM"):
        conditions(["beam"], [4], prm=None)
