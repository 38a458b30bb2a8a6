"""Records in order: what waits for what, how much may wait, and that a stop loses nothing."""

from __future__ import annotations

import pytest

from tests.cli import scripted
from tts_cli.data.record import Problem
from tts_cli.errors import UsageError
from tts_cli.solving.ordering import LEAST_AHEAD, InOrder


def put(order: InOrder, *ids: str) -> list[str]:
    """The ids that are handed on."""
    return [record.id for id in ids for record in order.put(scripted.record(id=id))]


def ordered(most: int | None) -> InOrder:
    """Rows a to e, all begun."""
    order = InOrder(most)
    admitted = list(order.admit(Problem(id, "") for id in "abcde"))
    assert len(admitted) == order.under_way == 5
    return order


def test_a_record_waits_for_those_before_it() -> None:
    order = ordered(8)
    assert put(order, "c", "b") == []
    assert put(order, "a", "e") == ["a", "b", "c"]
    assert put(order, "d") == ["d", "e"]
    assert order.under_way == 0


def test_a_slow_first_row_bounds_how_far_the_others_go() -> None:
    order = ordered(5)
    assert put(order, "b", "c", "d", "e") == []
    assert not order.has_room
    more = order.admit([Problem("f", "")])
    assert next(more) is None
    assert put(order, "a") == list("abcde") and order.has_room
    assert next(more) == Problem("f", "")


def test_at_the_end_what_waits_is_handed_on_in_order() -> None:
    order = ordered(8)
    assert put(order, "e", "c") == []
    assert [record.id for record in order.rest()] == ["c", "e"]


def test_without_order_nothing_waits() -> None:
    order = ordered(None)
    assert put(order, "e", "a") == ["e", "a"] and order.has_room
    assert list(order.rest()) == []


def test_two_problems_under_way_with_one_id_are_refused() -> None:
    with pytest.raises(UsageError, match="Two problems have the id 'a'"):
        list(InOrder(None).admit([Problem("a", "1"), Problem("a", "2")]))


def test_the_fewest_that_may_run_ahead() -> None:
    order = InOrder.over(1)
    admitted = order.admit(Problem(str(number), "") for number in range(LEAST_AHEAD + 1))
    assert None not in [next(admitted) for _ in range(LEAST_AHEAD)]
    assert next(admitted) is None
