"""Model text on a terminal: readable mathematics, and nothing that a terminal would obey."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_cli.cli.view.text import safe_text, to_unicode

READABLE = [
    (r"\frac{1}{2}", "1/2"),
    (r"\dfrac12", "1/2"),
    (r"\frac 59", "5/9"),
    (r"\frac{a+b}{c}", "(a+b)/c"),
    (r"\frac{5 \pi^2}{4}", "5 π²/4"),
    (r"\frac{1}{2x}", "1/2x"),
    (r"\frac{1}{x+1}y", "(1/(x+1))y"),
    (r"1\frac{4}{5}", "1 4/5"),
    (r"So \boxed{\frac{\sqrt{3}}{2}}.", "So [√3/2]."),
    (r"\sqrt[3]{x+1}", "∛(x+1)"),
    (r"2 \cdot 3 \times 4 \le \pi", "2 · 3 × 4 ≤ π"),
    (r"x^{2} + y^2 = z^{n+1}", "x² + y² = zⁿ⁺¹"),
    (r"x_1 + x_{12}", "x₁ + x₁₂"),
    (r"x^{a/b}", "x^(a/b)"),
    (r"90^\circ and 45^{\circ}", "90° and 45°"),
    (r"We get $x = 5$, \(y\) and \[z\].", "We get x = 5, y and z."),
    ("It costs $5 and $6.", "It costs $5 and $6."),
    (r"\$18.90 is 5\%", "$18.90 is 5%"),
    (r"\left( 3, \frac{\pi}{2} \right)", "( 3, π/2 )"),
    (r"\left\{ 1 \right\}", "{ 1 }"),
    (r"5.4 \text{ cents}", "5.4  cents"),
    (r"\begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix}", "[-1, 0; 0, -1]"),
    (r"\sin \theta", "sin θ"),
    (r"(0,9) \cup (9,\infty)", "(0,9) ∪ (9,∞)"),
    ("37 + 4 * (12 - 5) = 65", "37 + 4 * (12 - 5) = 65"),
]


@pytest.mark.parametrize(("latex", "shown"), READABLE)
def test_latex_becomes_readable(latex: str, shown: str) -> None:
    assert to_unicode(latex) == shown


@pytest.mark.parametrize(
    "text",
    [
        r"\foo{x}",
        r"\begin{align} x \end{align}",
        r"a\\b",
        "x^10",
        r"\frac{1}{",
        "[red]not markup[/red]",
        r"C:\new\table",
    ],
)
def test_what_is_not_understood_stays(text: str) -> None:
    assert to_unicode(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07ok", "ok"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jgone", "gone"),
        ("a\x00b\x08c\x7f", "abc"),
        ("one\r\ntwo\rthree", "one\ntwothree"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("left\u202eright\u2066", "leftright"),
        ("\ud800", "\ufffd"),
        ("\x1b", ""),
        ("\x1b[", ""),
        ("naïve 数学 ½ 🙂", "naïve 数学 ½ 🙂"),
    ],
)
def test_a_terminal_gets_nothing_to_obey(text: str, shown: str) -> None:
    assert safe_text(text) == shown


@given(st.text(st.characters(max_codepoint=0x2100)))
def test_no_control_character_gets_through(text: str) -> None:
    shown = safe_text(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
    assert safe_text(shown) == shown


@given(st.text(alphabet=r"ab12{}\$^_[]() +fractqboxed", max_size=60))
def test_any_text_can_be_shown(text: str) -> None:
    assert isinstance(to_unicode(text), str)


@pytest.mark.parametrize(
    "text",
    ["\\frac{" * 20_000, "\\(" * 50_000, "$" * 100_000, "{" * 50_000 + "}" * 50_000, "^" * 100_000,
    "\x1b]" * 50_000, "\\[" * 50_000],
    ids=lambda text: text[:6],
)  # fmt: skip
def test_hostile_text_ends(text: str) -> None:
    assert len(to_unicode(safe_text(text))) <= len(text)
