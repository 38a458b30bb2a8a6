"""Text in a given number of lines of a given number of cells; what is left out shows as an ellipsis."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len, chop_cells

from tts_cli.cli.view import parts

ELLIPSIS = "…"
FEW = 3  # lines in which paragraphs are not kept apart
PARAGRAPHS = 3  # that may be of any interest there
_LONG_WORD = 16
_HALF_A_FORMULA = re.compile(r"\\(?:[\[\]()]|$)")  # marks that have no counterpart yet


@lru_cache(maxsize=4096)  # the live tree shows the same steps in every frame
def wrapped(text: str, width: int) -> tuple[str, ...]:
    """What a model wrote, made readable: its own lines without the blank ones, each folded at words."""
    lines = (line for line in _readable(text).splitlines() if line.strip())
    return tuple(piece for line in lines for piece in _fold(line, max(width, 1)))


def _readable(text: str) -> str:
    return _HALF_A_FORMULA.sub("", parts.shown(text))


@lru_cache(maxsize=4096)
def _flowing(text: str) -> str:
    return " ".join(_readable(text).split())


def head(text: str, width: int, most: int) -> list[str]:
    """Its beginning, in at most so many lines."""
    lines = list(wrapped(text, width))
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], parts.cut(lines[most - 1], width - 1) + ELLIPSIS] if most > 0 else []


def tail(texts: Sequence[str], width: int, most: int) -> list[str]:
    """The end of several paragraphs, in at most so many lines. They break where they always did, so that a text which
    is being written scrolls; a single line slides. In few lines the paragraphs follow each other without a break."""
    lines: list[str] = []
    if most <= FEW:
        lines = _fold(" ".join(_flowing(text) for text in texts[-PARAGRAPHS:]), max(width, 1))
    else:
        for text in reversed(texts):
            if len(lines) > most:
                break
            lines[:0] = wrapped(text, width)
    if len(lines) <= most and (most > FEW or len(texts) <= PARAGRAPHS):
        return lines
    if most == 1:
        return [ELLIPSIS + _end(" ".join(lines[-2:]), width - 1)]
    lines = lines[-most:] if most > 0 else []
    return [ELLIPSIS + _end(lines[0], width - 1), *lines[1:]] if lines else []


def shares(wanted: Sequence[int], room: int, begin: Sequence[int] = ()) -> list[int]:
    """How many lines each gets: one at least (or as in `begin`), then one more in turn, up to what it wants."""
    got = list(begin or (min(want, 1) for want in wanted))
    left = room - sum(got)
    while left > 0 and got != list(wanted):
        for place, want in enumerate(wanted):
            if left > 0 and got[place] < want:
                got[place] += 1
                left -= 1
    return got


def _end(line: str, width: int) -> str:
    """As much of its end as fits, in whole words where these are not long."""
    before = line
    while cell_len(line) > width:
        line = line[max(1, (cell_len(line) - width) // 2) :]
    _, space, rest = line.partition(" ")
    return rest if line != before and space and len(rest) > len(line) - _LONG_WORD else line


def _fold(line: str, width: int) -> list[str]:
    lines, now, used = [], "", 0
    for word in line.split():
        size = cell_len(word)
        if now and used + 1 + size <= width:
            now, used = f"{now} {word}", used + 1 + size
            continue
        if now:
            lines.append(now)
        *whole, now = chop_cells(word, width) if size > width else [word]
        lines += whole
        used = cell_len(now)
    return [*lines, now] if now else lines
