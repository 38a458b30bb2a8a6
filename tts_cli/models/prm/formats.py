"""PRM formats: how a problem and its steps are laid out for a PRM, as data and tied to one model.

1. `PrmFormat` is a `formats` entry of models.yaml: templates with the holes `{problem}`, `{step}`, `{marker}`, or none
   for a model that reads solutions as if it had written them (`solution.py`).
2. A `StepLayout` is one tied to a model's vocabulary and chat template: it gives the tokens of a prompt and of each
   step. `compile_format` makes that of templates, `PrmLayout`.

In a layout of templates a step's tokens end where its score is read (at a marker token, right before it, or at the last
token of the step's template); what a format puts behind that place (a newline, the assistant's turn) leads the next
step. Each step is tokenised alone. What is read there is the business of `read_outs.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from tts_cli.errors import ModelError
from tts_cli.models.prompts import Hole, Message, Piece, Text, compile_template, fill, plain_tokens, render, with_bos

if TYPE_CHECKING:
    from tts_cli.engine import Vocab

Parts = list[str | Hole]
Word = Annotated[str, Field(min_length=1)]
Spellings = Word | Annotated[tuple[Word, ...], Field(min_length=1)]
_PROBLEM, _STEP, _MARKER = Hole("problem"), Hole("step"), Hole("marker")
_LATER = ("of", "suffix", "read", "head", "over", "aggregate", "threshold", "system", "split", "after")
_AFTER_THE_BOX = re.compile(r"(\\boxed\{[^{}]*\})[\s.]+$")


class PrmFormat(BaseModel):
    """One PRM family's format, or a way in which any language model judges (`of`); a `formats` entry of models.yaml.

    `prompt` stands before the first step, `first_step` and `step` once per step; they hold `{problem}`,
    `{step}` and `{marker}`. In a "chat" layout each step is a user turn and the marker the assistant's
    turn of the model's own chat template; `prompt` then holds what precedes the first step in its turn. In an "answer"
    layout `prompt` is the user's turn, after a `system` message if there is one, and all steps are one turn of the
    assistant's; with `at: suffix` that holds the solution as the policy wrote it, and is read where the turn has ended.
    With `at: end` there is no marker. `split`: where a step has this text, the marker stands instead; it is read at the
    last one. `after`: what stands up to this text, a thought, is left out. `special` lists what of the templates must
    be one token each. `up_to_the_box` is for a PRM trained on solutions that stop there: the full stop after a box is
    not given to it. The `..._ids` are a check: where given, the texts must come out as one of these token ids.

    In a "solution" layout the model's own prompt and separator stand around the steps, and there are no templates. Read
    by `likelihood`, a step scores the probability of its tokens, of those that match `over` alone; read by the `pair`,
    that of `good` as the answer to the question `suffix`, which leaves again; read by a `head` (heads.py), what that
    makes of the model's states. In the other layouts a head is a published one. `head` is the fingerprint of its file.

    `aggregate` is how step scores become a solution's score, `threshold` what a doubtful step scores below, if not as
    for other PRMs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Literal["prm", "any"] = "prm"
    layout: Literal["text", "chat", "answer", "solution"] = "text"
    system: str = ""
    prompt: str = ""
    step: str = ""
    first_step: str = ""
    suffix: str = ""
    marker: str = ""
    split: str = ""
    after: str = ""
    at: Literal["marker", "before", "end", "suffix"] = "marker"
    read: Literal["pair", "likelihood", "head"] = "pair"
    head: str = ""
    over: str = ""
    good: Spellings = "+"
    bad: Spellings = "-"
    special: tuple[str, ...] = ()
    up_to_the_box: bool = False
    marker_ids: tuple[int, ...] = ()
    good_ids: tuple[int, ...] = ()
    bad_ids: tuple[int, ...] = ()
    aggregate: str | None = None
    threshold: float | None = Field(default=None, ge=0, le=1, strict=True)

    @field_validator("over")
    @classmethod
    def _is_a_pattern(cls, over: str) -> str:
        try:
            re.compile(over)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return over

    @model_validator(mode="after")
    def _has_its_holes(self) -> PrmFormat:
        if self.layout == "solution":
            return self._has_no_templates()
        if self.prompt.count("{problem}") != 1:
            raise ValueError("`prompt` must hold {problem} once")
        if self.suffix or self.read == "likelihood":
            raise ValueError("`suffix` and `read: likelihood` are for the solution layout")
        if (self.layout != "answer" and (self.system or self.at == "suffix")) or (self.after and self.at != "suffix"):
            raise ValueError("`system` and `at: suffix` are for the answer layout, `after` for `at: suffix`")
        if (self.marker == "") != (self.at in ("end", "suffix")):
            raise ValueError("`marker` must be given, but for `at: end`")
        if self.at == "end" and self.layout == "chat":
            raise ValueError("`at: end` is for the text layout")
        return self if self.at == "suffix" else self._has_steps()

    def _has_steps(self) -> PrmFormat:
        marked = self.layout != "chat" and self.at != "end"
        if self.split and not (marked and self.at == "marker"):
            raise ValueError("`split` is for `at: marker`")
        per_step = ("{step}", "{marker}") if marked else ("{step}",)
        for name, text in (("step", self.step), ("first_step", self.opening)):
            if any(text.count(hole) != 1 for hole in per_step):
                raise ValueError(f"`{name}` must hold each of {', '.join(per_step)} once")
        if marked and self.opening.rpartition("{marker}")[2] != self.step.rpartition("{marker}")[2]:
            raise ValueError("`first_step` and `step` must go on alike after {marker}")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Fields that came later are left out where they say nothing: fingerprints and stores of older runs hold."""
        fields: dict[str, Any] = dump(self)
        unset = {name for name in _LATER if getattr(self, name) == type(self).model_fields[name].default}
        return {name: value for name, value in fields.items() if name not in unset}

    def _has_no_templates(self) -> PrmFormat:
        if self.prompt or self.opening or self.marker or self.system or self.split or self.after:
            raise ValueError("in the solution layout prompt and steps are the model's own: give no template")
        if bool(self.suffix) != (self.at == "suffix"):
            raise ValueError("`suffix` and `at: suffix` go together")
        if bool(self.suffix) != (self.read == "pair"):
            raise ValueError("give a `suffix`, or `read: likelihood`")
        if bool(self.head) != (self.read == "head"):
            raise ValueError("a head is read from its file: give that as `--prm`")
        return self

    @property
    def opening(self) -> str:
        """The first step's template: `first_step`, or `step` where that is not given."""
        return self.first_step or self.step


