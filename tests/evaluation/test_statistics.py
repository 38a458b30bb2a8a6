"""Statistics against brute force, hand calculation, and what must hold for any data."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_cli.evaluation.statistics import (
    Estimate,
    auc,
    calibration,
    calibration_error,
    difference,
    estimate,
    mcnemar,
    pass_at_k,
    rank_correlation,
    ranks,
)

BITS = st.lists(st.booleans(), min_size=1, max_size=60)


@given(samples=st.integers(1, 9), data=st.data())
def test_pass_at_k_is_the_share_of_choices_that_hold_a_right_sample(samples: int, data: st.DataObject) -> None:
    right, k = data.draw(st.integers(0, samples)), data.draw(st.integers(1, samples))
    choices = list(combinations(range(samples), k))
    hits = sum(any(index < right for index in choice) for choice in choices)
    assert pass_at_k(samples, right, k) == pytest.approx(hits / len(choices))


@pytest.mark.parametrize("k", [0, 5])
def test_pass_at_k_of_fewer_samples_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="of 4 samples"):
        pass_at_k(4, 1, k)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 6, 2 / 64), (1, 9, 2 * 11 / 1024), (0, 1, 1.0), (10, 1, 2 * 12 / 2048)],
)
def test_mcnemar_by_hand(only_a: int, only_b: int, p: float) -> None:
    assert mcnemar(only_a, only_b) == pytest.approx(p)
    assert mcnemar(only_b, only_a) == mcnemar(only_a, only_b)


def test_mcnemar_of_very_many_problems_is_a_number() -> None:
    assert 0 <= mcnemar(5000, 6000) < 1e-20
    assert mcnemar(5000, 5001) == pytest.approx(1.0, abs=0.01)


def test_an_interval_is_about_as_wide_as_theory_has_it() -> None:
    found = estimate([1.0] * 140 + [0.0] * 60)
    half = 1.96 * math.sqrt(0.7 * 0.3 / 200)
    assert found.value == 0.7
    assert found.low == pytest.approx(0.7 - half, abs=0.015)
    assert found.high == pytest.approx(0.7 + half, abs=0.015)


@given(BITS)
def test_an_interval_holds_its_mean_and_stays_among_shares(bits: list[bool]) -> None:
    found = estimate(bits)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert estimate(bits) == found


def test_none_right_of_twenty_still_leaves_room_for_luck() -> None:
    found = estimate([0.0] * 20)
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(0.168, abs=0.001)  # Clopper-Pearson, 0 of 20
    assert estimate([1.0] * 20).low == pytest.approx(1 - found.high)


def test_an_estimate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        estimate([])


def test_a_paired_difference_is_narrower_than_two_that_know_nothing_of_each_other() -> None:
    a = [1.0, 0.0] * 50
    b = [*a[:95], 1.0, 1.0, 1.0, 1.0, 1.0]
    gap = difference(b, a)
    assert gap.value == pytest.approx(0.03)  # of the last five, two were right before
    assert gap.high - gap.low < 0.1 < estimate(a).high - estimate(a).low
    assert difference(a, a) == Estimate(0.0, 0.0, 0.0)


@given(BITS)
def test_a_difference_turns_its_sign_with_its_sides(bits: list[bool]) -> None:
    other = [not bit for bit in bits]
    one, two = difference(bits, other), difference(other, bits)
    assert one.value == -two.value
    assert one.low == pytest.approx(-two.high) and one.high == pytest.approx(-two.low)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=25))
def test_auc_is_the_share_of_pairs_in_the_right_order(pairs: list[tuple[float, bool]]) -> None:
    good = [score for score, right in pairs if right]
    bad = [score for score, right in pairs if not right]
    found = auc([score for score, _ in pairs], [right for _, right in pairs])
    if not good or not bad:
        assert found is None
    else:
        wins = sum((g > b) + 0.5 * (g == b) for g in good for b in bad)
        assert found == pytest.approx(wins / len(good) / len(bad))


def test_ranks_share_their_mean_where_values_are_equal() -> None:
    assert ranks([10, 30, 20, 20]).tolist() == [1, 4, 2.5, 2.5]


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3], [10, 100, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 2, 3], [5, 5, 5]) is None
    assert rank_correlation([], []) is None
    a, b = [3.0, 1.0, 4.0, 1.0, 5.0], [2.0, 7.0, 1.0, 8.0, 2.0]
    assert rank_correlation(a, b) == pytest.approx(float(np.corrcoef(ranks(a), ranks(b))[0, 1]))


def test_calibration_by_hand() -> None:
    curve = calibration([0.05, 0.15, 0.15, 1.0], [False, True, False, True])
    assert [(bin.low, bin.count) for bin in curve] == [(0.0, 1), (0.1, 2), (0.9, 1)]
    assert [bin.share_right for bin in curve] == [0, 0.5, 1]
    assert calibration_error(curve) == pytest.approx((0.05 + 2 * 0.35 + 0) / 4)
    assert calibration_error([]) == 0
