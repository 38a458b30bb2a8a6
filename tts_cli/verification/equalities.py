"""A stand-in for the calculator until that is merged: integers, one operation, in plain text."""

from __future__ import annotations

import operator
import re

from tts_cli.answers.false_equality import FalseEquality

_PLAIN = re.compile(
    r"(?:^|(?<=[a-z,:.] )|(?<=\n))(\d{1,9}) ?([-+*]) ?(\d{1,9}) ?= ?(\d{1,18})(?![\w/*^+-]|[.,]\d| ?[-+*/=])"
)
_OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def false_equality(step: str) -> FalseEquality | None:
    """The first false one of a step.

    >>> str(false_equality("so 20 + 80 = 110."))
    '20 + 80 = 110 is false: 100'
    """
    for found in _PLAIN.finditer(step):
        left, sign, right, stated = found.groups()
        value = _OPERATIONS[sign](int(left), int(right))
        if value != int(stated):
            sides = found[0].partition("=")
            return FalseEquality(found[0], sides[0].strip(), stated, str(value))
    return None
