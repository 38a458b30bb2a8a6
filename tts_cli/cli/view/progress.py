"""One line on stderr while many problems are worked on: how many are done, how they ended, tokens/s, time left.

    37/1000  34 answered  2 abstained  1 in error  812 tok/s  4 min left

Drawn a few times a second, on a terminal only.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from tts_cli.cli.view import parts
from tts_cli.cli.view.display import Display, Speed
from tts_cli.costs import human, seconds

FRAME_SECONDS = 0.2


class Progress(Display):
    """A line of counts.

    `total`: how many there are, None where that is not known yet; `done`: how many were finished before.
    `outcomes` names what can become of one, with its style, in the order in which the counts are shown.
    """

    def __init__(
        self,
        console: Console,
        outcomes: dict[str, str],
        *,
        total: int | None = None,
        done: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console, clock)
        self.total, self.done = total, done
        self.counts = dict.fromkeys(outcomes, 0)
        self._outcomes = outcomes
        self._began: float | None = None
        self._finished = 0  # since this program began: the time left is estimated from it
        self._tokens = 0
        self._speed = Speed()

    def finish(self, outcome: str | None = None) -> None:
        """One more is done, with this outcome."""
        self.done += 1
        self._finished += 1
        if outcome is not None:
            self.counts[outcome] += 1

    def spend(self, tokens: int) -> None:
        """So many more tokens were run."""
        self._tokens += tokens

    def say(self, text: str) -> None:
        """A line above this one, to stay."""
        self.console.print(text)

    def draw(self) -> None:
        now = self.clock()
        self.next_frame = now + FRAME_SECONDS
        self.live.update(parts.fit(self.line(now), self.console.width - 1), refresh=True)

    def line(self, now: float) -> Text:
        """The line as it stands at `now`, in seconds of the clock."""
        if self._began is None and self._tokens:
            self._began = now
        line = Text(f"{self.done}/{self.total}" if self.total is not None else str(self.done), style="bold")
        for name, style in self._outcomes.items():
            if self.counts[name]:
                line.append(f"  {self.counts[name]} {name}", style=style)
        if (speed := self._speed.at(now, self._tokens)) is not None:
            line.append(f"  {human(speed)} tok/s", style="dim")
        if (left := self._left(now)) is not None:
            line.append(f"  {seconds(left)} left", style="dim")
        if self.note:
            line.append(f"  {self.note}", style="bold yellow")
        return line

    def _left(self, now: float) -> float | None:
        if self.total is None or not self._finished or self._began is None or self.done >= self.total:
            return None
        return (now - self._began) / self._finished * (self.total - self.done)
