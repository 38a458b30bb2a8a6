"""One line on stderr while a file comes: how much, how fast, how long still.

312/639 MB  41.2 MB/s  8.0 s left
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from tts_cli.cli.view import parts
from tts_cli.cli.view.display import Display, Speed
from tts_cli.costs import seconds

FRAME_SECONDS = 0.2


class DownloadLine(Display):
    """`total` in bytes. What was there before this program began does not count as speed."""

    def __init__(self, console: Console, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console, clock)
        self.total, self.done = total, 0
        self._before: int | None = None
        self._speed = Speed()

    def arrived(self, done: int) -> None:
        """So many bytes are here now."""
        if self._before is None or done < self.done:
            self._before = done  # a file that was here, or one that is fetched anew
            self._speed = Speed()
        self.done = done
        self.tick()

    def draw(self) -> None:
        now = self.clock()
        self.next_frame = now + FRAME_SECONDS
        self.live.update(parts.fit(self.line(now), self.console.width - 1), refresh=True)

    def line(self, now: float) -> Text:
        """The line as it stands at `now`, in seconds of the clock."""
        line = Text(f"{self.done / 1e6:.0f}/{self.total / 1e6:.0f} MB", style="bold")
        speed = self._speed.at(now, self.done - (self._before or 0))
        if speed is not None:
            line.append(f"  {speed / 1e6:.1f} MB/s", style="dim")
            line.append(f"  {seconds((self.total - self.done) / speed)} left", style="dim")
        return line
