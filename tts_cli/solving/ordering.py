"""Records in the order of their problems, although the problems end in another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tts_cli.data.record import Problem, Record
from tts_cli.errors import UsageError

AHEAD = 4  # times the problems under way: how far in-order output lets others run ahead of a slow one,
LEAST_AHEAD = 64  # but so many at least


class InOrder:
    """Hands records on in the order in which their problems were admitted; with `most` None as they come.

    `most`: problems that may be begun beyond the first unfinished one, which bounds both what is held back here and how
    long a record waits for a slow one before it. Ids must be distinct.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._places: dict[str, int] = {}  # of the problems that are begun and not handed on
        self._held: dict[int, Record] = {}
        self._begun = self._next = 0

    @classmethod
    def over(cls, at_once: int, *, ordered: bool = True) -> InOrder:
        """For so many problems under way; without `ordered` records are handed on as they come."""
        return cls(max(LEAST_AHEAD, AHEAD * at_once) if ordered else None)

    @property
    def has_room(self) -> bool:
        """May another problem be begun?"""
        return self._most is None or self._begun - self._next < self._most

    @property
    def under_way(self) -> int:
        """Problems that are begun and whose record has not come."""
        return len(self._places)

    def admit(self, problems: Iterable[Problem | None]) -> Iterator[Problem | None]:
        """The problems, as far as the order lets them run ahead; None where one must wait."""
        for problem in problems:
            while not self.has_room:
                yield None
            if problem is not None:
                if problem.id in self._places:
                    raise UsageError(f"Two problems have the id {problem.id!r}.", "Give each an id of its own.")
                self._places[problem.id] = self._begun
                self._begun += 1
            yield problem

    def put(self, record: Record) -> Iterator[Record]:
        """A problem's record: yields it, and all that waited for it, as soon as it may be."""
        place = self._places.pop(record.id)
        if self._most is None:
            yield record
            return
        self._held[place] = record
        while self._next in self._held:
            self._next += 1
            yield self._held.pop(self._next - 1)

    def rest(self) -> Iterator[Record]:
        """What is held back, without the records that it waits for."""
        for place in sorted(self._held):
            yield self._held.pop(place)
