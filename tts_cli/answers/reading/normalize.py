r"""Rewrites an answer as people and models type it into one plain spelling, without changing its value.

`clean`: layout (`\left`, `\,`, `\dfrac`, `$`, boxes), Unicode signs, number words and alternative command names are
unified; relation and set signs become single characters so that an answer can be split at them. Nothing that may carry
meaning is dropped: what has no plain spelling stays, and is then not read.
"""

from __future__ import annotations

import re

from tts_cli.answers.reading.language import with_digits

_SIGNS = {
    "−": "-", "–": "-", "‒": "-", "‑": "-", "‐": "-", "﹣": "-", "×": "*", "⋅": "*", "·": "*", "∙": "*", "∗": "*",
    "⁄": "/", "∕": "/", "≦": "≤", "≧": "≥", "⩽": "≤", "⩾": "≥", "〈": "⟨", "〉": "⟩", "∣": "|", "ø": "∅",
    "√": r"\sqrt ", "∛": r"\cbrt ", "º": "°", "℃": "°C", "℉": "°F", "₂": "_{2}",
    "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
    "⅕": r"\frac{1}{5}", "⅖": r"\frac{2}{5}", "⅗": r"\frac{3}{5}", "⅘": r"\frac{4}{5}", "⅙": r"\frac{1}{6}",
    "⅚": r"\frac{5}{6}", "⅐": r"\frac{1}{7}", "⅛": r"\frac{1}{8}", "⅜": r"\frac{3}{8}", "⅝": r"\frac{5}{8}",
    "⅞": r"\frac{7}{8}", "⅑": r"\frac{1}{9}", "⅒": r"\frac{1}{10}",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2002": " ", "\u2003": " ", "\u3000": " ", "\u200b": "",
    "\ufeff": "", "′": "'", "’": "'", "、": ", ", "。": ".", "…": "...", "⋯": "...", "≅": "≈", "≃": "≈",
    "∧": r"\wedge ",
}  # fmt: skip
_GREEK_LETTERS = "αβγδεζηθικλμνξρσςτυφχψωΓΔΘΛΞΣΦΨΩπϕϵ"
_GREEK_NAMES = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma sigma tau upsilon phi chi psi
    omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega pi phi epsilon
