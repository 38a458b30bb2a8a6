r"""Rewrites an answer as people and models type it into one plain spelling, without changing its value.

`clean`: layout (`\left`, `\,`, `\dfrac`, `$`), Unicode signs and alternative command names are unified; relation and
set signs become single characters so that an answer can be split at them. Letters are never dropped: only one part of
a split answer at a time has its unit taken off, by `split_unit`. `latex` goes the other way.
"""

from __future__ import annotations

import re

_SIGNS = {
    "−": "-", "–": "-", "‒": "-", "×": "*", "⋅": "*", "·": "*", "∙": "*", "÷": "/", "⁄": "/", "≦": "≤", "≧": "≥",
    "π": r"\pi ", "θ": r"\theta ", "√": r"\sqrt ", "°": "^\\circ ", "〈": "⟨", "〉": "⟩", "∣": "|", "ø": "∅",
    "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "\ufeff": "", "′": "'", "’": "'",
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n", strict=True))
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_TABLE = str.maketrans(_SIGNS) | _FULL_WIDTH

_COMMANDS = {
    "dfrac": r"\frac", "tfrac": r"\frac", "cfrac": r"\frac", "dbinom": r"\binom", "tbinom": r"\binom",
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥",
    "geq": "≥", "geqslant": "≥", "lt": "<", "gt": ">", "ne": "≠", "neq": "≠", "in": "∈", "cup": "∪",
    "pm": "±", "mp": "∓", "infty": "∞", "infinity": "∞", "approx": "≈", "simeq": "≈",
    "emptyset": "∅", "varnothing": "∅", "langle": "⟨", "rangle": "⟩", "lbrace": "⦃", "rbrace": "⦄",
    "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "lbrack": "[", "rbrack": "]", "degree": r"^\circ",
    "quad": " ", "qquad": " ", "displaystyle": "", "textstyle": "", "limits": "", "thinspace": " ", "colon": ":",
    "ldots": "...", "dots": "...", "cdots": "...", "euro": "€", "pounds": "£",
}  # fmt: skip
_TEXT_FONTS = "text|mbox|textbf|textrm|textit|textsf|texttt|mathrm|hbox|operatorname|emph|textnormal|rm|bf"
_MATH_FONTS = "mathbf|boldsymbol|mathit|mathsf|mathtt|mathcal|bm|vec|underline|displaylines"
_SIZED = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\s*\.?")
_SPACING = re.compile(r"\\[,;:!> ]|~|\\(?:h|v)space\*?\{[^{}]*\}|\\phantom\{[^{}]*\}")
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,\\!|\\,|\\!)[ ]*(?=\d{3}(?!\d))")
_TEXT_FONT = re.compile(rf"\\(?:{_TEXT_FONTS})\*?(?=\s*\{{)\s*")
_MATH_FONT = re.compile(rf"\\(?:{_MATH_FONTS})(?![A-Za-z])\s*")
_NUMBER_SETS = re.compile(r"\\mathbb\s*\{?\s*R\s*\}?|ℝ")
_ROW_GAP = re.compile(r"(?<=⏎)\s*\[[\d.]+\s*(?:pt|ex|em|mm|cm)\]")
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*\{(.*)\}", re.DOTALL)
_COMMAND = re.compile(r"\\([A-Za-z]+)[ ]*")
_DEGREES = re.compile(r"\s*\^\s*(?:\{\s*\\circ\s*\}|\\circ)(?![A-Za-z])")
_RAISED_RUN = re.compile(f"[{''.join(_RAISED)}]+")
_INFINITY = re.compile(r"(?<![A-Za-z\\])(?:positive )?infinity(?![A-Za-z])", re.IGNORECASE)
_JOINER = re.compile(
    r"\\text\{\s*,?\s*(?:and|or)\s*\}|(?<=[\w})\]∞⦄]),?\s+(?:and|or)\s+(?=[\w\\({\[⦃+±-])|\\(?:lor|land|vee)\b"
)
_SCALE = re.compile(r"(?<=[\d}])\s*(\\text\{)?\s*(hundred|thousand|million|billion|trillion)\b\s*(?(1)(\})?)")
_POWERS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_CLOCK = re.compile(r"(?<=:\d\d)\s*(?:\\text\{)?\s*([ap])\.?\s?m\b\.?\s*\}?", re.IGNORECASE)
_ASCII = (("<=", "≤"), (">=", "≥"), ("!=", "≠"), ("=<", "≤"), ("+/-", "±"), ("**", "^"), ("{:}", ":"))


