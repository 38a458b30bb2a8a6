"""How models are asked: from texts with holes to tokens, and never a special token out of a text from outside.

1. A `PromptStyle` (or a PRM's format) says what stands around a problem or a step, which are `Hole`s in it.
2. `render` writes a conversation as the model's own Jinja chat template does. Messages hold holes, not texts: a hole is
   rendered as one private-use character, and the result is split there. So nothing that a problem says can reach the
   template's logic. A template is a program from outside, so it runs in a process with limits (`template_worker.py`).
   The date that some templates print is pinned: a prompt must not differ from one day to the next.
3. `compile_template` settles which parts of the template's own text are special tokens.
4. `fill` puts the texts in. Plain text next to a hole is tokenised in one run with what fills it, so that the tokens
   are those of the whole text.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, field_validator

from tts_cli.errors import ModelError, TtsError, reason
from tts_cli.models.template_worker import LONGEST, MEMORY_LIMIT, TIME_LIMIT
from tts_cli.worker_process import WorkerProcess

if TYPE_CHECKING:
    from tts_cli.engine import Vocab

_START_LIMIT = 120.0  # seconds to load Jinja, on a machine that is busy
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


def policy_prompt(template: str | None, style: PromptStyle, then: Sequence[Message] = ()) -> list[str | Hole]:
    """The prompt of one problem, with the hole `problem`, and the turns `then` that follow it.
    Without a template (or with an empty one) the messages are plain paragraphs, then "Solution:", and nothing follows.
    Where a template refuses a system message, its text goes in front of the user's. Raises ModelError for an unusable
    template."""
    before, after = style.user.split("{problem}")
    user: Text = [before, Hole("problem"), after]
    system = [style.system] if style.system else []
    if template is None or not template.strip():
        return [*(f"{text}\n\n" for text in system), "Problem: ", *user, "\n\nSolution:"]
    messages: list[Message] = [("system", system)] if system else []
    try:
        return render(template, [*messages, ("user", user), *then], open_turn=True)
    except ModelError as error:
        if not system or isinstance(error, CostlyTemplate):
            raise
    return render(template, [("user", [*system, "\n\n", *user]), *then], open_turn=True)


def render(template: str, messages: Sequence[Message], *, open_turn: bool) -> list[str | Hole]:
    """A conversation as the template writes it, cut at its holes, BOS and EOS among them.
    `open_turn`: end where the assistant begins. Raises ModelError for a template that is malformed, fails, loses a
    hole or does too much work."""
    sentinels = map(chr, range(_FIRST_SENTINEL, _SENTINELS_END))
    holes = {next(sentinels): hole for hole in (BOS, EOS)}
    bos, eos = holes

    def marked(part: str | Hole) -> str:
        if isinstance(part, Hole):
            sentinel = next(sentinels)
            holes[sentinel] = part
            return sentinel
        return part

    contents = tuple((role, "".join(map(marked, text))) for role, text in messages)
    text = _rendered(template, contents, bos, eos, open_turn)
    if any(sentinel not in text for sentinel, hole in holes.items() if hole not in (BOS, EOS)):
        raise _unusable("it leaves out a message")
    return [holes.get(part, part) for part in re.split(f"([{''.join(holes)}])", text) if part]


@lru_cache(maxsize=16)  # the models of one run that share a template need one process
def _rendered(template: str, messages: tuple[tuple[str, str], ...], bos: str, eos: str, open_turn: bool) -> str:
    """What the template makes of the messages, in a process that is ended when it takes too long."""
    request = {"template": template, "messages": messages, "bos": bos, "eos": eos, "open_turn": open_turn}
    try:
        worker = WorkerProcess("tts_cli.models.template_worker", silent=True)
    except OSError as error:
        raise _not_started(reason(error)) from error
    try:
        if worker.receive(time.monotonic() + _START_LIMIT) is None:
            raise _not_started("the process ended while it was loading")
        worker.send(json.dumps(request))
        line = worker.receive(time.monotonic() + TIME_LIMIT)
    finally:
        worker.kill()
    reply = {} if line is None else json.loads(line)
    if "error" in reply:
        raise _unusable(reply["error"])
    if "text" not in reply:
        raise CostlyTemplate()
    return str(reply["text"])


class CostlyTemplate(ModelError):
    """A chat template that exceeds the limits of its process."""

    def __init__(self) -> None:
        super().__init__(
            "The model's chat template does too much work for a prompt: more than "
            f"{TIME_LIMIT:g} seconds, {MEMORY_LIMIT >> 20} MB, or {LONGEST:,} characters.",
            "Try another GGUF file of this model, from a publisher you trust.",
        )


def _unusable(why: str) -> ModelError:
    return ModelError(f"The model's chat template cannot be used: {why}.", "Try another GGUF file of this model.")


def _not_started(why: str) -> TtsError:
    return TtsError(
        f"The renderer of chat templates (Jinja) could not be started: {why}.",
        "Install the package again; `python -c 'import jinja2'` shows what is missing.",
    )


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
