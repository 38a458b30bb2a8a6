r"""Reads an expression or an equation for the verifier: what rests on a convention raises NotUnderstood.

`answers.parse` reads what a person most likely meant, which is right for comparing answers. Here a wrong reading would
drop right answers, so `f(x)`, `\log x`, `2^10` in LaTeX, `\sin 30`, `e` and words are no expressions at all.
"""

from __future__ import annotations

from tts_cli.answers.reading.expression import Expression, NotUnderstood
from tts_cli.answers.reading.parse import parse

MAX_LENGTH = 300
_IN_LATEX_ONLY = {"letters in a row"}  # elsewhere they are a word
_TYPED_ONLY = {"x^10"}  # in LaTeX it is x^1 0


def read_expression(text: str, *, latex: bool, mixed_is_product: bool | None = None) -> Expression:
    r"""The expression. Raises NotUnderstood. `mixed_is_product`: which reading of `2\frac{1}{3}` is wanted; None: that
    it has two is not accepted."""
    if len(text) > MAX_LENGTH:
        raise NotUnderstood(text[:50])
    parsed = parse(text.strip(), mixed_is_product=bool(mixed_is_product))
    doubts = parsed.doubts - (_IN_LATEX_ONLY if latex else _TYPED_ONLY)
    if doubts - (set() if mixed_is_product is None else {"mixed number"}):
        raise NotUnderstood(text)
    return parsed.expression


def read_equation(text: str, *, latex: bool) -> tuple[Expression, Expression]:
    """Both sides of the only `=`. Raises NotUnderstood."""
    sides = text.split("=")
    if len(sides) != 2:
        raise NotUnderstood(text)
    return read_expression(sides[0], latex=latex), read_expression(sides[1], latex=latex)
