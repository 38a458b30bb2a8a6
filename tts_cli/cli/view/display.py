"""A display on stderr that is drawn in place, between two decodes (`tick`), by the thread that decodes."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

SPEED_OVER = 10.0  # seconds


class Speed:
    """Tokens per second, as the mean over the last ten seconds."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def at(self, now: float, tokens: int) -> float | None:
        """With so many tokens in all at `now`; None before there are any."""
        self._marks.append((now, tokens))
        while now - self._marks[0][0] > SPEED_OVER and len(self._marks) > 2:
            self._marks.popleft()
        begin, before = self._marks[0]
        span = now - begin
        return (tokens - before) / span if span > 0 and tokens > before else None


class Display(ABC):
    """Context manager; what was drawn is wiped at the end. `draw` sets `next_frame`, in seconds of the clock."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.note = ""
        self.console, self.clock = console, clock
        self.next_frame = 0.0
        self.live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)

    def __enter__(self) -> Self:
        self.live.start()
        self.draw()
        return self

    def __exit__(self, *error: object) -> None:
        self.live.update(Text(""), refresh=False)
        self.live.stop()

    def tick(self) -> None:
        """Draw if it is time to."""
        if self.clock() >= self.next_frame:
            self.draw()

    @abstractmethod
    def draw(self) -> None:
        """One frame, now."""
