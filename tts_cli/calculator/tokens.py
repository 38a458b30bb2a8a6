r"""The tokens of a step, LaTeX or plain, as the calculator reads them: `equalities`.

Nothing is worked out here and nothing is dropped in silence: what has no place in arithmetic becomes a token of its
own, "unread", and ends whatever stands beside it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from tts_cli.answers.reading.units import split_unit

Kind = Literal["number", "operator", "open", "close", "command", "postfix", "%", "word", "unread", "end", "=", "≈", "<"]
"""command: takes arguments, as \\frac does; postfix: ! and raised digits; end: of a clause or of a line; <: any other
relation than equality."""


class Token(NamedTuple):
    """`text`: as it is given to the reader of expressions; `start`, `end`: where it stands in the step."""

    kind: Kind
    text: str
    start: int
    end: int


MAX_TOKENS = 3_000
WORDS = re.compile(r"[^\W\d_]+")
"""The single words of a token of that kind."""

_TOKEN = re.compile(
    r"""
      (?P<line>\n|\\\\(?:\[\d+[a-z]+\])?|\\[\[\]]|\$\$|\\(?:begin|end)\s*\{(?:align|gather|equation|split|aligned|eqnarray|multline)\*?\})
    | (?P<skip>[^\S\n]+|\\?[$€£¥₹]|\\[,;:!()\ ]|[~&]|\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])
        |(?<![0-9])\\(?:boxed|fbox|displaystyle|textstyle|mathbf|limits)(?![A-Za-z]))
    | (?P<word>\\(?:text(?:bf|rm|it|sf)?|mbox|mathrm|hbox|operatorname)\s*\{[^{}\d=]*\}|\^\s*\{?\s*\\circ\s*\}?|[°¢′″])
    | (?P<number>[0-9]{1,3}(?:(?:,|\{,\}|\\,|,\\!|\\!)[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    | (?P<letters>[^\W\d_]+(?:['’][^\W\d_]+)?)
    | (?P<command>\\[A-Za-z]+)
    | (?P<unread>\.\.+|…|(?<=\d)[:,](?=\d)|(?<=\d)\.(?=\()|[ ]:[ ]|[_|@\#"]|\\[{}|])
    | (?P<unclear>(?<=[0-9)}])!=)
    | (?P<arrow>=>|⇒|→|⟹|-{1,3}>)
    | (?P<other>==+|!=|<=|>=|:=|=<|[<>≤≥≠≡≟∈])
    | (?P<relation>=|[≈≃≅])
    | (?P<operator>\*\*|[-+*/^−–×⋅·∙∗÷⁄∕])
    | (?P<percent>\\?%)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
    | (?P<mark>[.,;:?!—])
    | (?P<rest>.)
    """,
    re.VERBOSE,
)
_DISPLAYED = re.compile(r"(?s)\\\[.{1,1000}?\\\]|\\begin\s*\{.{1,1000}?\\end\s*\{")
_BOLD = re.compile(r"(?<!\S)\*\*(?=\S)([^*\n]*)(?<=\S)\*\*(?!\w)")
_ITEM = re.compile(r"(?m)^[ \t]*(?:(?:[*•]|-(?=[ \t]+[^\s\d$\\(.])|\d{1,2}[.)]|\([a-z\d]\))[ \t]+|Step \d+[:.)])")
"""What begins an item of a list: no minus and no number of the arithmetic."""
_ARGUED = {"frac": r"\frac", "dfrac": r"\frac", "tfrac": r"\frac", "cfrac": r"\frac", "sqrt": r"\sqrt",
           "binom": r"\binom", "dbinom": r"\binom", "tbinom": r"\binom"}  # fmt: skip
_OPERATORS = {"times": "*", "cdot": "*", "div": "÷", "−": "-", "–": "-", "×": "*", "⋅": "*", "·": "*",
              "∙": "*", "∗": "*", "**": "^", "⁄": "/", "∕": "/"}  # fmt: skip
_ABOUT = frozenset(["approx", "simeq", "thickapprox", "cong"])
_UNEQUAL_COMMANDS = "le leq leqslant ge geq geqslant lt gt ne neq equiv in sim propto mod pmod bmod"
_END_COMMANDS = "implies Rightarrow rightarrow Longrightarrow longrightarrow to therefore because quad qquad"
_TWO_LETTERS = "is so he we it of in to on at by as or an am be do go my up us no if me mr ms dr oz hr vs sq"
_UNEQUAL = frozenset(_UNEQUAL_COMMANDS.split())
_ENDS = frozenset(_END_COMMANDS.split())
_SHORT_WORDS = frozenset(_TWO_LETTERS.split())
_KINDS: dict[str, Kind] = {"open": "open", "close": "close", "percent": "%", "raised": "postfix", "other": "<",
                           "line": "end", "arrow": "end"}  # fmt: skip
_NOT_DIGITS = re.compile(r"[^0-9.]")


def tokens(step: str) -> list[Token]:
    """The tokens of a step, an "end" behind the last; that alone where there are too many."""
    step = _ITEM.sub(_blank, step)
    if "\n" in step and "\\" in step:
        step = _DISPLAYED.sub(lambda formula: formula[0].replace("\n", " "), step)
    if "**" in step:
        step = _BOLD.sub(lambda bold: f"  {bold[1]}  ", step)
    found: list[Token] = []
    for match in _TOKEN.finditer(step):
        if match.lastgroup != "skip":
            kind, text = _classified(match, step)
            found.append(Token(kind, text, match.start(), match.end()))
        if len(found) == MAX_TOKENS:
            return [Token("end", "", 0, 0)]
    found.append(Token("end", "", len(step), len(step)))
    return _with_times(found, step)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found.group())


def _classified(match: re.Match[str], step: str) -> tuple[Kind, str]:
    """Kind and text of a token, by the group of the pattern that it matched."""
    text = match.group()
    match match.lastgroup:
        case "number":
            return "number", text if text.isdigit() else _NOT_DIGITS.sub("", text)
        case "operator":
            return "operator", _OPERATORS.get(text, text)
        case "relation":
            return ("=", "=") if text[0] == "=" else ("≈", "≈")
        case "letters":
            return _of_letters(text, step, match.start(), match.end()), text
        case "command":
            return _of_command(text[1:])
        case "word":
            return "word", text.partition("{")[2].strip("{} ") or text
        case "mark":
            return ("postfix" if text == "!" and _follows_value(step, match.start()) else "end"), text
    if match.lastgroup == "line":
        text = "\n" if text[0] == "\n" or text[:2] == "\\\\" else ";"
    return _KINDS.get(match.lastgroup or "", "unread"), text


def _follows_value(step: str, at: int) -> bool:
    return at > 0 and (step[at - 1].isdigit() or step[at - 1] in ")}")


def _of_command(name: str) -> tuple[Kind, str]:
    if name in _ARGUED:
        return "command", _ARGUED[name]
    if name in _OPERATORS:
        return "operator", _OPERATORS[name]
    if name in _ABOUT:
        return "≈", "≈"
    if name in _UNEQUAL:
        return "<", name
    return ("end", ";") if name in _ENDS else ("unread", name)


def _of_letters(text: str, step: str, start: int, end: int) -> Kind:
    """Whether letters are a word (or a unit), a command typed without its backslash, or variables."""
    before, after = step[start - 1 : start], step[end : end + 1]
    if text == "sqrt" and after == "(":
        return "command"
    if after.isdigit() or after in ("_", "(", "[", "{"):
        return "unread"
    if before.isdigit() or before in (")", "}", "_"):
        return "word" if len(text) > 1 and is_unit(text) else "unread"
    if len(text) == 1:
        return "word" if text in "aAI" and before.strip() == after.strip() == "" else "unread"
    lower = text.lower()
    if len(text) == 2:
        return "word" if lower in _SHORT_WORDS or is_unit(text) else "unread"
    return "unread" if text.isupper() and len(text) < 5 and text not in ("USD", "THE") else "word"


@lru_cache(maxsize=1_024)
def is_unit(word: str) -> bool:
    """Whether a word names a unit of known size: km, minutes, dollars."""
    return split_unit(f"5 {word}").unit is not None


def _with_times(found: list[Token], step: str) -> list[Token]:
    """The letter x between two values is a sign, unless some other x of the step is a variable."""
    places = [at for at, token in enumerate(found) if token.kind == "unread" and token.text in ("x", "X")]
    if not places or not all(_is_times(found, at) for at in places):
        return found
    for at in places:
        found[at] = found[at]._replace(kind="operator", text="*")
    return found


def _is_times(found: list[Token], at: int) -> bool:
    before, after = found[at - 1] if at else found[-1], found[at + 1]
    if before.kind not in ("number", "%", "close", "word") or after.kind not in ("number", "open"):
        return False
    return after.kind == "number" or (before.end < found[at].start and found[at].end < after.start)
