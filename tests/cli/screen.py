"""A terminal of a few lines of code: what is on the screen after some output, and whether it ever scrolled."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b.|[\r\n]|[^\x1b\r\n]+")


class Screen:
    """Understands what Rich sends: text, newlines, cursor up, erasing lines, colours and the cursor's visibility."""

    def __init__(self, columns: int, rows: int, output: str) -> None:
        self.columns, self.rows = columns, rows
        self.lines = [""]
        self.row = 0
        self.scrolled = 0
        self.cursor_visible = True
        for match in TOKEN.finditer(output):
            self._take(match)

    def _take(self, match: re.Match[str]) -> None:
        token, arguments, letter = match[0], match[1], match[2]
        if letter == "A":
            self.row = max(self.row - int(arguments or 1), 0)
        elif letter == "K":
            self.lines[self.row] = ""
        elif letter in ("h", "l") and arguments == "?25":
            self.cursor_visible = letter == "h"
        elif letter == "m":
            return
        elif letter is not None:
            raise AssertionError(f"unexpected control sequence {token!r}")
        elif token == "\n":
            self._newline()
        elif token != "\r":
            self.lines[self.row] += token
            assert len(self.lines[self.row]) <= self.columns, f"a line is too wide: {self.lines[self.row]!r}"

    def _newline(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")
        if self.row == self.rows:
            self.lines.pop(0)
            self.row -= 1
            self.scrolled += 1

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).strip("\n")
