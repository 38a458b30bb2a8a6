"""Turns templates with holes into tokens, so that text from outside is never read as special tokens.

A template's own text may hold special tokens; what fills a hole (a problem, a step) may not. Plain text next
to a hole is tokenised in one run with what fills it, so that the tokens are those of the whole text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tts_cli.engine import Vocab

_GUARD = "x"


@dataclass(frozen=True, slots=True)
class Hole:
    """A place that `fill` gives a text to."""

    name: str


Piece = str | Hole | tuple[int, ...]  # plain text, a hole, or tokens that are settled


BOS, EOS = Hole("bos"), Hole("eos")  # filled by the vocabulary, not by a text


def compile_template(vocab: Vocab, parts: Iterable[str | Hole]) -> tuple[Piece, ...]:
    """Settle what of the parts' own text is special tokens; the plain text around holes stays text."""
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
    text goes on from other text.
    """
    if not text:
        return []
    if continues and _adds_space(vocab):
        guard = vocab.tokenize(_GUARD, special=False)
        tokens = vocab.tokenize(_GUARD + text, special=False)
        if tokens[: len(guard)] == guard:
            return tokens[len(guard) :]
    return vocab.tokenize(text, special=False)


def with_bos(vocab: Vocab, tokens: list[int]) -> list[int]:
    """The tokens with exactly one BOS in front, where the vocabulary wants one."""
    if vocab.bos < 0 or not vocab.add_bos or tokens[:1] == [vocab.bos]:
        return tokens
    return [vocab.bos, *tokens]


def _adds_space(vocab: Vocab) -> bool:
    pieces = (vocab.piece(token) for token in vocab.tokenize(_GUARD, special=False))
    return b"".join(pieces).startswith(b" ")


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