def clean(text: str) -> str:
    """The answer in plain spelling; `;` separates what was joined by "and" or "or"."""
    text = _RAISED_RUN.sub(lambda run: "^{" + "".join(_RAISED[c] for c in run.group()) + "}", text)
    text = " ".join(text.translate(_TABLE).split())
    text = _unwrap(text).replace("\\$", "＄").replace("$", "").replace("\\%", "%").replace("＄", "$")
    text = text.replace("\\{", "⦃").replace("\\}", "⦄").replace("\\\\", "⏎").replace("\\|", "|")
    text = _THOUSANDS.sub("", _ROW_GAP.sub("", text))
    text = _SPACING.sub(" ", _SIZED.sub("", text))
    text = _NUMBER_SETS.sub("ℝ", text)
    text = _MATH_FONT.sub(r"\\relax ", _TEXT_FONT.sub(r"\\text", text)).replace("\\relax ", "")
    text = _DEGREES.sub("°", _COMMAND.sub(_rename, text))
    text = _CLOCK.sub(lambda mark: r" \text{%snoon}" % ("fore" if mark[1] in "aA" else "after"), text)
    text = _SCALE.sub(_scaled, text)
    text = _INFINITY.sub("∞", _JOINER.sub(" ; ", text))
    for old, new in _ASCII:
        text = text.replace(old, new)
    return _trim(" ".join(text.split()))


def _rename(found: re.Match[str]) -> str:
    """The unified spelling of a command; one that is kept keeps a space, so that no letter joins it."""
    name = found.group(1)
    if name in _COMMANDS:
        return _COMMANDS[name]
    return f"\\{name}" if found.string[found.end() : found.end() + 1] in ("{", "") else f"\\{name} "


def _scaled(found: re.Match[str]) -> str:
    """A number word after a number as a power of ten; what else stood in its `\\text{}` stays there."""
    rest = r"\text{" if found.group(1) and not found.group(3) else ""
    return f"*10^{{{_POWERS[found.group(2)]}}}{rest}"


