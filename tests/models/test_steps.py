"""Where a step ends, fed in pieces of every size: the decision must not depend on how tokens cut the text."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_cli.models.steps import StepEnd, step_text
from tts_cli.protocols import Finish


def run(pieces: Iterable[bytes], separator: str = "\n\n") -> tuple[Finish | None, bytes]:
    """Feed pieces until the step ends -> how it ended, and its bytes."""
    end, text = StepEnd(separator), b""
    for piece in pieces:
        text += piece
        finish = end(text)
        if finish is not None:
            return finish, text
    return None, text


def by_bytes(text: str) -> list[bytes]:
    return [bytes([byte]) for byte in text.encode()]


@pytest.mark.parametrize(
    ("text", "finish", "taken"),
    [
        ("2 + 2 = 4\n\nnext", Finish.STEP, "2 + 2 = 4\n\n"),
        ("one line\nand one more", None, "one line\nand one more"),
        ("\n\n\n\n  first\n\nsecond", Finish.STEP, "\n\n\n\n  first\n\n"),
        ("\n\n\n\n", None, "\n\n\n\n"),
        (r"so \boxed{65} and more", Finish.ANSWERED, r"so \boxed{65}"),
        (r"\boxed{\frac{1}{2}}.", Finish.ANSWERED, r"\boxed{\frac{1}{2}}"),
        (r"\boxed {7}", Finish.ANSWERED, r"\boxed {7}"),
        (r"\boxed{\{1, 2\}} x", Finish.ANSWERED, r"\boxed{\{1, 2\}}"),
        ("\\boxed{1\n\n2}", Finish.STEP, "\\boxed{1\n\n"),
        (
            r"use \boxed{} or \boxed{ } then \boxed{3}!",
            Finish.ANSWERED,
            r"use \boxed{} or \boxed{ } then \boxed{3}",
        ),
        ("use \\boxed{} at the end\n\nx", Finish.STEP, "use \\boxed{} at the end\n\n"),
        (r"\boxed{open {", None, r"\boxed{open {"),
        (r"boxed{5} \fbox{5}", None, r"boxed{5} \fbox{5}"),
    ],
)
def test_end_of_a_step(text: str, finish: Finish | None, taken: str) -> None:
    assert run(by_bytes(text)) == (finish, taken.encode())


def test_separator_inside_a_token() -> None:
    assert run([b"a", b"\n\n    \n", b"b"]) == (Finish.STEP, b"a\n\n    \n")


def test_separator_of_words_is_no_step_by_itself() -> None:
    finish, text = run(by_bytes("## Step 1: add\n## Step 2"), "## Step")
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
    finish, taken = run(pieces)
    exact, least = run([bytes([byte]) for byte in text])
    assert (finish is None) == (exact is None)
    assert taken.startswith(least)  # whole pieces are taken, so it may be a little more


def test_text_of_a_step() -> None:
    assert step_text(b"  x = 3\n\n", "\n\n") == "x = 3"
    assert step_text(b"\n\n", "\n\n") == ""
    assert step_text("½".encode()[:1] + b"a", "\n\n") == "\ufffda"
