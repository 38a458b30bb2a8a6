r"""Values in prose: formulas, numbers and equations with what belongs to them, found without knowing what they mean.

`$1,234.50`, `x = 5 and x = -3`, `7 apples`, `\frac{1}{2}`. Every pattern is bounded, and nothing recurses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tts_cli.answers.finding.layout import FORMULA, one_line, without_dollars

_DIGITS = (
    r"(?>\d{1,3}(?:[,٬\u202f\u00a0]\d{3})+(?!\d)(?:[.٫]\d+)?|\d{1,3}(?:\.\d{3})+,\d+|\d+(?:[.,٫]\d+)?|\.\d+)"
    r"(?!(?:st|nd|rd|th)\b)"
)
_NUMBER = rf"(?:\\?[$€£¥₹]\s?)?{_DIGITS}(?:\s?\\?[%٪]|\s?°[CF]?)?"
_ALPHABETIC = "A-Za-zÀ-ɏΑ-Ωα-ωЀ-ӿ"  # letters of scripts that put spaces between words
_LETTER = rf"(?<![{_ALPHABETIC}])(?:[aAI](?!\s+[\w$\\])|[b-zB-HJ-ZΑ-Ωα-ω])(?![{_ALPHABETIC}'’])"
_FUNCTION = rf"(?<![{_ALPHABETIC}])(?:sqrt|pi|sin|cos|tan|log|ln|exp|infinity|mod)(?![{_ALPHABETIC}])"
_SIGN = r"[-−–+*/^_=<>≤≥≠≈±×÷·√∞∪∩∈(){}\[\]|!,:;′°%&²³¹⁰-⁹₀-₉¼-¾⅐-⅞]"
_ATOM = rf"(?:{FORMULA}|{_NUMBER}|\\[A-Za-z]+|\\[^A-Za-z\s]|{_FUNCTION}|{_LETTER}|{_SIGN})"
_JOIN = r"(?:(?:and|or|und|oder|et|ou|y|o|e|и|или)[ ]|[和或、][ ]?)"
_RUN = re.compile(rf"{_ATOM}(?>[^\S\n]{{0,3}}{_JOIN}?{_ATOM}){{0,80}}+", re.DOTALL)
_FORMULA = re.compile(FORMULA, re.DOTALL)
_LAST = re.compile(rf"(?<![A-Za-z_.\d])(?:(?<![\w)\]}}])[-−])?{_NUMBER}(?:/\d+)?(?![A-Za-z_]\b|\d)")

_IS_VALUE = re.compile(
    r"\d|[¼-¾⅐-⅞∞]|\\(?!q?quad|text|[,;:! ])[A-Za-z]+|[A-Za-zΑ-Ωα-ω]\s*[=^_/+*(]|\b(?:pi|infinity)\b"
)
_BEFORE = re.compile(r"(?:(?:and|or|und|oder|et|ou|и|или)\s|[\s,;:)\]}*/^=+&<>≤≥%!]|[-–−]\s)+")
_AFTER = re.compile(r"[\s,;:(\[{=+*/^_<>≤≥&|–-]+$")
_LIST = re.compile(r"\\q?quad|,(?!\d)|(?<!\d),|[;和或、]|\b(?:and|or|und|oder|et|ou|и|или)\b")
_TEXT_JOINT = re.compile(r"\\text\s?\{(\s*(?:and|or|und|oder|et|ou)\s*)\}")
_BRACKETED = re.compile(r"[(\[{][^()\[\]{}]*[)\]}]")
_RELATION = re.compile(r"[<>≤≥≠]|\\(?:lt|gt|leq?|geq?|neq?|in|equiv)(?![A-Za-z])|!=")
_EQUALS = re.compile(r"(?<![:=])&?=(?!=)")

_UNIT = re.compile(
    rf"\s?((?:(?:square|cubic|sq\.?)\s)?([{_ALPHABETIC}]{{1,20}})(?:(?:\s?/\s?|\sper\s)[{_ALPHABETIC}]{{1,20}})?)"
    rf"(?:(\s[{_ALPHABETIC}]{{1,19}}s)(?=[.!]?\s*$))?(?![{_ALPHABETIC}-])"
)
_COMPOUND = re.compile(r"(?:,?\s(?:and\s)?)")
_NO_UNIT = re.compile(
    r"left|remaining|more|total|altogether|in|of|at|to|for|by|and|or|than|times|after|because|when|as|on|from|with|if|is"
    r"|are|was|were|which|that|per|each|every|less|so|but|old|long|high|wide|away|out|up|down|would|will|can|the|an|have|has|since"
    r"|where|then|extraneous",
    re.IGNORECASE,
)

_CONCLUDES = re.compile(
    r"\b(?:is|are|was|were|be|been|equals?|has|have|had|costs?|gives?|gave|totals?|makes?|remains?|leaves?|becomes?|est|sont"
    r"|ist|sind|beträgt|es|son|é|são|è|sono|ha|tiene|равно|равен|равна|составляет|है|total of)\b"
    r"|[:：=≈]\s*$|等于|為|为|是|有|共|剩下?|還剩|还剩",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\b(?:an?|the|of|in|on|at|by|for|from|with|to|than|per|after|before|around|over|under|between|and|or|but|if|since"
    r"|because|as|when|while|every|all|both|step|problem|example|part|case|question|equation|day|week|chapter|page|de|(?<!\bis\s)(?<!\bare\s)about)\s*$",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"\b(?:(?P<reason>because|since|which|where|if|given)|after|before|when|while|until|for|by|from|with|than|compared|instead"
    r"|rather)\b(?:[^,;:=]|,(?!\s)){0,300}?(?=,\s|[;:=]|\s(?:so|then|is|are|was|were|has|have|had|will|would)\s|$)",
    re.IGNORECASE,
)
_RESULT = re.compile(r",?\s(?:so|therefore|thus|hence)\s(?!that)", re.IGNORECASE)
_OPENS = re.compile(
    r"\W{0,4}(?:so|thus|therefore|hence|finally|in total|altogether|in all|total|donc|also|así|daher|итак)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ProseValue:
    """A value and where it stands; `strength`: 3 after a concluding verb or `=`, 2 after another word, else 1."""

    text: str
    start: int
    end: int
    strength: int = 0
    unit: str = ""


def value_at_start(text: str) -> ProseValue | None:
    """The value that a text begins with, without its unit."""
    run = _RUN.match(text)
    return _value(run, run.group()) if run else None


def values_in(sentence: str) -> list[ProseValue]:
    """Every value of a sentence, with its unit, and how plainly the sentence concludes with it."""
    asides = list(_ASIDE.finditer(sentence))
    result = max((found.end() for found in _RESULT.finditer(sentence)), default=len(sentence))
    values: list[ProseValue] = []
    at = 0
    for run in _RUN.finditer(sentence):
        if (value := _value(run, run.group())) is None:
            continue
        before, at = sentence[at : value.start], run.end()
        strength = _strength(before, "=" in run.group(), _aside(value, asides))
        strength = 3 if strength == 2 and value.start >= result else strength
        unit = unit_after(sentence[value.end :])
        text, end = one_line(result_of(value.text) + unit), value.end + len(unit)
        joint = sentence[values[-1].end : value.start] if values and unit and values[-1].unit else ""
        if "=" not in run.group() and _COMPOUND.fullmatch(joint):  # 2 hours and 30 minutes
            last = values.pop()
            text, strength = f"{last.text}{joint}{text}", max(last.strength, strength)
            value = last
        values.append(ProseValue(text, value.start, end, strength, unit))
    if len(values) == 1 and values[0].strength == 1 and (values[0].start == 0 or _OPENS.match(sentence)):
        only = values[0]
        return [replace(only, strength=2)]
    return values


def result_of(text: str, *, of_names: bool = True) -> str:
    """The right side of a single equation or chain; lists and relations whole. `of_names=False`: only `3 + 4 = 7`."""
    outer = _TEXT_JOINT.sub(lambda found: f" {found.group(1)} ".center(len(found.group())), text)
    for _ in range(4):
        outer = _BRACKETED.sub(lambda found: "_" * len(found.group()), outer)
    equals = list(_EQUALS.finditer(outer))
    if len(equals) == 1 and (joints := list(_LIST.finditer(outer[: equals[0].start()]))):
        text, outer = text[joints[-1].end() :], outer[joints[-1].end() :]  # 8, 12 - 8 = 4
        equals = list(_EQUALS.finditer(outer))
    if not equals or _LIST.search(outer) or _RELATION.search(outer):
        return text
    left, right = text[: equals[0].start()].strip(), text[equals[-1].end() :].strip(" &").removesuffix("\\\\")
    if of_names and len(equals) == 1 and right.isalpha() and len(right) == 1 and re.search(r"\d", left):
        return left  # 20 = A
    if not right or not (of_names or (re.search(r"\d", left) and not re.search(r"(?<!\\)\b[A-Za-z]", left))):
        return text
    return right


def unit_after(text: str) -> str:
    """The unit, or the noun that is counted, that a text begins with, with a space before it; else nothing."""
    unit = _UNIT.match(text)
    if unit is None or _NO_UNIT.fullmatch(unit.group(2)):
        return ""
    second = unit.group(3) or ""
    return f" {unit.group(1)}{second}"


def last_number_in(text: str) -> str | None:
    """The last number of a text in any script, with its currency or percent sign."""
    numbers = _LAST.findall(text)
    return one_line(numbers[-1]) if numbers else None


def _strength(before: str, has_equals: bool, aside: re.Match[str] | None) -> int:
    if has_equals:
        return 2 if aside and aside.group("reason") else 3
    if aside:
        return 1
    concludes = _CONCLUDES.search(before)
    if _WEAK.search(before) and not before.rstrip().lower().endswith("total of"):
        return 1
    return 3 if concludes else 2 if before.strip() else 1


def _aside(value: ProseValue, asides: list[re.Match[str]]) -> re.Match[str] | None:
    """The subordinate phrase that the value stands in."""
    return next((aside for aside in asides if aside.start() <= value.start < aside.end()), None)


def _value(run: re.Match[str], text: str) -> ProseValue | None:
    """The run without stray signs around it, if it is a value at all."""
    start = before.end() if (before := _BEFORE.match(text)) else 0
    text = text[start:]
    after = _AFTER.search(text)
    text = text[: after.start()] if after else text
    if text.endswith("!") and not run.string[run.end() : run.end() + 1].strip() and len(text) > 1 and not after:
        text = text[:-1]  # an exclamation
    while text[-1:] in tuple(")]}") and sum(map(text.count, ")]}")) > sum(map(text.count, "([{")):
        text = text[:-1].rstrip()
    if text[:1] in ("(", "[") and sum(map(text.count, "([{")) > sum(map(text.count, ")]}")):
        start, text = start + 1, text[1:]
    if not (_IS_VALUE.search(text) or _FORMULA.search(text)):
        return None
    return ProseValue(one_line(without_dollars(text)), run.start() + start, run.start() + start + len(text))