@dataclass(frozen=True, slots=True)
class StepTokens:
    """What is run for a prompt or for one step: `kept`, from which the next step goes on, then `suffix`, which leaves
    again; what is read is read off the suffix where there is one.

    `held` are last tokens that are left to the next step's run. `begin`: where in `kept` + `held` its own tokens begin,
    as those before were held back by what stands before it.
    """

    kept: Sequence[int]
    suffix: Sequence[int] = ()
    held: tuple[int, ...] = ()
    begin: int = 0


class StepLayout(Protocol):
    """What stands around a problem and its steps, in tokens of one model."""

    @property
    def final_differs(self) -> bool:
        """A step that none follows has other tokens."""
        ...

    def start(self, vocab: Vocab, problem: str) -> StepTokens:
        """What stands before the first step; nothing in the problem is read as a special token."""
        ...

    def next(self, vocab: Vocab, step: str, held: tuple[int, ...], *, first: bool, final: bool) -> StepTokens:
        """One step, after what was held back before it."""
        ...


@dataclass(frozen=True, slots=True)
class PrmLayout:
    """A format's templates, compiled for one vocabulary: a `StepLayout`."""

    prompt: tuple[Piece, ...]
    first_step: tuple[Piece, ...]
    later_step: tuple[Piece, ...]
    up_to_the_box: bool = False
    marker: tuple[int, ...] = ()
    split: str = ""

    @property
    def final_differs(self) -> bool:
        return False

    def start(self, vocab: Vocab, problem: str) -> StepTokens:
        return StepTokens(self.prompt_tokens(vocab, problem))

    def next(self, vocab: Vocab, step: str, held: tuple[int, ...], *, first: bool, final: bool) -> StepTokens:
        return StepTokens(self.step_tokens(vocab, step, first=first))

    def prompt_tokens(self, vocab: Vocab, problem: str) -> list[int]:
        """The tokens before the first step; nothing in the problem is read as a special token."""
        return with_bos(vocab, fill(vocab, self.prompt, {"problem": problem.strip()}))

    def step_tokens(self, vocab: Vocab, step: str, *, first: bool) -> list[int]:
        """The tokens to run for one step; its score is read off the last of them."""
        template = self.first_step if first else self.later_step
        text = (_AFTER_THE_BOX.sub(r"\1", step) if self.up_to_the_box else step).strip()
        if self.split:
            return self._split(vocab, template, text.split(self.split))
        tokens = fill(vocab, template, {"step": text}, continues=True)
        return tokens if not self.marker else [*_without(vocab, tokens[:-1], self.marker[0]), tokens[-1]]

    def _split(self, vocab: Vocab, template: tuple[Piece, ...], lines: Sequence[str]) -> list[int]:
        """The marker after each part of a step; each is tokenised alone."""
        tokens: list[int] = []
        for piece in template[:-1]:  # the last one is the marker
            if piece == _STEP:
                for line in lines:
                    tokens += [*plain_tokens(vocab, line, continues=True), *self.marker]
            else:
                tokens += fill(vocab, [piece], {}, continues=True)
        return tokens


