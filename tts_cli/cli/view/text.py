r"""Model text made fit for a terminal: no control sequences, and LaTeX as Unicode where that is safe.

`to_unicode` rewrites innermost constructs first, a bounded number of times, each pass linear; what it does not
understand stays as it was written. It is for reading, not for parsing back. No terminal markup is produced.
"""

from __future__ import annotations

import re

_PASSES = 12

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, ...: titles, links, clipboard
    r"|\x9b[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]?"
)
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # invisible marks that reorder the text around them
    "\u2028\u2029\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def safe_text(text: str) -> str:
    """Text that cannot move the cursor, colour, retitle or reorder anything.

    Newlines and tabs stay; terminal escape sequences, other control characters and bidirectional
    overrides go; lone surrogates become U+FFFD.
    """
    text = _ESCAPES.sub("", text.replace("\r\n", "\n"))
    return _SURROGATES.sub("\ufffd", _UNSAFE.sub("", text))


_SYMBOLS = {
    "cdot": "·", "times": "×", "div": "÷", "pm": "±", "mp": "∓", "le": "≤", "leq": "≤", "ge": "≥",
    "geq": "≥", "lt": "<", "gt": ">", "ne": "≠", "neq": "≠", "approx": "≈", "equiv": "≡", "sim": "~",
    "infty": "∞", "in": "∈", "notin": "∉", "cup": "∪", "cap": "∩", "subset": "⊂", "emptyset": "∅",
    "to": "→", "rightarrow": "→", "Rightarrow": "⇒", "implies": "⇒", "iff": "⇔", "ldots": "…", "dots": "…",
    "cdots": "⋯", "angle": "∠", "triangle": "△", "circ": "°", "degree": "°", "perp": "⊥", "parallel": "∥",
    "mid": "|", "therefore": "∴", "because": "∵", "sum": "∑", "int": "∫", "quad": " ", "qquad": " ",
    "langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "alpha": "α",
    "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ",
    "Psi": "Ψ", "Omega": "Ω", "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "log": "log",
    "ln": "ln", "max": "max", "min": "min", "gcd": "gcd", "lcm": "lcm",
}  # fmt: skip
_RAISED = str.maketrans("0123456789+-=()nix ", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣ ")
_LOWERED = str.maketrans("0123456789+-=()aeinx ", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑᵢₙₓ ")
_CAN_RAISE = re.compile(r"[0-9+\-=()nix ]+")
_CAN_LOWER = re.compile(r"[0-9+\-=()aeinx ]+")

# Escaped characters wait as private-use ones, so that no pass takes them for syntax.
_HIDDEN = {"\\{": "\ue000", "\\}": "\ue001", "\\$": "\ue002", "\\%": "%", "\\&": "&", "\\#": "#", "\\_": "\ue003",
           "\\\\": "\ue004"}  # fmt: skip
_SHOWN = str.maketrans({"\ue000": "{", "\ue001": "}", "\ue002": "$", "\ue003": "_", "\ue004": "\\\\"})
_ESCAPED = re.compile(r"\\[{}$%&#_\\]")
_LAYOUT = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?)(?=\s*[()\[\]|.\ue000\ue001])\.?|\\(?:displaystyle|limits|!)(?![A-Za-z])"
)
_SPACE = re.compile(r"\\[,;: ]")
_COMMAND = re.compile(r"\\([A-Za-z]+)(?![A-Za-z])( (?=[A-Za-z]))?")
_DEGREES = re.compile(r"\^\{?°\}?")
_DELIMITED = re.compile(
    r"\$\$([^$]+)\$\$|\$(?!\s)([^$\n]*[^\s$])\$(?!\d)|\\\(([^\n]{1,400}?)\\\)|\\\[(.{1,400}?)\\\]", re.DOTALL
)

