"""Records in order: what waits for what, how much may wait, and that a stop loses nothing."""

from __future__ import annotations

from tests.cli import scripted
from tts_cli.batch.output import InOrder


def put(order: InOrder, *ids: str) -> None:
    for id in ids:
        order.put(scripted.record(id=id))


def ordered(most: int | None) -> tuple[InOrder, list[str]]:
    """Rows a to e, all started, and the ids that were handed on."""
    written: list[str] = []
    order = InOrder(lambda record: written.append(record.id), most)
    for id in "abcde":
        order.start(id)
    return order, written


def test_a_record_waits_for_those_before_it() -> None:
    order, written = ordered(8)
    put(order, "c", "b")
    assert written == []
    put(order, "a", "e")
    assert written == ["a", "b", "c"]
    put(order, "d")
    assert written == ["a", "b", "c", "d", "e"]


def test_a_slow_first_row_bounds_how_far_the_others_go() -> None:
    order, written = ordered(5)
    put(order, "b", "c", "d", "e")
    assert not order.has_room
    put(order, "a")
    assert order.has_room and written == list("abcde")


def test_a_flush_hands_on_what_waits_in_order() -> None:
    order, written = ordered(8)
    put(order, "e", "c")
    order.flush()
    assert written == ["c", "e"]


def test_without_order_nothing_waits() -> None:
    order, written = ordered(None)
    put(order, "e", "a")
    assert written == ["e", "a"] and order.has_room
