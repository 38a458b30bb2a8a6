"""How models are asked: from texts with holes to tokens, and never a special token out of a text from outside.

1. A `PromptStyle` (or a PRM's format) says what stands around a problem or a step, which are `Hole`s in it.
2. `render` writes a conversation as the model's own Jinja chat template does. Messages hold holes, not texts: a hole is
   rendered as one private-use character, and the result is split there. So nothing that a problem says can reach the
   template's logic. The date that some templates print is pinned: a prompt must not differ from one day to the next.
3. `compile_template` settles which parts of the template's own text are special tokens.
4. `fill` puts the texts in. Plain text next to a hole is tokenised in one run with what fills it, so that the tokens
   are those of the whole text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import BaseModel, ConfigDict, field_validator

from tts_cli.errors import ModelError, reason

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.nodes import Node
    from jinja2.parser import Parser

    from tts_cli.engine import Vocab

DATE = datetime(2024, 7, 26)
DAY = "%d %b %Y"
_FIRST_SENTINEL, _SENTINELS_END = 0xF800, 0xF900  # private use: no text that is rendered holds these
_GUARD = "x"


class PromptStyle(BaseModel):
    """How a policy is asked: a system message (or none), and the user message around `{problem}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: tuple[str, ...] = ()  # a model whose name holds one of these (lower case) is asked like this
    system: str | None = None
    user: str = "{problem}"

    @field_validator("user")
    @classmethod
    def _holds_the_problem(cls, user: str) -> str:
        if user.count("{problem}") != 1:
            raise ValueError("must hold {problem} once")
        return user


@dataclass(frozen=True, slots=True)
class Hole:
    """A place that `fill` gives a text to."""

    name: str


BOS, EOS = Hole("bos"), Hole("eos")  # filled by the vocabulary, not by a text
Piece = str | Hole | tuple[int, ...]  # plain text, a hole, or tokens that are settled
Text = Sequence[str | Hole]
Message = tuple[str, Text]  # role, content


# --- chat templates ---


def policy_prompt(template: str | None, style: PromptStyle) -> list[str | Hole]:
    """The prompt of one problem, with the hole `problem`.
    Without a template (or with an empty one) the messages are plain paragraphs, then "Solution:". Where a template
    refuses a system message, its text goes in front of the user's. Raises ModelError for an unusable template."""
    before, after = style.user.split("{problem}")
    user: Text = [before, Hole("problem"), after]
    system = [style.system] if style.system else []
    if template is None or not template.strip():
        return [*(f"{text}\n\n" for text in system), "Problem: ", *user, "\n\nSolution:"]
    messages: list[Message] = [("system", system)] if system else []
    try:
        return render(template, [*messages, ("user", user)], open_turn=True)
    except ModelError:
        if not system:
            raise
    return render(template, [("user", [*system, "\n\n", *user])], open_turn=True)


def render(template: str, messages: Sequence[Message], *, open_turn: bool) -> list[str | Hole]:
    """A conversation as the template writes it, cut at its holes, BOS and EOS among them.
    `open_turn`: end where the assistant begins. Raises ModelError for a template that is malformed, fails or
    loses a hole."""
    from jinja2 import TemplateError

    sentinels = map(chr, range(_FIRST_SENTINEL, _SENTINELS_END))
    holes = {next(sentinels): hole for hole in (BOS, EOS)}
    bos, eos = holes

    def marked(part: str | Hole) -> str:
        if isinstance(part, Hole):
            sentinel = next(sentinels)
            holes[sentinel] = part
            return sentinel
        return part

    contents = [{"role": role, "content": "".join(map(marked, text))} for role, text in messages]
    values = {"messages": contents, "bos_token": bos, "eos_token": eos, "date_string": DATE.strftime(DAY)}
    try:
        text = _environment().from_string(template).render(values, add_generation_prompt=open_turn, tools=None)
    except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise _unusable(reason(error)) from error
    if any(sentinel not in text for sentinel, hole in holes.items() if hole not in (BOS, EOS)):
        raise _unusable("it leaves out a message")
    return [holes.get(part, part) for part in re.split(f"([{''.join(holes)}])", text) if part]


def _environment() -> Environment:
    """Jinja as chat templates expect it (trimmed blocks, loop controls, a few helpers), in a sandbox."""
    from jinja2.ext import Extension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class GenerationTag(Extension):
        """`{% generation %}` marks what a model is trained on; for a prompt it means nothing."""

        tags = {"generation"}  # noqa: RUF012 - jinja2 wants an instance variable

        def parse(self, parser: Parser) -> list[Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", GenerationTag]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = DATE.strftime
    return environment


def _tojson(value: Any, indent: int | None = None, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)  # Jinja's own escapes HTML


def _raise_exception(message: str) -> NoReturn:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _unusable(why: str) -> ModelError:
    return ModelError(f"The model's chat template cannot be used: {why}.", "Try another GGUF file of this model.")


# --- tokens ---


def compile_template(vocab: Vocab, parts: Iterable[str | Hole]) -> tuple[Piece, ...]:
    """Settle which parts of the template's own text are special tokens; plain text around holes stays text."""
    ends = {BOS: vocab.bos, EOS: vocab.eos}
    pieces: list[Piece] = []
    for part in parts:
        if isinstance(part, str):
            pieces += _split(vocab, part)
        elif part not in ends:
            pieces.append(part)
        elif ends[part] >= 0:
            pieces.append((ends[part],))
    return tuple(pieces)


def fill(vocab: Vocab, template: Iterable[Piece], values: Mapping[str, str], *, continues: bool = False) -> list[int]:
    """The tokens of a template with its holes filled. `continues`: plain text stands before it."""
    tokens: list[int] = []
    run = ""
    for piece in template:
        if isinstance(piece, tuple):
            tokens += plain_tokens(vocab, run, continues=continues and not tokens)
            tokens += piece
            run = ""
        else:
            run += values[piece.name] if isinstance(piece, Hole) else piece
    return tokens + plain_tokens(vocab, run, continues=continues and not tokens)


def plain_tokens(vocab: Vocab, text: str, *, continues: bool = False) -> list[int]:
    """Tokens of a text that holds nothing special, whatever it looks like.
    Vocabularies of the SentencePiece kind put a space before a text; `continues` keeps it away where the
    text goes on from other text."""
    if not text:
        return []
    guard = vocab.tokenize(_GUARD, special=False) if continues else []
    if b"".join(map(vocab.piece, guard)).startswith(b" "):
        tokens = vocab.tokenize(_GUARD + text, special=False)
        if tokens[: len(guard)] == guard:
            return tokens[len(guard) :]
    return vocab.tokenize(text, special=False)


def with_bos(vocab: Vocab, tokens: list[int]) -> list[int]:
    """The tokens with exactly one BOS in front, where the vocabulary wants one."""
    if vocab.bos < 0 or not vocab.add_bos or tokens[:1] == [vocab.bos]:
        return tokens
    return [vocab.bos, *tokens]


def _split(vocab: Vocab, text: str) -> list[Piece]:
    """A template's own text as plain head, tokens from its first to its last special one, plain tail."""
    tokens = vocab.tokenize(text, special=True)
    special = [place for place, token in enumerate(tokens) if not vocab.piece(token)]
    if not special:
        return [text] if text else []
    first, end = special[0], special[-1] + 1
    head = _text_of(vocab, tokens[:first], text.startswith)
    tail = _text_of(vocab, tokens[end:], text.endswith)
    return [piece for piece in (head, tuple(tokens[first:end]), tail) if piece]


def _text_of(vocab: Vocab, tokens: list[int], occurs: Callable[[str], bool]) -> str:
    text = b"".join(map(vocab.piece, tokens)).decode("utf-8", "replace")
    return text if occurs(text) else text.removeprefix(" ")  # the space that SentencePiece adds