def _without(vocab: Vocab, tokens: Sequence[int], marker: int) -> list[int]:
    """A step may have the text of an ordinary token that marks steps: it is written in two tokens then."""
    if marker not in tokens:
        return list(tokens)
    text = vocab.piece(marker).decode("utf-8", "replace")
    halves = [plain_tokens(vocab, half, continues=True) for half in (text[: len(text) // 2], text[len(text) // 2 :])]
    return [one for token in tokens for one in (chain(*halves) if token == marker else (token,))]


def compile_format(format: PrmFormat, vocab: Vocab, chat_template: str | None) -> PrmLayout:
    """Tie a format to a model. Raises ModelError where it lacks the format's tokens or a chat template."""
    for text in format.special:
        one_token(vocab, "special token", text, ())
    marker = (one_token(vocab, "marker", format.marker, format.marker_ids),) if format.marker else ()
    prompt, first, later = _up_to_the_score(format, chat_template)

    def settled(parts: Parts) -> tuple[Piece, ...]:
        pieces = compile_template(vocab, parts)
        return tuple(marker if piece in (_MARKER, format.split or _MARKER) else piece for piece in pieces)

    # Read before its marker, a step cannot be mistaken for one; in turns of its own neither.
    apart = format.layout == "chat" or format.at != "marker"
    start = compile_template(vocab, prompt)  # a newline there may well be one token with what stands before it
    layout = PrmLayout(start, settled(first), settled(later), format.up_to_the_box)
    return layout if apart else replace(layout, marker=marker, split=format.split)


def _up_to_the_score(format: PrmFormat, chat_template: str | None) -> tuple[Parts, Parts, Parts]:
    """The prompt, the first step and a later one, each step up to where its score is read."""
    prompt, steps = _parts(format, chat_template)
    if format.at == "end":
        return prompt, _holes(format.opening), _holes(format.step)
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
    if format.layout == "answer":
        return answer_turn(format, chat_template)[0], [*first, *later]
    assistant: Message = ("assistant", [_MARKER])
    parts = _turns(chat_template, [("user", [*prompt, *first]), assistant, ("user", later), assistant])
    end = parts.index(_PROBLEM) + 1
    return parts[:end], parts[end:]


def answer_turn(format: PrmFormat, chat_template: str | None) -> tuple[Parts, Parts]:
    """What stands around an answer in the assistant's turn, in the model's chat template. Raises ModelError."""
    system: list[Message] = [("system", [format.system])] if format.system else []
    answer: Text = [_STEP]
    parts = _turns(chat_template, [*system, ("user", _holes(format.prompt)), ("assistant", answer)])
    place = parts.index(_STEP)
    return parts[:place], parts[place + 1 :]


def _turns(chat_template: str | None, turns: Sequence[Message]) -> Parts:
    if chat_template is None or not chat_template.strip():
        raise no_chat_template()
    return render(chat_template, turns, open_turn=False)


def no_chat_template() -> ModelError:
    """Of a model that cannot be asked in turns."""
    return ModelError("The PRM has no chat template, which its format needs.", "Try another GGUF file of it.")


def _holes(text: str) -> Parts:
    parts = re.split(r"\{(problem|step|marker)\}", text)  # texts at even places, names of holes at odd ones
    mixed = [Hole(part) if place % 2 else part for place, part in enumerate(parts)]
    return [part for part in mixed if part != ""]


def one_token(vocab: Vocab, what: str, text: str, allowed: tuple[int, ...]) -> int:
    """The token that is exactly `text`. Raises ModelError where there is none, or it is none of those `allowed`."""
    token = vocab.id_of(text)
    if token is not None and (not allowed or token in allowed):
        return token
    either = " or ".join(map(str, allowed))
    why = "is not one token of its vocabulary" if token is None else f"is token {token}, not {either}"
    raise ModelError(
        f"The model cannot be read as a PRM of this format: the {what} {text!r} {why}.",
        "Give a PRM that was trained for this format, or another `--prm-format`.",
    )
