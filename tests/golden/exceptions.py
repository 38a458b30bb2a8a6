"""Differences from the old output that are meant, by name.

Each is applied to the text of the OLD record of the cases that it names, before old and new are compared. One that
changes no record is of no use any more, which `test_golden.py` tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Meant:
    """`cases`: a regular expression that the whole name of a case matches; `old` and `new`: as `re.sub` takes them."""

    cases: str
    old: str
    new: str
    reason: str


EXCEPTIONS = (
    Meant(
        cases=r"(auto|trace|batch|eval)-.*",
        old=r"as Draw\(samples=(\d+)\) samples make it seem; N = \d+",
        new=r"as \1 samples make it seem",
        reason="the sentence showed a data class instead of the number in it, and said the budget twice",
    ),
    Meant(
        cases=r"trace-table",
        old=r"as\n  Draw\(samples=(\d+)\) samples make it seem; N = \d+",
        new=r"as \1 samples\n  make it seem",
        reason="the same sentence where `tts explain` breaks it into lines",
    ),
    Meant(
        cases=r".*",
        old=r"tts/told-about-nano",
        new=r"tts/nano-introduced",
        reason="the file that remembers the note on nano was named by a retired word",
    ),
    Meant(
        cases=r"doctor-.*",
        old=r"tells how to get one",
        new=r"says how to get one",
        reason="a retired word",
    ),
    Meant(
        cases=r"(trace|show)-.*",
        old="cannot be told: ",
        new="cannot be said: ",
        reason="plain English in `tts explain`",
    ),
    Meant(
        cases="show-record",
        old="(How large the models are|which samples came first) is not told",
        new=r"\1 is not known",
        reason="plain English in `tts explain` of a record",
    ),
    Meant(
        cases="help-(explain|terminal|tts)",
        old="Tell what a search spent where",
        new="Show what a search spent where",
        reason="plain English in the help of `tts explain`",
    ),
    Meant(
        cases="help-explain",
        old="a trace tells more",
        new="a trace shows more",
        reason="plain English in the help of `tts explain`, below",
    ),
    Meant(
        cases="help-calibrate",
        old=r"Some hundred problems of the kind that will be\n    asked later; fewer tell less",
        new=r"A few hundred problems of the kind that will be\n    asked later; fewer say less",
        reason="`some hundred` means about a hundred: a few hundred are meant",
    ),
    Meant(
        cases="calibrate-refused",
        old="Some hundred tell enough",
        new="A few hundred are enough",
        reason="the same where `tts calibrate` refuses too few problems",
    ),
)


def with_exceptions(case: str, text: str) -> str:
    """The text of an old record as it should be now."""
    for meant in EXCEPTIONS:
        if re.fullmatch(meant.cases, case):
            text = re.sub(meant.old, meant.new, text)
    return text
