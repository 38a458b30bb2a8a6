"""A PRM format tied to one model's vocabulary and chat template: the tokens of a prompt and of each step.

A step's tokens end where its score is read, so the read-out is always the last of them; what a format puts
behind that place (a newline, the assistant's turn) leads the next step. Each step is tokenised alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tts_cli.errors import ModelError
from tts_cli.models.chat import Message, render
from tts_cli.models.prm.formats import PrmFormat
from tts_cli.models.tokens import Hole, Piece, compile_template, fill, with_bos

if TYPE_CHECKING:
    from tts_cli.engine import Vocab

Parts = list[str | Hole]
_PROBLEM, _MARKER = Hole("problem"), Hole("marker")


@dataclass(frozen=True, slots=True)
class PrmLayout:
    """Compiled templates, and the tokens that are compared at a step's last token."""

    prompt: tuple[Piece, ...]
    first_step: tuple[Piece, ...]
    later_step: tuple[Piece, ...]
    good: int
    bad: int

    def prompt_tokens(self, vocab: Vocab, problem: str) -> list[int]:
        return with_bos(vocab, fill(vocab, self.prompt, {"problem": problem.strip()}))

    def step_tokens(self, vocab: Vocab, step: str, *, first: bool) -> list[int]:
        """The tokens to run for one step; its score is read at the last of them."""
        template = self.first_step if first else self.later_step
        return fill(vocab, template, {"step": step.strip()}, continues=True)


def compile_format(format: PrmFormat, vocab: Vocab, chat_template: str | None) -> PrmLayout:
    """Tie a format to a model. Raises ModelError where it lacks the format's tokens or a chat template."""
    for text in format.special:
        _token(vocab, "special token", text, ())
    marker = (_token(vocab, "marker", format.marker, format.marker_ids),) if format.marker else ()
    prompt, first, later = _read_out(format, chat_template)

    def settled(parts: Parts) -> tuple[Piece, ...]:
        pieces = compile_template(vocab, parts)
        return tuple(marker if piece == _MARKER else piece for piece in pieces)

    return PrmLayout(
        prompt=settled(prompt),
        first_step=settled(first),
        later_step=settled(later),
        good=_token(vocab, "good-step token", format.good, format.good_ids),
        bad=_token(vocab, "bad-step token", format.bad, format.bad_ids),
    )


def _read_out(format: PrmFormat, chat_template: str | None) -> tuple[Parts, Parts, Parts]:
    """The prompt, the first step and a later one, each step up to where its score is read."""
    if format.at == "end":
        return _holes(format.prompt), _holes(format.opening), _holes(format.step)
    prompt, steps = _parts(format, chat_template)
    first_end = steps.index(_MARKER)
    later_end = steps.index(_MARKER, first_end + 1)
    between = steps[first_end + 1 : later_end]
    if format.at == "before":
        return prompt, steps[:first_end], [_MARKER, *between]
    return prompt, [*steps[:first_end], _MARKER], [*between, _MARKER]


def _parts(format: PrmFormat, chat_template: str | None) -> tuple[Parts, Parts]:
    """What stands before the first step, and two steps with their markers: they show all that follow."""
    prompt, first, later = map(_holes, (format.prompt, format.opening, format.step))
    if format.layout == "text":
        return prompt, [*first, *later]
    if chat_template is None:
        raise ModelError("The PRM has no chat template, which its format needs.", "Try another GGUF file of it.")
    assistant: Message = ("assistant", [_MARKER])
    turns: list[Message] = [("user", [*prompt, *first]), assistant, ("user", later), assistant]
    parts = render(chat_template, turns, open_turn=False)
    end = parts.index(_PROBLEM) + 1
    return parts[:end], parts[end:]


def _holes(text: str) -> Parts:
    parts = re.split(r"\{(problem|step|marker)\}", text)  # texts at even places, names of holes at odd ones
    mixed = [Hole(part) if place % 2 else part for place, part in enumerate(parts)]
    return [part for part in mixed if part != ""]


def _token(vocab: Vocab, what: str, text: str, allowed: tuple[int, ...]) -> int:
    token = vocab.id_of(text)
    if token is not None and (not allowed or token in allowed):
        return token
    why = "is not one token of its vocabulary" if token is None else f"is token {token}, not {_either(allowed)}"
    raise ModelError(
        f"The model cannot be read as a PRM of this format: the {what} {text!r} {why}.",
        "Give a PRM that was trained for this format, or another `--prm-format`.",
    )


def _either(ids: tuple[int, ...]) -> str:
    return " or ".join(map(str, ids))
