"""What compute costs, and how numbers of that size are written. The one place where tokens become FLOPs."""

from __future__ import annotations


def flops(parameters: int, tokens: float) -> float:
    """2 x parameters x tokens: one multiplication and one addition for each weight and token (paper, section 4.1).

    >>> flops(1_500_000_000, 10)
    30000000000.0
    """
    return 2.0 * parameters * tokens


def human(number: float, *, billion: str = "G") -> str:
    """Three digits and a prefix. Model sizes are named with `billion="B"`.

    >>> human(933), human(12_340), human(6.1e9), human(1_540_000_000, billion="B")
    ('933', '12.3k', '6.1G', '1.54B')
    """
    for least, size, letter in _PREFIXES:
        if number >= least:
            return f"{number / size:.3g}{billion if letter == 'G' else letter}"
    return f"{number:.0f}"


# From 10,000 on thousands are shortened: 1,234 tokens are as short written out.
_PREFIXES = (
    (1e18, 1e18, "E"),
    (1e15, 1e15, "P"),
    (1e12, 1e12, "T"),
    (1e9, 1e9, "G"),
    (1e6, 1e6, "M"),
    (1e4, 1e3, "k"),
)


def seconds(value: float) -> str:
    """A duration.

    >>> seconds(1.84), seconds(75)
    ('1.8 s', '1 min 15 s')
    """
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(int(value), 60)
    return f"{minutes} min {rest:02d} s"
