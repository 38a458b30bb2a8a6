"""The page of a search: formulas as MathML, one mark for the chosen answer, the tree from the problem on."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from tests.cli import scripted
from tests.cli.test_view import Tags
from tts_cli.analysis.tree import TreeState
from tts_cli.cli.view import html, mathml
from tts_cli.search.events import Event, SearchEnded, SolutionFinished, StepSampled

DRAWN = [
    (r"so $\frac{1}{2}$ is", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
    (r"\(x^2\)", "<msup><mi>x</mi><mn>2</mn></msup>"),
    (r"\[ \sqrt{3} \]", '<math display="block">'),
    (r"$$x_1$$", "<msub><mi>x</mi><mn>1</mn></msub>"),
    (r"\boxed{\frac{3}{4}}.", '<menclose notation="box">'),
    (r"$\begin{pmatrix}1&2\\3&4\end{pmatrix}$", "<mtable>"),
    (r"$5 \text{ apples} < 6$", "<mtext> apples</mtext>".replace(" ", "\N{NO-BREAK SPACE}")),
    (r"$50\%$", "%"),
]


@pytest.mark.parametrize(("text", "part"), DRAWN)
def test_formulas_are_drawn(text: str, part: str) -> None:
    found = mathml.formatted(text)
    assert part in found and found.count("<math") == found.count("</math>") == 1
    assert "\\" not in found


@pytest.mark.parametrize(
    ("answer", "part"),
    [(r"\frac{1}{2}", "<mfrac>"), ("x^2", "<msup>"), (r"\sqrt2", "<msqrt>"), (r"$\pi$", "<mi>"), ("2^{10}", "<msup>")],
)
def test_an_answer_is_a_formula_as_a_whole(answer: str, part: str) -> None:
    assert part in mathml.formula(answer)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It costs $5 for apples and she has 3$ left.", "It costs 5 for apples and she has 3 left."),
        (r"\$5 and \$6", "$5 and $6"),
        ("$5 and $6", "$5 and $6"),
        (r"$\unknown{x}$", r"\unknown{x}"),
        (r"$\frac{1}{$", r"\frac{1}{"),
        (r"\boxed{x", r"\boxed{x"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("12 - 5 = 7", "12 - 5 = 7"),
        (r"$a\\b$", r"a\\b"),
    ],
)
def test_what_is_no_formula_stays_text(text: str, shown: str) -> None:
    assert mathml.formatted(text) == shown


HOSTILE = [
    r"$\href{javascript:alert(1)}{x}$",
    r"$\text{<script>alert(1)</script>}$",
    r"$\text{&lt;img src=x onerror=alert(1)&gt;}$",
    r"$\style{position:fixed}{x} \class{a}{x} \cssId{a}{x}$",
    r'$\color{red" onload="x}{x}$',
    r"$\hspace{100000em}x \rule{9em}{9em}$",
    "$<b>x</b>$",
    r"$\mathrm{<style>*{display:none}</style>}$",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_latex_brings_nothing_into_the_page(text: str) -> None:
    tags = Tags()
    tags.feed(mathml.formatted(text) + mathml.formula(text.strip("$")))
    assert tags.open == []
    assert not [tag for tag in tags.seen if not re.fullmatch("m[a-z]+", tag)]
    assert tags.attributes <= {"display", "width", "stretchy", "notation"}
    assert "100000em" not in mathml.formatted(text)


@pytest.mark.parametrize(
    "text",
    [
        "$" + "{" * 200 + "x" + "}" * 200 + "$",
        "$" + r"\sqrt" * 90 + "x$",
        "$" + "x^" * 240 + "x$",
        "$" + r"\frac12" * 70 + "$",
        r"\boxed{" * 10_000,
        r"\(" * 30_000,
        "$" * 60_000,
        "$x$ " * 5_000,
        "$" + r"\begin{matrix}" * 30 + "$",
        "$" + r"\left(" * 80 + "$",
        r"\boxed{" + "x" * 60_000 + "}",
    ],
)
def test_hostile_latex_is_bounded_in_time(text: str) -> None:
    begin = time.process_time()
    tags = Tags()
    tags.feed(mathml.formatted(text))
    assert tags.open == []
    assert time.process_time() - begin < 10


def page(events: list[Event], **changes: object) -> str:
    return html.page(TreeState(events), scripted.record(**changes))


@pytest.mark.parametrize("events", [scripted.ended(), scripted.auto(), scripted.wide(8, 3)])
def test_no_tick_and_no_colour_says_right(events: list[Event]) -> None:
    text = page(events)
    assert "✓" not in text and "tick" not in text and "--good" not in text
    solutions = TreeState(events).solutions
    marked = text.count("chosen answer: ") + text.count("<span class=end>finished: ")
    assert marked == len(solutions)


def test_only_the_chosen_answer_is_marked() -> None:
    text = page(scripted.ended())
    assert text.count("chosen answer: 65") == 1 and text.count("<span class=end>finished: 55") == 1
    withheld = page(
        [*scripted.beam(), SearchEnded(6, None, 0.4, "low-confidence")], answer=None, finish="low-confidence"
    )
    assert "chosen answer" not in withheld and "finished: 65" in withheld
    attempt = page([StepSampled(1, 0, "and so on", 3, "step"), SearchEnded(1, None, None, "max-steps")], answer=None)
    assert "chosen answer" not in attempt and "and so on" in attempt and "<span class=end>" not in attempt
    without = [StepSampled(1, 0, "I give up", 3, "eos"), SolutionFinished(1, None, None)]
    assert "finished without an answer" in page([*without, SearchEnded(1, None, None, "no-answer")], answer=None)


class Branches(Tags):
    """Collects for each step how many branches it stands in."""

    def __init__(self) -> None:
        super().__init__()
        self.depths: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "span" and str(dict(attrs).get("class", "")).startswith("step"):
            self.depths.append(self.open.count("div"))


CHAIN = [StepSampled(n, n - 1, f"step {n}", 3, "step") for n in range(1, 4)]


@pytest.mark.parametrize(
    ("events", "depths"),
    [
        (CHAIN[:1], [1]),
        (CHAIN, [1, 1, 1]),
        ([CHAIN[0], StepSampled(2, 0, "other", 3, "step")], [1, 1]),
        ([*CHAIN[:2], StepSampled(3, 1, "other", 3, "step")], [1, 2, 2]),
        ([CHAIN[0], StepSampled(2, 1, "a", 3, "eos"), StepSampled(3, 1, "b", 3, "eos")], [1, 2, 2]),
        ([], []),
    ],
)
def test_every_step_is_in_the_tree_below_the_problem(events: list[Event], depths: list[int]) -> None:
    branches = Branches()
    branches.feed(page(events))
    assert branches.open == [] and branches.depths == depths


def test_the_converter_is_loaded_for_a_page_alone() -> None:
    script = "import sys; import tts_cli.cli.view.html, tts_cli.cli.show; print('latex2mathml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
