"""What both readers of expressions are built on: a place in a text that moves over its characters.

`parse` and `verification.expression` disagree on what the characters mean, so each has a grammar of its own.
"""

from __future__ import annotations

import re

INTEGER = re.compile(r"\d+")
MIXED = re.compile(r"\s*\\frac\s*(?:\{\s*(\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))|\s+(\d+)\s*/\s*(\d+)(?![\d.])")
"""The fraction of a mixed number, after its whole part."""
CLOSERS = {"(": ")", "[": "]", "{": "}"}


class NotUnderstood(Exception):
    """The text is not an expression of the kind that its reader takes."""


class Cursor:
    """Where a recursive descent is: at which character, and how deep."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def fail(self) -> NotUnderstood:
        return NotUnderstood(self.text)

    def peek(self) -> str:
        """The next character that is not a space; "" at the end."""
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1
        return self.text[self.at : self.at + 1]

    def take(self, char: str) -> bool:
        if self.peek() != char:
            return False
        self.at += 1
        return True

    def expect(self, char: str) -> None:
        if not self.take(char):
            raise self.fail()

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        if found := pattern.match(self.text, self.at):
            self.at = found.end()
        return found
