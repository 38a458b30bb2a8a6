"""Words beside numbers, by what they may do to the arithmetic that a step states: `equality_sides`."""

from __future__ import annotations

from tts_cli.answers.reading.language import NUMBER_WORDS

_PARTS_WORDS = """
    half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh eighth eighths ninth
    tenth tenths hundredth hundredths thousandth thousandths twice thrice double doubled doubles doubling triple tripled
    triples quadruple times plus minus less more fewer than percent percents dozen dozens hundred thousand million
    billion squared cubed root ratio log ln sin cos tan mod modulo choose remainder difference quotient
"""
_OTHER_WORDS = """
    time's subtract subtracting subtracted add added divide dividing divided multiply multiplying multiplied multiplies
    by over remain r square squaring cube percentage hundreds thousands millions billions pair pairs couple per of from
    to factorial average mean median power base and or first second last off
"""
_PREPOSITIONS = "by over per of from and base average mean median"
_OPERATING_WORDS = "times plus minus divided multiplied over and or to percent squared cubed remainder less"
_JOINING_WORDS = """
    is are was were be has have had so then thus makes make made equals equal get gets got we he she they you because
    hence therefore now find spends spent pays paid costs cost earns earned sold sells or
"""
_LABELLED_WORDS = "step case day part problem question week year month room level figure example option way"
_SUM_WORDS = (
    "total sum cost price profit amount number length value distance product speed rate bill balance budget area weight"
)

SCALING = frozenset(_PARTS_WORDS.split())
"""They may change what stands anywhere behind them in their clause."""
ARITHMETIC = SCALING | set(_OTHER_WORDS.split()) | set(NUMBER_WORDS)
"""They may change a number right before them, and are no units."""
RIGHT_BEFORE = frozenset(_PREPOSITIONS.split()) | set(NUMBER_WORDS)
"""They may change what stands right behind them."""
OPERATING = frozenset(_OPERATING_WORDS.split())
"""They may change a number with its unit before them."""
BETWEEN = frozenset(["to", "and", "or", "by", "over", "from", "per"])
"""They change the number before them only where another number follows."""
JOINING = frozenset(_JOINING_WORDS.split())
"""A new statement begins behind them."""
LABELLED = frozenset(_LABELLED_WORDS.split())
"""Their number is a name: Day 1 = 5 + 3."""
SUMS = frozenset(_SUM_WORDS.split())
"""What may be "of" an expression without changing it."""
ABOUT = frozenset(["about", "approximately", "roughly"])
LEADING = ABOUT | {"only", "exactly", "a", "total", "of"}
"""They may stand between the sign and the right side."""
