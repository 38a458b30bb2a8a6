r"""Reads a problem whose answer can be checked by putting it in: an expression's value, an equation's solution.

A text is understood only if one of the sentences below matches the whole of it and `expression` reads every
formula in it. One more word, one more condition, and it is not understood. Covers values and simplifications,
remainders, common divisors and multiples, percentages, equations, and linear systems; no inequalities, no stories
(but for prices that rise and fall), no functions f(x).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from tts_cli.answers.reading.expression import IMAGINARY, Apply, Expression, Name, NotUnderstood, Number, letters, nodes
from tts_cli.answers.reading.normalize import clean
from tts_cli.verification.strict import read_equation, read_expression

MAX_TEXT = 600
MAX_EQUATIONS = 4


@dataclass(frozen=True, slots=True)
class Value:
    """The answer equals `expression`, whatever its form. `percent`: it may be stated in percent or as a part of one."""

    expression: Expression
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Root:
    """The answer solves `left = right` for `unknown`; other letters are parameters, which it may contain.
    `narrowed`: the problem wants a particular solution (the smallest, a positive one), so that not all will do."""

    left: Expression
    right: Expression
    unknown: str
    narrowed: bool = False


@dataclass(frozen=True, slots=True)
class Consequence:
    """The answer is the value of `asked` where all equations hold."""

    equations: tuple[tuple[Expression, Expression], ...]
    asked: Expression


Statement = Value | Root | Consequence
Found = re.Match[str]

_DELIMITED = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]")
_TRAILING = re.compile(r"(?:\\[!,;: ]|[\s~])*([.,;:?]?)(?:\\[!,;: ]|[\s~])*$")
_DANGEROUS = re.compile(
    r"\\(?:vec|mathbf|boldsymbol|bm|mathop|mathcal|mathbb|overline|bar|underline|mathrm|operatorname|text)"
)
_FORM = re.compile(
    r" (?:Express|Write|Give|Enter|State) (?:your answer|the answer|the result|your result|your answers|all solutions"
    r"|all the solutions|the solutions)"
    r"(?:,? (?:as|in) (?:a|an|its)? ?(?:common |improper |exact |simplified |simplest |reduced |lowest |radical "
    r"|fractional |terminating )*(?:fraction|decimal|integer|form|terms|radicals))?(?:,? separated by commas)?\.$"
)
_AS = (
    r"(?:,? (?:expressed )?(?:as|in|to) (?:a |an |its )?(?:common |single |exact |simplified |simplest |reduced "
    r"|lowest |radical |terminating )*(?:fraction|decimal|integer|form|terms)"
    r"(?: in (?:lowest|simplest) (?:terms|form))?)?"
)
_SLOT = "(?:\ue000[^\ue000\ue001]*\ue001|[^\ue000\ue001]+?)"
_NUMBER = r"\ue000?(\d+(?:\.\d+)?)\ue001?"
_PERCENT = r"\ue000?(\d+(?:\.\d+)?) ?\\?%\ue001?"
_EQUATIONS = "(?P<q>.+?)"
_UNKNOWN = "(?:\ue000(?P<v>[A-Za-z])\ue001|(?P<w>[A-Za-z]))"
_ASKED = f"(?P<e>{_SLOT})"
_NARROW = (
    r"(?P<narrow>(?:(?:real|complex|positive|negative|nonnegative|non-negative|integer|rational|possible|distinct|only"
    r"|smallest|largest|least|greatest|unique|other|all|the) )*)"
)

_NOT_NARROW = frozenset(["the", "all", "possible", "distinct", "complex", "value", "of"])


def read(problem: str) -> Statement | None:
    """What the answer must satisfy; None where the text is not understood to its last word."""
    if len(problem) > MAX_TEXT or "\\$" in problem or _DANGEROUS.search(problem):
        return None
    text = _FORM.sub("", _marked(" ".join(problem.split())))
    for pattern, make in _SENTENCES:
        if found := pattern.fullmatch(text):
            try:
                return make(found)
            except (NotUnderstood, ZeroDivisionError):
                continue
    return None


def _marked(text: str) -> str:
    """With private marks around formulas, and the punctuation that ends a formula behind it."""

    def mark(found: Found) -> str:
        inner = next(group for group in found.groups() if group is not None)
        end = _TRAILING.search(inner)
        assert end is not None
        return f" \ue000{inner[: end.start()].strip()}\ue001{end.group(1)} "

    marked = " ".join(_DELIMITED.sub(mark, text.replace("\ue000", "").replace("\ue001", "")).split())
    return re.sub("\ue001 (?=[.,;:?])", "\ue001", marked)


def _formula(text: str) -> tuple[str, bool]:
    """(cleaned text, whether it is LaTeX) of a slot."""
    text = text.strip()
    marked = text.startswith("\ue000") and text.endswith("\ue001")
    inner = text[1:-1] if marked else text
    if "\ue000" in inner or "\ue001" in inner or "$" in inner or (not marked and inner.endswith("!")):
        raise NotUnderstood(text)
    return clean(inner), marked or "\\" in inner


def _expression(text: str) -> Expression:
    cleaned, latex = _formula(text)
    return read_expression(cleaned, latex=latex)


def _constant(text: str) -> Expression:
    value = _expression(text)
    if letters(value):
        raise NotUnderstood(text)
    return value


def _equations(text: str) -> tuple[tuple[Expression, Expression], ...]:
    pieces = re.split(r",? and |, ", text)
    if len(pieces) > MAX_EQUATIONS:
        raise NotUnderstood(text)
    return tuple(read_equation(cleaned, latex=latex) for cleaned, latex in map(_formula, pieces))


def _remainder(found: Found) -> Statement:
    return Value(Apply("mod", (_constant(found["e"]), _constant(found.groupdict().get("m", "10")))))


def _common(found: Found) -> Statement:
    name = "lcm" if found["name"].lower() in ("least common multiple", "lcm") else "gcd"
    numbers = re.split(r",? and |, ", found["numbers"].replace("\ue000", "").replace("\ue001", ""))
    if len(numbers) < 2 or not all(re.fullmatch(r"\d{1,15}", number) for number in numbers):
        raise NotUnderstood(found["numbers"])
    return Value(Apply(name, tuple(Number(Fraction(number)) for number in numbers)))


def _factor(verb: str, percent: str) -> Fraction:
    sign = 1 if verb.lower() in ("increase", "increased", "rises", "is increased") else -1
    return 1 + sign * Fraction(percent) / 100


def _changed(found: Found) -> Statement:
    value = Fraction(found["base"]) * _factor(found["verb"], found["percent"])
    if found.groupdict().get("then"):
        value *= _factor(found["then"], found["percent2"])
    return Value(Number(value))


def _before(found: Found) -> Statement:
    return Value(Number(Fraction(found["base"]) / _factor(found["verb"], found["percent"])))


def _what_percent(found: Found) -> Statement:
    return Value(Number(Fraction(found["part"]) / Fraction(found["base"]) * 100), percent=True)


def _root(found: Found, *, parameters: bool = False) -> Statement:
    """An equation and its unknown; `parameters`: other letters may occur, because it says what to solve for."""
    groups, equations = found.groupdict(), _equations(found["q"])
    left, right = equations[0]
    names = letters(left, right)
    unknown = groups.get("v") or groups.get("w") or min(names, default="")
    if (
        len(equations) > 1
        or unknown not in names
        or IMAGINARY in nodes(left, right)
        or (len(names) > 1 and not parameters)
    ):
        raise NotUnderstood(found.group())
    narrow = (groups.get("narrow") or "").lower().split()
    return Root(left, right, unknown, not _NOT_NARROW.issuperset(narrow))


def _consequence(found: Found) -> Statement:
    equations, asked = _equations(found["q"]), _expression(found["e"])
    sides = [side for equation in equations for side in equation]
    if IMAGINARY in nodes(asked, *sides) or not letters(asked) <= letters(*sides):
        raise NotUnderstood(found.group())
    if len(equations) == 1 and isinstance(asked, Name) and letters(*sides) == {asked.name}:
        return Root(*equations[0], asked.name)
    return Consequence(equations, asked)


_CALCULATE = (  # the longest first, so that no formula begins with a word of it
    "(?:Find the (?:exact )?value of|What is the (?:exact |integer )?value of|Determine the value of"
    "|(?:Evaluate|Simplify) the (?:following )?expression|(?:Evaluate|Simplify) the following"
    "|Evaluate|Compute|Calculate|Simplify|Find|Work out|Determine|Express|Write|Convert|What is|What's)"
)
_REWRITE = (
    "(?:Simplify the (?:following )?expression|Simplify the following|Expand the (?:following )?(?:expression|product)"
    "|Factor the (?:following )?expression|Expand and simplify|Simplify and expand|Simplify|Expand|Factor)"
)
_VALUE_OF = "(?:the )?(?:value of )?"
_SATISFY = "(?:(?:that|which) (?:satisfy|satisfies|solve|solves)|such that|so that|for which|if|to|of|in)"
_EQUATION = "(?:the )?(?:following )?(?:equation:? )?"
_COMMON = "(?P<name>greatest common divisor|greatest common factor|gcd|least common multiple|lcm)"
_CHANGE = r"(?P<verb>increased|decreased)"


def _sentences() -> Iterator[tuple[str, Callable[[Found], Statement]]]:
    yield rf"{_CALCULATE}:? {_ASKED}{_AS}[.?]?", lambda found: Value(_constant(found["e"]))
    yield rf"{_ASKED} = \?", lambda found: Value(_constant(found["e"]))
    yield (
        rf"{_REWRITE}(?: completely)?:? {_ASKED}(?: completely)?{_AS}\.?",
        lambda found: Value(_expression(found["e"])),
    )
    yield rf"Write (?:the expression )?{_ASKED} as a single fraction\.", lambda found: Value(_expression(found["e"]))
    remainder = "(?:What is|Find|Determine|Compute|Calculate) the remainder"
    yield rf"{remainder} (?:when|if) {_ASKED} is divided by (?P<m>{_SLOT})[.?]", _remainder
    yield rf"{remainder} of {_ASKED} (?:when )?divided by (?P<m>{_SLOT})[.?]", _remainder
    yield rf"(?:What is|Find|Determine) the (?:units|ones|last) digit of {_ASKED}[.?]", _remainder
    yield rf"(?:What is|Find|Compute|Determine) (?:the )?{_COMMON} of (?P<numbers>.+?)[.?]", _common
    part_of = "(?:What is|Find|Compute|Calculate)"
    yield (
        rf"{part_of} {_PERCENT} of {_NUMBER}[.?]",
        lambda found: Value(Number(Fraction(found[1]) / 100 * Fraction(found[2]))),
    )
    yield rf"What is {_named('base')} {_CHANGE} by {_percent()}\?", _changed
    yield rf"(?P<verb>Increase|Decrease) {_named('base')} by {_percent()}\.", _changed
    moves = "rises|falls|is increased|is decreased"
    yield (
        rf"A price of {_named('base')} dollars (?P<verb>{moves}) by {_percent()}"
        rf"(?: and then (?P<then>rises|falls) by {_percent('percent2')})?"
        r"\. What is the (?:new|final) price in dollars\?",
        _changed,
    )
    yield rf"A number {_CHANGE} by {_percent()} is {_named('base')}\. What is the number\?", _before
    yield rf"{_named('part')} is what percent of {_named('base')}\?", _what_percent
    yield rf"What percent of {_named('base')} is {_named('part')}\?", _what_percent
    yield from _equation_sentences()


def _equation_sentences() -> Iterator[tuple[str, Callable[[Found], Statement]]]:
    solved_for = partial(_root, parameters=True)
    yield rf"Solve {_EQUATION}{_EQUATIONS} for {_UNKNOWN}(?: in terms of .{{1,3}})?\.", solved_for
    yield (
        rf"Solve (?:{_EQUATION})?for (?P<narrow>(?:the (?:positive|negative|real|smallest|largest|least|greatest) "
        rf"value of )?){_UNKNOWN}(?::| if| in| such that) {_EQUATIONS}\.?",
        solved_for,
    )
    yield rf"{_EQUATIONS}\. Solve for {_UNKNOWN}\.", solved_for
    yield rf"Solve:? {_EQUATION}{_EQUATIONS}\.?", _root
    yield (
        rf"(?:Find|What (?:is|are)) {_NARROW}(?:solutions?|roots?|zeros?) (?:{_SATISFY}) {_EQUATION}{_EQUATIONS}[.?]?",
        _root,
    )
    yield (
        rf"Find {_NARROW}(?:values? (?:of|for) )?{_UNKNOWN},? (?:{_SATISFY}|when|given that) "
        rf"{_EQUATION}{_EQUATIONS}[.?]?",
        _root,
    )
    yield (
        rf"(?:What|Which) {_NARROW}(?:values? (?:of|for) )?{_UNKNOWN} (?:satisf(?:y|ies)|makes?|solves?) "
        rf"{_EQUATION}{_EQUATIONS}(?: true)?\?",
        _root,
    )
    yield (
        rf"(?:What|Which) (?:is|are) {_NARROW}(?:values? (?:of|for) )?{_UNKNOWN} (?:{_SATISFY}|when|given that) "
        rf"{_EQUATION}{_EQUATIONS}\?",
        _root,
    )
    yield (
        rf"For (?:what|which) {_NARROW}(?:values? of )?{_UNKNOWN} (?:is|does|is it true that) "
        rf"{_EQUATIONS}(?: true)?\?",
        _root,
    )
    ask = (
        f"(?:(?:then )?(?:what is|what are|find|compute|determine|evaluate)|(?:then )?solve for) {_NARROW}"
        "(?:values? of |values? for )?"
    )
    yield rf"(?:If|Given that|Given|Suppose that|Suppose) {_EQUATIONS},? {ask}{_UNKNOWN}(?: equal to)?[.?]", _root
    yield (
        rf"(?:If|Given that|Given) {_EQUATIONS},? (?:then )?(?:what is|find|compute|determine|evaluate) "
        rf"{_VALUE_OF}{_ASKED}[.?]",
        _consequence,
    )


def _named(name: str) -> str:
    return _NUMBER.replace("(", f"(?P<{name}>", 1)


def _percent(name: str = "percent") -> str:
    return _PERCENT.replace("(", f"(?P<{name}>", 1)


_SENTENCES = [(re.compile(pattern, re.IGNORECASE), make) for pattern, make in _sentences()]
