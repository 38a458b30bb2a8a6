"""Where a step ends, fed in pieces of every size: the decision must not depend on how tokens cut the text."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_cli.models.steps import REST_OF_PARTS, REST_OF_TURN, StepEnd, Turn, step_text
from tts_cli.protocols import Finish

NOTHING = Turn()


def run(pieces: Iterable[bytes], separator: str = "\n\n", turn: Turn = NOTHING) -> tuple[Finish | None, bytes, StepEnd]:
    """Feed pieces until the step ends -> how it ended, its bytes, and what decided it."""
    end, text = StepEnd(separator, turn), b""
    for piece in pieces:
        text += piece
        finish = end(text)
        if finish is not None:
            return finish, text, end
    return None, text, end


def by_bytes(text: str) -> list[bytes]:
    return [bytes([byte]) for byte in text.encode()]


@pytest.mark.parametrize(
    ("text", "finish", "taken", "answered"),
    [
        ("2 + 2 = 4\n\nnext", Finish.STEP, "2 + 2 = 4\n\n", False),
        ("one line\nand one more", None, "one line\nand one more", False),
        ("\n\n\n\n  first\n\nsecond", Finish.STEP, "\n\n\n\n  first\n\n", False),
        ("\n\n\n\n", None, "\n\n\n\n", False),
        (r"so \boxed{65} and more", None, r"so \boxed{65} and more", True),
        ("\\boxed{\\frac{1}{2}}.\n\n(b)", Finish.STEP, "\\boxed{\\frac{1}{2}}.\n\n", True),
        (r"\boxed {7}", None, r"\boxed {7}", True),
        (r"\boxed{\{1, 2\}} x", None, r"\boxed{\{1, 2\}} x", True),
        ("\\boxed{1\n\n2}", Finish.STEP, "\\boxed{1\n\n", False),
        (r"use \boxed{} or \boxed{ } then", None, r"use \boxed{} or \boxed{ } then", False),
        (r"use \boxed{} or \boxed{ } then \boxed{3}!", None, r"use \boxed{} or \boxed{ } then \boxed{3}!", True),
        ("use \\boxed{} at the end\n\nx", Finish.STEP, "use \\boxed{} at the end\n\n", False),
        (r"\boxed{open {", None, r"\boxed{open {", False),
        (r"boxed{5} \fbox{5}", None, r"boxed{5} \fbox{5}", False),
    ],
)
def test_end_of_a_step(text: str, finish: Finish | None, taken: str, answered: bool) -> None:
    found, bytes_taken, end = run(by_bytes(text))
    assert (found, bytes_taken, end.turn.answered) == (finish, taken.encode(), answered)


@pytest.mark.parametrize(
    ("problem", "most"),
    [
        ("What is 2 + 3?", REST_OF_TURN),
        ("", REST_OF_TURN),
        ("(a) What is 3 + 4? (b) What is 5 * 6?", REST_OF_PARTS),
        ("a) Find x. b) Find y.", REST_OF_PARTS),
        ("Part (a): find x. Part (b): find y.", REST_OF_PARTS),
        ("1. Find x.\n2. Find y.", REST_OF_PARTS),
        ("(i) Find x. (ii) Find y.", REST_OF_PARTS),
        ("Let x = 2. What is f(x)?", REST_OF_TURN),
    ],
)
def test_the_turn_is_cut_so_many_tokens_after_the_last_box(problem: str, most: int) -> None:
    pieces = [b"\\boxed{3}", *[b" and"] * 50, b" \\boxed{5}.", *[b" so"] * 1000]
    finish, text, end = run(pieces, turn=Turn(problem))
    assert finish is Finish.ANSWERED
    assert text.count(b" so") == most
    assert end.result(text, finish) == (r"\boxed{3}" + " and" * 50 + r" \boxed{5}.", Finish.ANSWERED)


def test_a_box_that_repeats_an_earlier_one_gives_no_further_tokens() -> None:
    again = rb"Or \boxed{ 5 }. And \boxed{3}. "
    finish, text, end = run([b"\\boxed{3}, then \\boxed{5}. ", *[again] * 1000])
    assert finish is Finish.ANSWERED
    assert text.count(again) == REST_OF_TURN and end.turn.boxes == {b"3", b"5"}
    assert run([again] * 1000, turn=Turn("", frozenset({b"3", b"5"})))[1] == again * REST_OF_TURN


def test_a_later_step_without_a_box_spends_what_is_left_and_is_dropped() -> None:
    finish, text, end = run([b" so"] * 1000, turn=Turn("", frozenset({b"7"}), REST_OF_TURN - 10))
    assert (finish, text) == (Finish.ANSWERED, b" so" * 10)
    assert end.result(text, finish) == ("", Finish.ANSWERED)
    assert run([b" so"] * 1000)[0] is None, "no answer, no bound"


@pytest.mark.parametrize("cut", [Finish.LENGTH, Finish.CONTEXT])
def test_a_limit_after_the_answer_finishes_the_solution(cut: Finish) -> None:
    text = b"\\boxed{3} apples. Now let us"
    _, _, end = run([text])
    assert end.result(text, cut) == (r"\boxed{3} apples.", Finish.ANSWERED)
    assert StepEnd("\n\n", NOTHING).result(b"no box", cut) == ("no box", cut)


def test_what_ends_by_itself_is_kept_whole() -> None:
    text = b"\\boxed{3} apples. I hope it is correct."
    _, _, end = run([text])
    assert end.result(text, Finish.EOS) == (text.decode(), Finish.EOS)
    assert end.result(text + b"\n\n", Finish.STEP) == (text.decode(), Finish.STEP)


@pytest.mark.parametrize(
    ("whole", "rest"),
    [
        (r"So it is \(\boxed{84}\).", " We can check that"),
        (r"So it is \(\boxed{84}\)", "\nWe can check that"),
        (r"\(x = \boxed{84}\) apples. ", "Then"),
        ("\\[\n\\boxed{84}\n\\]", "\nThis is"),
        ("$$\n\\boxed{84}\n$$", "\nThis is"),
        ("$x = \\boxed{84}$", "\nThis is"),
        ("It costs $84, so \\boxed{84}.", " Then $5"),
        ("\\begin{align*}\nx &= \\boxed{84} \\\\[2pt]\n\\end{align*}", "\nThis is"),
        (r"The answer is **\boxed{84}.**", " Let"),
        (r"\boxed{8.4} is 8.4 m.", " Let"),
        ("答案是\\boxed{84}。", "我们"),
        (r"\boxed{84}", " and then it goes on without an end"),
    ],
)
def test_a_cut_falls_after_the_formula_and_the_sentence_of_the_last_box(whole: str, rest: str) -> None:
    text = (whole + rest).encode()
    _, _, end = run([text])
    assert end.result(text, Finish.LENGTH) == (whole.strip(), Finish.ANSWERED)


NEW_PROBLEMS = [
    "\nProblem: A man has",
    "\n\nQuestion: What is 2 + 2?",
    "\n## Problem 2: A man has",
    "\n**Question:** Why",
    "\nHuman: thanks",
    "\nUser: thanks",
    "\n### Instruction:\nCompute",
    "\nQ: why?",
]


@pytest.mark.parametrize("head", NEW_PROBLEMS)
def test_an_invented_next_problem_ends_the_turn(head: str) -> None:
    finish, text, end = run(by_bytes(rf"so \boxed{{65}}{head.replace(chr(10) * 2, chr(10))} \boxed{{4}}"))
    assert finish is Finish.ANSWERED
    assert end.result(text, finish) == (r"so \boxed{65}", Finish.ANSWERED)


@pytest.mark.parametrize("head", NEW_PROBLEMS)
def test_an_invented_next_problem_in_a_step_of_its_own_comes_to_nothing(head: str) -> None:
    finish, text, end = run(by_bytes(head.strip() + r" \boxed{4}"), turn=Turn("", frozenset({b"7"}), 3))
    assert finish is Finish.ANSWERED
    assert end.result(text, finish) == ("", Finish.ANSWERED)
    assert run(by_bytes(head.strip()))[0] is not Finish.ANSWERED, "before an answer it is only a heading"


@pytest.mark.parametrize(
    ("problem", "head"),
    [
        ("Question 1: 3 + 4? Question 2: 5 * 6?", "Question 2:"),
        ("(a) What is 3 + 4? (b) What is 5 * 6?", "### Question (b):"),
        ("1. 3 + 4\n2. 5 * 6", "**Problem 2:**"),
        ("1) 3 + 4 2) 5 * 6", "Part 2: this problem: is"),
    ],
)
def test_a_further_part_of_the_problem_goes_on(problem: str, head: str) -> None:
    solution = f"\\boxed{{7}}\n{head} \\boxed{{30}}"
    finish, text, end = run(by_bytes(solution), turn=Turn(problem))
    assert (finish, text.decode(), end.turn.rest) == (None, solution, 0)


def test_separator_inside_a_token() -> None:
    assert run([b"a", b"\n\n    \n", b"b"])[:2] == (Finish.STEP, b"a\n\n    \n")


def test_separator_of_words_is_no_step_by_itself() -> None:
    finish, text, _ = run(by_bytes("## Step 1: add\n## Step 2"), "## Step")
    assert finish is Finish.STEP
    assert step_text(text, "## Step") == "## Step 1: add"


@given(
    st.lists(st.sampled_from(["\n", "a", "\\boxed{", "\\", "{", "}", "5", " ", "\\}", "é"]), max_size=30),
    st.data(),
)
def test_pieces_do_not_matter(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    finish, taken, end = run(pieces)
    exact, least, by_byte = run([bytes([byte]) for byte in text])
    assert (finish is None) == (exact is None)
    assert by_byte.turn.answered <= end.turn.answered
    assert taken.startswith(least)  # whole pieces are taken, so it may be a little more


def test_text_of_a_step() -> None:
    assert step_text(b"  x = 3\n\n", "\n\n") == "x = 3"
    assert step_text(b"\n\n", "\n\n") == ""
    assert step_text("½".encode()[:1] + b"a", "\n\n") == "\ufffda"
