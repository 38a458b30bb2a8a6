"""Takes out of a text what no second run can repeat: clock times, today's date, temporary paths, version numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date

NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
RULES = [
    (re.compile(rf'("(?:\w+_)?seconds": ?){NUMBER}'), r"\g<1>0"),
    (re.compile(r"(FLOP, )(?:\d+ min \d+ s|\d+\.\d s)"), r"\1<time>"),
    (re.compile(r"(loads and runs in )\d+\.\d s"), r"\1<time>"),
    (re.compile(r'("tts": ?")\d[^"]*'), r"\1<version>"),
    (re.compile(r"^(tts: ).+$", re.MULTILINE), r"\1<version>"),
    (re.compile(r"^tts \d\S*, llama-cpp-python \S+$", re.MULTILINE), "tts <version>, llama-cpp-python <version>"),
]
# In the timing of an evaluation: seconds by level and by subject, a plain number each.
SECONDS_BY = re.compile(rf'"by_(?:level|subject)": \{{(?:"[^"{{}}]*": {NUMBER}(?:, )?)+\}}')
SECONDS_CELLS = re.compile(r"\s+[\d.e+-]+\s+(?:[\d.e+-]+|-)$")
# What `tts doctor` says of the machine. The names of its checks, and whether all is well, stay.
OF_THE_MACHINE = "tts|llama.cpp|CPU|threads|GPU|memory"
TEXT = r'(?:[^"\\]|\\.)*'
DOCTOR_JSON = re.compile(rf'("name": "(?:{OF_THE_MACHINE})", "status": "\w+", "detail": "){TEXT}", "fix": "{TEXT}')
LOAD_JSON = re.compile(rf'{{"name": "load", "status": "\w+", "detail": "{TEXT}", "fix": "{TEXT}"}}, ')
LOAD_PLAIN = re.compile(r"^(?:ok|warn) +load +.+\n(?: +fix: .+\n)?", re.MULTILINE)
DOCTOR_PLAIN = re.compile(rf"^((?:ok|warn|fail) +(?:{OF_THE_MACHINE}) +).+$", re.MULTILINE)


def normalised(text: str, places: Mapping[str, str], days: Iterable[date]) -> str:
    """`places`: paths and what stands for them; `days`: those on which the commands ran."""
    for path, name in places.items():
        text = text.replace(path, name)
    for day in days:
        text = text.replace(day.isoformat(), "<today>")
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    text = SECONDS_BY.sub(lambda found: re.sub(rf": {NUMBER}", ": 0", found[0]), text)
    text = without_load(text)
    for pattern in (DOCTOR_JSON, DOCTOR_PLAIN):
        text = pattern.sub(r"\1<machine>", text)
    return visible(without_seconds(text))


def without_load(text: str) -> str:
    """Without what `tts doctor` says of other programs: a warning in one run, and none in the next."""
    text, found = LOAD_PLAIN.subn("", LOAD_JSON.sub("", text))
    wide = found and not re.search(r"^(?:warn|fail) ", text, re.MULTILINE)  # a column for "warn", which went
    return re.sub(r"^ok {4}", "ok  ", text, flags=re.MULTILINE) if wide else text


def without_seconds(text: str) -> str:
    """The tables of an evaluation without their last two columns, whose width too depends on the clock."""
    lines, cut = [], 0
    for line in text.split("\n"):
        cut = line.index("seconds") if line.startswith("method") and "  seconds" in line else cut
        cut = cut if line.strip() else 0
        timed = bool(cut) and (line[cut:].startswith("seconds") or SECONDS_CELLS.fullmatch(line[cut - 2 :]))
        lines.append(f"{line[:cut]}<seconds>" if timed else line)
    return "\n".join(lines)


def visible(text: str) -> str:
    """Control characters as escapes, so that a record is a text that any tool shows."""
    return "".join(char if char == "\n" or char.isprintable() else ascii(char)[1:-1] for char in text)
