"""Which judges are mixed, on made-up problems of which it is known whom to trust."""

from __future__ import annotations

import numpy as np
import pytest

from tts_cli.answers import Aggregate
from tts_cli.evaluation.mixture_fit import Electorate, MixtureChoice, choose_mixture
from tts_cli.evaluation.profile_fit import assign_folds
from tts_cli.strategy.mixture import JUDGES

HOWS: tuple[Aggregate, ...] = ("last", "min", "mean", "prod")


def some(count: int, *signal: float, voters: int = 8, seed: int = 1) -> list[Electorate | None]:
    """`signal`: how much higher each judge rates a solution that is right, in standard deviations. A third are."""
    rng = np.random.default_rng(seed)
    found: list[Electorate | None] = []
    for _ in range(count):
        ok = rng.random(voters) < 1 / 3
        wrong = rng.integers(1, 3, voters)  # two wrong answers
        classes = np.where(ok, 0, wrong)
        _, classes = np.unique(classes, return_inverse=True)
        right = np.array([bool(ok[classes == k].any()) for k in range(classes.max() + 1)])
        rows = np.c_[[ok * gap + rng.normal(size=voters) * (gap > 0) for gap in signal]].T
        found.append(Electorate(dict.fromkeys(HOWS, rows), classes, np.ones(voters), right))
    return found


def chosen(problems: list[Electorate | None]) -> MixtureChoice:
    return choose_mixture(problems, assign_folds(len(problems), 0), 0, "last")


def test_a_judge_that_knows_gets_a_part_and_one_that_does_not_gets_none() -> None:
    learned = chosen(some(300, 1.5, 0.0, 0.0))
    assert learned.mixture.prm > 0.5 and (learned.mixture.likelihood, learned.mixture.calculator) == (0, 0)
    assert sorted(learned.figures) == sorted(["votes", *(f"votes, prm ({how})" for how in HOWS)]), "two say nothing"
    assert learned.figures["votes, prm (last)"]["value"] > learned.figures["votes"]["value"] + 0.2


def test_two_that_know_different_things_are_mixed() -> None:
    mixture = chosen(some(300, 1.2, 1.2, 0.0)).mixture
    assert mixture.prm > 0.5 and mixture.likelihood > 0.5 and mixture.calculator == 0


def test_where_nobody_knows_more_than_votes_they_decide() -> None:
    """Judges of pure noise: the simplest is not measurably worse."""
    noise = some(200, 0.0, 0.0, 0.0)
    rng = np.random.default_rng(5)
    for one in noise:
        assert one is not None
        one.evidence.update(dict.fromkeys(HOWS, rng.normal(size=one.evidence["last"].shape)))
    learned = chosen(noise)
    assert learned.mixture.exponents == (0, 0, 0) and len(learned.figures) > 10


def test_a_problems_own_mixture_never_saw_it() -> None:
    problems = some(60, 1.0, 0.0, 0.0)
    mine = chosen(problems)
    one = problems[7]
    assert one is not None
    turned = [*problems]
    turned[7] = Electorate({how: 9 - 20 * one.evidence[how] for how in HOWS}, one.classes, one.trusts, one.right)
    other = chosen(turned)
    assert len(mine.own) == 60 and other.own[7] == mine.own[7] and other.mixture != mine.mixture


@pytest.mark.parametrize("problems", [[None] * 40, some(40, 0.0, 0.0, 0.0, voters=1), [None, *some(39, 1.0, 1.0, 1.0)]])
def test_problems_without_an_answer_or_a_contest_are_no_crash(problems: list[Electorate | None]) -> None:
    learned = chosen(problems)
    assert len(learned.own) == 40 and all(0 <= exponent <= 8 for exponent in learned.mixture.exponents)


def test_last_numbers_count_less_and_ties_go_to_the_first() -> None:
    rows = dict.fromkeys(HOWS, np.zeros((3, len(JUDGES))))
    one = Electorate(rows, np.array([0, 1, 1]), np.array([1.0, 0.5, 0.5]), np.array([True, False]))
    assert one.elects("last", np.zeros(3))
    assert one.shares("last", np.zeros(3)) == pytest.approx([0.5, 0.5])