"""
_GREEK = dict(zip(_GREEK_LETTERS, _GREEK_NAMES.split(), strict=True))
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺⁽⁾ⁿⁱˣʸᵃᵇᶜᵈᵉᵏᵐᵖᵗ", "0123456789-+()nixyabcdekmpt", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ₙₓᵢⱼₖₘ", "0123456789+-nxijkm", strict=True))
_DIGITS = {zero + n: str(n) for zero in (0x0660, 0x06F0, 0x0966) for n in range(10)}  # Arabic, Persian, Devanagari
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_TABLE = (
    str.maketrans({sign: plain for sign, plain in _SIGNS.items() if sign not in _LOWERED})
    | str.maketrans({letter: f"\\{name} " for letter, name in _GREEK.items()})
    | _DIGITS
    | _FULL_WIDTH
)

_COMMANDS = {
    "dfrac": r"\frac", "tfrac": r"\frac", "cfrac": r"\frac", "dbinom": r"\binom", "tbinom": r"\binom", "cdot": "*",
    "times": "*", "ast": "*", "div": "÷", "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥", "leqq": "≤", "geq": "≥",
    "geqslant": "≥", "geqq": "≥", "lt": "<", "gt": ">", "ne": "≠", "neq": "≠", "in": "∈", "cup": "∪", "cap": "∩",
    "pm": "±", "mp": "∓", "infty": "∞", "infinity": "∞", "approx": "≈", "simeq": "≈", "thickapprox": "≈", "cong": "≈",
    "equiv": "≡", "setminus": "∖", "emptyset": "∅", "varnothing": "∅", "langle": "⟨", "rangle": "⟩", "lbrace": "⦃",
    "rbrace": "⦄", "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "lbrack": "[", "rbrack": "]",
    "degree": r"^\circ", "quad": " ", "qquad": " ", "displaystyle": "", "textstyle": "", "limits": "",
    "thinspace": " ", "colon": ":", "ldots": "...", "dots": "...", "cdots": "...", "euro": "€", "pounds": "£",
    "lparen": "(", "rparen": ")", "slash": "/", "colonequals": "=",
}  # fmt: skip
_TEXT_FONTS = "text|mbox|textbf|textrm|textit|textsf|texttt|mathrm|hbox|operatorname|emph|textnormal|rm|bf|textup"
_MATH_FONTS = "mathbf|boldsymbol|mathit|mathsf|mathtt|mathcal|bm|vec|underline|displaylines|mathop|ensuremath"
_SIZED = re.compile(r"\\(?:left|right|middle|[bB]igg?[lrm]?)(?![A-Za-z])\s*\.?")
_SPACING = re.compile(r"\\[,;:!> ]|~|\\(?:h|v)space\*?\{[^{}]*\}|\\phantom\{[^{}]*\}")
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,\\!|\\,|\\!)[ ]*(?=\d{3}(?!\d))")
_TEXT_FONT = re.compile(rf"\\(?:{_TEXT_FONTS})\*?(?=\s*\{{)\s*")
_MATH_FONT = re.compile(rf"\\(?:{_MATH_FONTS})(?![A-Za-z])\s*")
_UPRIGHT = re.compile(r"\\text\{\s*(e|i|d|[a-z]{2,6}|Re|Im)\s*\}")
_UPRIGHT_NAMES = "sin cos tan cot sec csc arcsin arccos arctan log ln exp max min gcd lcm det Re Im"
_NUMBER_SETS = re.compile(r"\\mathbb\s*\{?\s*([RZNQC])\s*\}?|([ℝℤℕℚℂ])")
_ROW_GAP = re.compile(r"(?<=⏎)\s*\[[\d.]+\s*(?:pt|ex|em|mm|cm)\]")
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s*")
_COMMAND = re.compile(r"\\([A-Za-z]+)[ ]*")
_DEGREES = re.compile(
    r"\s*\^\s*(?:\{\s*\\circ\s*\}|\\circ)(?![A-Za-z])\s*(?:\\text\{\s*([CF])\s*\}|([CF])(?![A-Za-z]))?"
)
_RAISED_RUN = re.compile(f"[{''.join(map(re.escape, _RAISED))}]+")
_LOWERED_RUN = re.compile(f"[{''.join(map(re.escape, _LOWERED))}]+")
_INFINITY = re.compile(r"(?<![A-Za-z\\])(?:positive )?infinity(?![A-Za-z])", re.IGNORECASE)
_JOINER = re.compile(
    r"\\text\{\s*,?\s*(and|or)\s*,?\s*\}|(?<=[\w})\]∞⦄!%°|'\"]),?\s+(and|or)\s+(?=[\w\\({\[⦃+±$|€£-])|(?<=[)\]\d])(or)(?=[A-Z(\[\\])|(?<=[\w}])\s*\\(lor|vee)\b(?=[^=<>]*[=<>])"
)
_MODULO = re.compile(
    r"\\(?:pmod|pod)\s*(\{[^{}]*\}|\d)|\(\s*(?:\\text\{\s*)?(?:\\b?mod\b|mod\b)\s*\}?\s*([^()]*)\)|\\b?mod(?![A-Za-z])\s*"
)
_SCALE = re.compile(r"(?<=[\d}])\s*(\\text\{)?\s*(dozen|hundred|thousand|million|billion|trillion)\b\s*(?(1)(\})?)")
_SCALES = {"dozen": "12", **{word: f"10^{{{power}}}" for word, power in
           {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}.items()}}  # fmt: skip
_MINUS = re.compile(r"(?<![\w}) ])(?:minus|negative)\s+(?=\d)", re.IGNORECASE)
_COLON = re.compile(r"(?<=\d) ?: ?(?=\d)")
_CLOCK = re.compile(r"(?<=:\d\d)\s*(?:\\text\{)?\s*([ap])\.?\s?m\b\.?\s*\}?", re.IGNORECASE)
_WHOLE_TEXT = re.compile(r"\\(?:text|mbox|textrm|mathrm|textbf)\s*\{([^{}]*\d[^{}]*)\}")
_MONEY = re.compile(r"(?<!\\)\$(?=\d[\d,.]*(?:[^\d,.$\\]|$))")
_NOT_EQUAL = re.compile(r"\s!=|(?<=[A-Za-z])!=|\\not\s*=")
_ASCII = (("<=", "≤"), (">=", "≥"), ("=<", "≤"), ("+/-", "±"), ("**", "^"), ("==", "="), ("&lt;", "<"))


def clean(text: str) -> str:
    """The answer in plain spelling; `;` stands for "or" and `＆` for "and"."""
    text = _RAISED_RUN.sub(lambda run: "^{" + "".join(_RAISED[c] for c in run.group()) + "}", text)
    text = _LOWERED_RUN.sub(lambda run: "_{" + "".join(_LOWERED[c] for c in run.group()) + "}", text)
    text = " ".join(text.translate(_TABLE).split())
    if text.isalnum():
        return _UPRIGHT_WORDS.get(text.lower(), "") or with_digits(text)
    text = _without_dollars(_unwrap(text)).replace("\\%", "%")
    text = (
        text.replace("\\{", "⦃")
        .replace("\\}", "⦄")
        .replace("\\\\", "⏎")
        .replace("\\|", "|")
        .replace("\\_", "_")
        .replace("{:}", ":")
    )
    if whole := _WHOLE_TEXT.fullmatch(text):
        text = whole.group(1)
    text = _THOUSANDS.sub("", _ROW_GAP.sub("", text))
    text = _SPACING.sub(" ", _SIZED.sub("", text))
    text = _NUMBER_SETS.sub(lambda found: "ℝℤℕℚℂ"["RZNQC".index(found[1])] if found[1] else found[2], text)
    text = _MATH_FONT.sub(r"\\relax ", _TEXT_FONT.sub(r"\\text", text)).replace("\\relax ", "")
    text = _MODULO.sub(lambda found: f" \\mod {(found[1] or found[2] or '').strip('{} ')}", text)
    text = _UPRIGHT.sub(_upright, text)
    text = _DEGREES.sub(lambda found: "°" + (found[1] or found[2] or ""), _COMMAND.sub(_rename, text))
    text = _COLON.sub(":", text)
    text = _CLOCK.sub(lambda mark: r" \text{%snoon}" % ("fore" if mark[1] in "aA" else "after"), text)
    text = _SCALE.sub(_scaled, _MINUS.sub("-", with_digits(text)).replace("per cent", "percent"))
    text = _NOT_EQUAL.sub("≠", _INFINITY.sub("∞", _JOINER.sub(_joined, text)))
    for old, new in _ASCII:
        text = text.replace(old, new)
    return _trim(" ".join(text.split()))


_UPRIGHT_WORDS = {"infinity": "∞"}


def _without_dollars(text: str) -> str:
    """Without the $ of formulas; those of money stay: `\\$5`, and `$5` where no formula ends."""
    if "$" not in text:
        return text
    money = _MONEY.findall(text)
    if len(money) == text.count("$") - text.count("\\$") and not text.endswith("$"):
        return text.replace("\\$", "$")
    return text.replace("\\$", "＄").replace("$", "").replace("＄", "$")


def _joined(found: re.Match[str]) -> str:
    return " ＆ " if "and" in found.groups() else " ; "


def _upright(found: re.Match[str]) -> str:
    r"""Upright letters that are constants and functions: \mathrm{e}, \operatorname{sin}."""
    name = found.group(1)
    if name in ("e", "i", "d"):
        return f" {name} "
    return f"\\{name} " if name in _UPRIGHT_NAMES.split() else found.group()


def _rename(found: re.Match[str]) -> str:
    """The unified spelling of a command; one that is kept keeps a space, so that no letter joins it."""
    name = found.group(1)
    if name in _COMMANDS:
        return _COMMANDS[name]
    return f"\\{name}" if found.string[found.end() : found.end() + 1] in ("{", "") else f"\\{name} "


def _scaled(found: re.Match[str]) -> str:
    """A number word after a number as a factor; what else stood in its `\\text{}` stays there."""
    rest = r"\text{" if found.group(1) and not found.group(3) else ""
    return f"*{_SCALES[found.group(2)]}{rest}"


def _unwrap(text: str) -> str:
    """Without boxes, and without the `$`, `\\(`, `\\[` or `**` around the whole."""
    text = _BOX.sub("", text) if _BOX.search(text) else text
    for opening, closing in (("**", "**"), ("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("`", "`")):
        inner = text[len(opening) : -len(closing)]
        if text.startswith(opening) and text.endswith(closing) and len(text) > len(opening) + len(closing):
            text = inner.strip() if opening not in inner else text
    return text.replace("\\(", "").replace("\\)", "").replace("\\[", "").replace("\\]", "")


def _trim(text: str) -> str:
    """Without punctuation around the whole: a leading colon, a trailing full stop, comma or semicolon."""
    text = text.lstrip(":").strip()
    while text and text[-1] in ".,;:" and not text.endswith("..."):
        text = text[:-1].rstrip()
    return text