def _unwrap(text: str) -> str:
    """Without the `$`, `\\(`, `\\[`, `**` or box around the whole."""
    for opening, closing in (("**", "**"), ("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("`", "`")):
        if text.startswith(opening) and text.endswith(closing) and len(text) > len(opening) + len(closing):
            text = text[len(opening) : -len(closing)].strip()
    box = _BOX.fullmatch(text)
    return box.group(1).strip() if box else text


def _trim(text: str) -> str:
    """Without punctuation around the whole: a leading colon, a trailing full stop, comma or semicolon."""
    text = text.lstrip(":").strip()
    while text and text[-1] in ".,;:" and not text.endswith("..."):
        text = text[:-1].rstrip()
    return text


_LATEX = str.maketrans({
    "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "∈": r"\in ", "∪": r"\cup ", "±": r"\pm ", "∓": r"\mp ", "∞": r"\infty ",
    "⦃": r"\{", "⦄": r"\}", "⟨": "(", "⟩": ")", "°": r"^\circ ", "∅": r"\emptyset ", "ℝ": r"\mathbb{R} ", "⏎": r"\\ ",
    "*": r"\cdot ", ";": ",",
})  # fmt: skip
_ANGLE = re.compile(r"(\d+(?:\.\d+)?)\s*°")
_DECIMAL = re.compile(r"(\d*)\.(\d+)")


def latex(cleaned: str) -> str:
    """Cleaned text as LaTeX for a stricter parser; angles in radians, decimals as fractions lest they be rounded."""
    radians = _ANGLE.sub(r"(\\frac{\1\\pi}{180})", cleaned)
    exact = _DECIMAL.sub(lambda d: rf"{{\frac{{{d.group(1)}{d.group(2)}}}{{1{'0' * len(d.group(2))}}}}}", radians)
    return exact.translate(_LATEX)


# A value and its unit: a trailing `\text{...}`, a trailing run of known unit words, a degree or percent sign, or a
# currency sign. Single letters are units only inside `\text{...}`: after a number they may as well be variables.

_ALIASES = {
    "mm": "millimeter millimetre", "cm": "centimeter centimetre", "m": "meter metre", "km": "kilometer kilometre",
    "in": "inch inche", "ft": "foot feet", "yd": "yard", "mi": "mile", "g": "gram", "kg": "kilogram", "mg": "milligram",
    "lb": "pound", "oz": "ounce", "s": "sec second", "min": "minute", "h": "hr hour", "day": "", "week": "",
    "month": "", "year": "yr", "°": "degree deg", "rad": "radian", "%": "percent", "$": "dollar usd", "€": "euro",
    "£": "", "¢": "cent", "l": "liter litre", "ml": "milliliter millilitre", "gal": "gallon", "mph": "",
    "forenoon": "", "afternoon": "",  # what `normalize` makes of a.m. and p.m.
}  # fmt: skip
_KEYS = {word: key for key, words in _ALIASES.items() for word in (key, *words.split())}
_RATES = {"mi/h": "mph"}
_LOOSE_WORDS = """
    unit people person student way apple orange ball book marble coin point item piece time problem question
    child children boy girl car ticket page number digit term side integer solution hour per each total more
    square cubic sq cu bag box cookie cup bottle worker team game player card pencil pen stamp tree flower
    egg candy cake slice word line dog cat bird fish chair table seat row hand triangle region path
    combination arrangement possibility outcome value factor divisor multiple prime zero root dozen pair toy
    shirt sticker crayon shell muffin letter sheet kid friend day of in the
"""
_LOOSE = frozenset(_LOOSE_WORDS.split())
_TURNING = frozenset(["not", "or", "than", "least", "most"])  # with these it is no unit
_POWER = r"(?:\s*\^\s*\{?\s*([23])\s*\}?)?"
_TEXT_UNIT = re.compile(r"(.*[^\s\\])\s*\\text\{\s*([^{}]*?)\s*\}" + _POWER)
_WORD_UNIT = re.compile(r"(.*[\d})!])\s*([A-Za-z][A-Za-z./ ]*?)" + _POWER)
_SIGN_UNIT = re.compile(r"(.*\S)\s*(°|%|€|£|¢)\s*[CF]?")
_TRIGONOMETRIC = re.compile(r"(?:sin|cos|tan|cot|sec|csc)(?![a-z])")
_MONEY = re.compile(r"(-?)\s*([$€£])\s*(?=[-\d.\\({])(.*)")
_PREFIX = re.compile(r"(?:about|approximately|exactly|only)\s+(?=[\d$\\-])", re.I)


def split_unit(text: str) -> tuple[str, str | None]:
    """(value, unit): unit is None without one, "" for one without a known size ("apples"), else its symbol.
    Areas and volumes carry their power: ("15", "cm2")."""
    text = _PREFIX.sub("", text, count=1)
    if money := _MONEY.fullmatch(text):
        return money.group(1) + _split_words(money.group(3))[0], money.group(2)
    found = _TEXT_UNIT.fullmatch(text)
    if found and found.group(1)[-1] not in "_^{([=+-*/,;":
        words = found.group(2)
        if not any(char.isdigit() for char in words) and not _TURNING & set(words.lower().split()):
            return found.group(1), _unit_key(words, found.group(3))
    found = _SIGN_UNIT.fullmatch(text)
    if found and not (found.group(2) == "°" and _TRIGONOMETRIC.search(text)):
        return found.group(1), found.group(2)
    return _split_words(text)


def _split_words(text: str) -> tuple[str, str | None]:
    if len(text) > 120 or (not text[-1:].isalpha() and text[-1:] not in "23}."):
        return text, None
    found = _WORD_UNIT.fullmatch(text)
    for word in re.findall(r"[A-Za-z]+", found.group(2)) if found else ():
        singular = _singular(word)
        if singular not in _LOOSE and (singular not in _KEYS or len(word) == 1):
            return text, None
    return (found.group(1), _unit_key(found.group(2), found.group(3))) if found else (text, None)


def _unit_key(words: str, power: str | None) -> str:
    """The symbol of a unit written in words ("square inches" -> "in2"); "" where it has none."""
    names = [_singular(word) for word in re.findall(r"[A-Za-z°%$¢]+", words)]
    raised = {"square": "2", "sq": "2", "cubic": "3", "cu": "3"}
    if names and names[0] in raised:
        power, names = raised[names[0]], names[1:]
    if len(names) == 2 and names[1] in ("squared", "cubed"):
        power, names = {"squared": "2", "cubed": "3"}[names[1]], names[:1]
    sizes = [_KEYS.get(name) for name in names if name != "per"]
    if len(sizes) == 2 and all(sizes):
        return _RATES.get(f"{sizes[0]}/{sizes[1]}", f"{sizes[0]}/{sizes[1]}")
    if len(names) != 1 or names[0] not in _KEYS:
        return ""
    return _KEYS[names[0]] + (power or "")


def _singular(word: str) -> str:
    word = word.lower()
    if word in _KEYS or word in _LOOSE:
        return word
    for ending, stem in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and (word.removesuffix(ending) + stem) in (_KEYS.keys() | _LOOSE):
            return word.removesuffix(ending) + stem
    return word
