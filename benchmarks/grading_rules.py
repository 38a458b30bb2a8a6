r"""Rules that rewrite a reference answer without changing its value, and rules that just miss it.

Every rule is text in, texts out, written without the grader's own parser: a grader that is wrong must not be able to
agree with itself. A rule yields nothing where it does not apply. Used by `benchmarks/grading.py` and by the tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction

Rule = Callable[[str], Iterator[str]]

_INT = re.compile(r"-?\d+")
_PLAIN_FRACTION = re.compile(r"(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}")
_DECIMAL = re.compile(r"-?\d*\.\d+")
_SURD = re.compile(r"(-?)(\d*)\s*\\sqrt\{?(\d+)\}?")
_SURD_OVER = re.compile(r"(-?)\\frac\{(\d*)\\sqrt\{(\d+)\}\}\{(\d+)\}")
_POINT = re.compile(r"\((-?[^(),]+(?:,\s*-?[^(),]+)+)\)")
_INTERVAL = re.compile(
    r"(?:x\s*\\in\s*)?(\\left)?\s*([(\[])\s*([^,()\[\]]+?)\s*,\s*([^,()\[\]]+?)\s*(?:\\right)?\s*([)\]])"
)
_PLUS_MINUS = re.compile(r"(\d+)\s*\\pm\s*(\S.*)")
_COMPLEX = re.compile(r"(-?\d+)\s*([+-])\s*(\d*)i")
_MATRIX = re.compile(r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}")
_WORD = re.compile(r"\\text\{([A-Za-z]{2,})\}")
_CHOICE = re.compile(r"\\text\{\(([A-E])\)\}")
_BASE = re.compile(r"(\d+)_\{?(\d)\}?")
_DEGREES = re.compile(r"(\d+)\^\\circ")
_PI = re.compile(r"(-?\d*)\s*\\pi")
_POLYNOMIAL = re.compile(r"[+-]?\s*[\w^{}]+(?:\s*[+-]\s*[\w^{}]+)+")


def same_layout(a: str) -> Iterator[str]:
    """Spacing, delimiters and macros that change nothing, on any answer."""
    yield f"${a}$"
    yield f" {a}. "
    yield rf"\displaystyle {a}"
    yield rf"\({a}\)"
    if r"\frac" in a:
        yield re.sub(r"\\[dt]?frac", r"\\dfrac", a)
        yield re.sub(r"\\[dt]?frac", r"\\tfrac", a)
    if r"\left" not in a and re.search(r"[(\[].*[)\]]", a) and r"\text" not in a:
        yield re.sub(r"([)\]])", r"\\right\1", re.sub(r"([(\[])", r"\\left\1", a))
    if re.search(r"[+=]", a):
        yield re.sub(r"\s*([+=])\s*", r"\\,\1\\;", a)


def same_integer(a: str) -> Iterator[str]:
    if not _INT.fullmatch(a):
        return
    n = int(a)
    yield from (
        f"{n}.0",
        f"{n}.",
        f"x = {n}",
        rf"\text{{{n}}}",
        rf"\frac{{{2 * n}}}{{2}}",
        f"{3 * n}/3",
        rf"\mathbf{{{n}}}",
    )
    yield from (rf"{n} \text{{ units}}", f"{n - 7} + 7", f"n={n}", f"**{n}**")
    if n > 0:
        yield from (f"0{n}", f"\\sqrt{{{n * n}}}", f"+{n}")
    if n >= 1000:
        yield from (f"{n:,}", f"{n:,}".replace(",", r",\!"), f"{n:,}".replace(",", "{,}"), rf"\${n:,}")


def same_fraction(a: str) -> Iterator[str]:
    found = _PLAIN_FRACTION.fullmatch(a)
    if not found:
        return
    sign, top, bottom = found[1], int(found[2]), int(found[3])
    yield from (
        f"{sign}{top}/{bottom}",
        rf"\frac{{{sign}{top}}}{{{bottom}}}",
        rf"{sign}\frac{{{2 * top}}}{{{2 * bottom}}}",
    )
    yield from (rf"{sign}{top} \div {bottom}", f"x={sign}{top}/{bottom}", f"({sign}{top})/({bottom})")
    if top < 10 and bottom < 10:
        yield rf"{sign}\frac{top}{bottom}"
    if top > bottom and not sign:
        yield rf"{top // bottom}\frac{{{top % bottom}}}{{{bottom}}}"
    exact = _terminating(Fraction(top, bottom))
    if exact:
        yield sign + exact


def _terminating(value: Fraction) -> str | None:
    for digits in range(1, 12):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            text = str(scaled.numerator).rjust(digits + 1, "0")
            return f"{text[:-digits]}.{text[-digits:]}"
    return None


def same_decimal(a: str) -> Iterator[str]:
    if _DECIMAL.fullmatch(a):
        value = Fraction(a)
        yield from (
            a + "0",
            rf"\frac{{{value.numerator}}}{{{value.denominator}}}",
            f"{value.numerator}/{value.denominator}",
        )
        yield a.replace(".", "0.", 1) if a.startswith(".") else a.removeprefix("0")


def same_surd(a: str) -> Iterator[str]:
    found = _SURD.fullmatch(a)
    if found:
        sign, factor, inside = found[1], int(found[2] or 1), int(found[3])
        yield from (
            rf"{sign}\sqrt{{{factor * factor * inside}}}",
            rf"{sign}{factor} \cdot \sqrt{{{inside}}}",
            f"{sign}{factor}*sqrt({inside})",
        )
        yield from (
            rf"{sign}{factor}({inside})^{{1/2}}",
            rf"{sign}\frac{{{2 * factor}\sqrt{{{inside}}}}}{{2}}",
            f"{sign}{factor}√{inside}",
        )
        yield rf"{sign}\frac{{{factor * inside}}}{{\sqrt{{{inside}}}}}"
    found = _SURD_OVER.fullmatch(a)
    if found:
        sign, factor, inside, below = found[1], int(found[2] or 1), int(found[3]), int(found[4])
        yield from (rf"{sign}\frac{{{factor}}}{{{below}}}\sqrt{{{inside}}}", f"{sign}{factor}sqrt({inside})/{below}")
        yield from (
            rf"{sign}\sqrt{{\frac{{{factor**2 * inside}}}{{{below**2}}}}}",
            rf"{sign}\frac{{{factor * inside}}}{{{below}\sqrt{{{inside}}}}}",
        )


def same_collection(a: str) -> Iterator[str]:
    """Lists and ± in another order or notation; points and intervals in another notation."""
    items = re.split(r",\s*", a)
    if len(items) > 1 and all(_INT.fullmatch(item) for item in items) and not re.fullmatch(r"\d+,\d{3}", a):
        yield from (
            ", ".join(reversed(items)),
            rf"\{{{a}\}}",
            " and ".join(items),
            ", ".join(f"x={item}" for item in items),
        )
        yield rf"x = {items[0]} \text{{ or }} x = {items[1]}" if len(items) == 2 else "; ".join(items)
    found = _PLUS_MINUS.fullmatch(a)
    if found:
        yield from (
            f"{found[1]}+{found[2]}, {found[1]}-{found[2]}",
            rf"\{{{found[1]}-{found[2]}, {found[1]}+{found[2]}\}}",
        )
        yield rf"\pm {found[2]} + {found[1]}"
    if _POINT.fullmatch(a):
        yield from (a.replace(",", ",\\ "), a.replace("(", "( ").replace(")", " )"))
        yield from (f"(x,y) = {a}",) if a.count(",") == 1 else ()
    yield from same_interval(a)
    parts = re.split(r"\s*\\cup\s*", a)
    if len(parts) > 1:
        yield from (r" \cup ".join(reversed(parts)), "∪".join(parts), rf"x \in {a}", a.replace(r"\infty", "∞"))


def same_interval(a: str) -> Iterator[str]:
    found = _INTERVAL.fullmatch(a)
    if not found or (found[2] + found[5] == "()" and r"\infty" not in a):
        return
    low, high = found[3], found[4]
    yield rf"x \in {found[2]}{low}, {high}{found[5]}"
    if r"\infty" in high:
        yield from (f"x {'>' if found[2] == '(' else '>='} {low}", f"{found[2]}{low}, ∞)")
    elif r"\infty" in low:
        yield f"x {'<' if found[5] == ')' else '<='} {high}"
    else:
        yield f"{low} {'<' if found[2] == '(' else '≤'} x {'<' if found[5] == ')' else '≤'} {high}"


def same_expression(a: str) -> Iterator[str]:
    """Complex numbers, polynomials, multiples of pi, equations of a line: terms in another order."""
    found = _COMPLEX.fullmatch(a)
    if found:
        yield from (
            f"{found[2]}{found[3]}i + {found[1]}".removeprefix("+"),
            rf"{found[1]}{found[2]}{found[3] or 1}\cdot i",
        )
    if _POLYNOMIAL.fullmatch(a) and re.search(r"[a-z]", a):
        terms = [term.replace(" ", "") for term in re.findall(r"[+-]?\s*[^+-]+", a)]
        signed = [term if term[0] in "+-" else "+" + term for term in terms]
        yield from (
            "".join(reversed(signed)).removeprefix("+"),
            f"y = {a}",
            "".join(terms),
            f"({a})",
            f"2({a}) - ({a})",
        )
    found = _PI.fullmatch(a)
    if found:
        yield from (f"{found[1]}π", rf"\pi \cdot {found[1] or 1}", rf"\frac{{{found[1]}\pi}}{{1}}", f"{found[1]}pi")
    if a.startswith("y = "):
        yield from (a.removeprefix("y = "), a.replace("y = ", "f(x) = "), f"{a.removeprefix('y = ')} = y")


def same_other(a: str) -> Iterator[str]:
    """Matrices, words, choices, bases, degrees, units."""
    found = _MATRIX.fullmatch(a)
    if found:
        yield from (a.replace("pmatrix", "bmatrix"), re.sub(r"(\d+)/(\d+)", r"\\frac{\1}{\2}", a), a.replace(" ", ""))
    found = _WORD.fullmatch(a)
    if found:
        yield from (found[1], rf"\mathrm{{{found[1]}}}", rf"\textbf{{{found[1]}}}", found[1].lower(), found[1] + ".")
    found = _CHOICE.fullmatch(a)
    if found:
        yield from (
            found[1],
            f"({found[1]})",
            rf"\textbf{{({found[1]})}}",
            f"{found[1]}.",
            rf"\text{{{found[1]}}}",
            rf"\mathrm{{({found[1]})}}",
        )
    found = _BASE.fullmatch(a)
    if found:
        yield from (
            f"{found[1]}_{found[2]}",
            f"{found[1]}_{{{found[2]}}}",
            f"({found[1]})_{{{found[2]}}}",
            rf"{found[1]}_{{\text{{{_WORDS[int(found[2])]}}}}}",
        )
    found = _DEGREES.fullmatch(a)
    if found:
        yield from (
            found[1],
            f"{found[1]}°",
            f"{found[1]} degrees",
            rf"{found[1]}^{{\circ}}",
            rf"{found[1]} \text{{ degrees}}",
        )
    if r"\text{ " in a or r"\mbox" in a:
        yield from (re.sub(r"\s*\\(?:text|mbox)\{.*", "", a), re.sub(r"\\mbox", r"\\text", a))
    if a.startswith(r"\$"):
        yield from (a.removeprefix(r"\$"), a.removeprefix(r"\$") + " dollars", a.removeprefix("\\"))


_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

SAME: tuple[Rule, ...] = (
    same_layout, same_integer, same_fraction, same_decimal, same_surd, same_collection, same_expression, same_other,
)  # fmt: skip


def miss_number(a: str) -> Iterator[str]:
    """The first number off by one; the last one too."""
    numbers = list(re.finditer(r"\d+", a))
    for found in {numbers[0].start(): numbers[0], numbers[-1].start(): numbers[-1]}.values() if numbers else ():
        yield f"{a[: found.start()]}{int(found.group()) + 1}{a[found.end() :]}"
    if _INT.fullmatch(a):
        yield from (f"{a}.5", str(int(a) - 1), f"{a}, {int(a) + 1}", rf"\sqrt{{{int(a) ** 2 + 1}}}")
        yield from (f"{a}0", f"{a}x") if int(a) else ()


def miss_sign(a: str) -> Iterator[str]:
    if (
        re.fullmatch(r"[\d\\].*", a)
        and a.strip("0.")
        and not re.search(r"[,+=_]|text|mbox|begin|pm|circ|\\\$|\d-|in ", a)
    ):
        yield f"-{a}" if not re.search(r"\d\s*[+-]", a) else f"-({a})"
    for sign, other in ((" + ", " - "), (" - ", " + "), ("+", "-")):
        if sign in a and "infty" not in a:
            yield a.replace(sign, other, 1)


def miss_fraction(a: str) -> Iterator[str]:
    found = _PLAIN_FRACTION.fullmatch(a)
    if found and found[2] != found[3]:
        value = Fraction(int(found[2]), int(found[3]))
        yield rf"{found[1]}\frac{{{found[3]}}}{{{found[2]}}}"
        if _terminating(value) is None:
            yield f"{found[1]}{float(value):.3f}"
            yield f"{found[1]}{float(value):.12f}"


def miss_surd(a: str) -> Iterator[str]:
    if r"\sqrt" in a:
        yield re.sub(r"\\sqrt\{?(\d+)\}?", r"\1", a)
        yield a.replace(r"\sqrt", r"\sqrt[3]")
    if r"\pi" in a:
        yield a.replace(r"\pi", "3.1415926536")  # with one digit more it would stand for the value
        yield a.replace(r"\pi", r"\pi^3")


def miss_collection(a: str) -> Iterator[str]:
    """A missing element, swapped ends, another kind of bracket, one root of ±."""
    items = re.split(r",\s*", a.strip("()"))
    if len(items) > 1 and all(_INT.fullmatch(item) for item in items) and not re.fullmatch(r"\d+,\d{3}", a):
        kept = ", ".join(items[:-1])
        yield f"({kept})" if a.startswith("(") else kept
        if a.startswith("("):
            yield f"({','.join(reversed(items))})"
            yield rf"\{{{','.join(items)}\}}"
    found = _INTERVAL.fullmatch(a)
    if found and found[3] != found[4]:
        low, high = found[3], found[4]
        yield f"{found[2]}{high}, {low}{found[5]}"
        if "infty" not in low:
            yield f"{'[' if found[2] == '(' else '('}{low}, {high}{found[5]}"
        if "infty" not in high:
            yield f"{found[2]}{low}, {high}{']' if found[5] == ')' else ')'}"
    if r"\cup" in a:
        yield from (a.split(r"\cup")[0], a.replace(r"\cup", r"\cap"), a.replace("(", "[", 2).replace("[-", "(-"))
    if r"\pm" in a:
        yield from (a.replace(r"\pm", "+"), a.replace(r"\pm", "-"))


def miss_other(a: str) -> Iterator[str]:
    if _CHOICE.fullmatch(a):
        yield from (letter for letter in "ABCDE" if f"({letter})" not in a)
    if _WORD.fullmatch(a):
        yield from (r"\text{odd}", r"\text{west}", a.replace("{", "{not "), r"\text{" + a[6:-1][::-1] + "}")
    found = _BASE.fullmatch(a)
    if found:
        yield from (f"{found[1]}_{int(found[2]) + 1}", f"{found[1][::-1]}_{found[2]}")
    if _MATRIX.fullmatch(a):
        yield from (a.replace(r" \\ ", " & "), a.replace("-", ""), re.sub(r"\\\\[^\\]*\\end", r"\\end", a))
    if _COMPLEX.fullmatch(a):
        yield from (a.removesuffix("i"), a.replace("i", "j") + "j", a + "^2")
    if re.search(r"[a-z]\^\d", a):
        yield re.sub(r"\^(\d)", lambda e: f"^{int(e[1]) + 1}", a, count=1)


MISS: tuple[Rule, ...] = (miss_number, miss_sign, miss_fraction, miss_surd, miss_collection, miss_other)


def rewrites(reference: str, rules: tuple[Rule, ...]) -> dict[str, str]:
    """Every rewriting of `reference` -> the name of the rule that made it; the reference itself left out."""
    found: dict[str, str] = {}
    for rule in rules:
        for text in rule(reference):
            if text and text != reference:
                found.setdefault(text, rule.__name__)
    return found