_INNER = r"\{([^{}]*)\}"
_TEXT = re.compile(rf"\\(?:text|mathrm|mathbf|textbf|textit|mbox|operatorname){_INNER}")
_BOXED = re.compile(rf"\\(?:boxed|fbox|framebox){_INNER}")
_FRACTION = re.compile(rf"(\d ?)?\\[dtc]?frac ?(?:{_INNER}|(\d)) ?(?:{_INNER}|(\d))(?=(\s*[\w(√\\])?)")
_ROOT = re.compile(rf"\\sqrt(?:\[(\d)\])?{_INNER}|\\sqrt ?(\d|[a-z])")
_RAISE = re.compile(rf"\^(?:{_INNER}|(\d)(?!\d))")
_LOWER = re.compile(rf"_(?:{_INNER}|(\d)(?!\d))")
_ATOMIC = re.compile(r"[-−]?[\w.√°!²³]*|\([^()]*\)")
_PRODUCT = re.compile(r"[-−]?[\w.√°!²³ ]*|\([^()]*\)")
_MATRIX = re.compile(r"\\begin\{[pb]?matrix\}([^{}]*)\\end\{[pb]?matrix\}")
_NEW_ROW = re.compile(r"\s*\ue004\s*")


def to_unicode(text: str) -> str:
    r"""LaTeX as plain text: `\frac{1}{2}` -> 1/2, `x^{2}` -> x², `\sqrt{3}` -> √3, `\boxed{5}` -> [5]."""
    if not any(mark in text for mark in "\\$^_"):
        return text
    text = _ESCAPED.sub(lambda found: _HIDDEN[found.group()], text)
    text = _DELIMITED.sub(lambda found: next(group for group in found.groups() if group is not None), text)
    text = _SPACE.sub(" ", _LAYOUT.sub("", text))
    text = _DEGREES.sub("°", _COMMAND.sub(_symbol, text))
    for _ in range(_PASSES):
        before, text = text, _innermost(text)
        if text == before:
            break
    return text.translate(_SHOWN)


def _innermost(text: str) -> str:
    text = _BOXED.sub(r"[\1]", _TEXT.sub(r"\1", text))
    text = _LOWER.sub(lambda found: _script(found, "_", _CAN_LOWER, _LOWERED), text)
    text = _RAISE.sub(lambda found: _script(found, "^", _CAN_RAISE, _RAISED), text)
    return _MATRIX.sub(_matrix, _FRACTION.sub(_fraction, _ROOT.sub(_root, text)))


def _symbol(found: re.Match[str]) -> str:
    symbol = _SYMBOLS.get(found.group(1))
    if symbol is None:
        return found.group()
    return symbol + (found.group(2) or "" if symbol.isascii() or not symbol.isalpha() else "")


def _script(found: re.Match[str], mark: str, possible: re.Pattern[str], table: dict[int, int]) -> str:
    content = found.group(1) if found.group(1) is not None else found.group(2)
    if possible.fullmatch(content):
        return content.translate(table)
    return f"{mark}{content}" if len(content) == 1 else f"{mark}({content})"


def _fraction(found: re.Match[str]) -> str:
    whole, top, digit, bottom, other, followed = found.groups()
    top, bottom = (digit if top is None else top).strip(), _grouped(other if bottom is None else bottom)
    text = f"{top}/{bottom}" if _PRODUCT.fullmatch(top) else f"({top})/{bottom}"
    if whole:
        return f"{whole.strip()} {text}"
    return f"({text})" if followed and followed[-1] != "\\" and not followed[0].isspace() else text


def _matrix(found: re.Match[str]) -> str:
    """Rows in one line: [1, 0; 0, 1]."""
    rows = _NEW_ROW.sub("; ", found.group(1).strip())
    return "[" + re.sub(r"\s*&\s*", ", ", rows) + "]"


def _root(found: re.Match[str]) -> str:
    degree, content, bare = found.groups()
    sign = {None: "√", "2": "√", "3": "∛", "4": "∜"}.get(degree)
    return f"{sign}{_grouped(content if bare is None else bare)}" if sign else found.group()


def _grouped(text: str) -> str:
    text = text.strip()
    return text if _ATOMIC.fullmatch(text) else f"({text})"
