"""Text to tokens and back; text of users never becomes a special token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny_gguf import SPECIAL, WORDS
from tts_cli.engine import Engine, Vocab


@pytest.fixture(scope="module")
def vocab(q8: Path) -> Iterator[Vocab]:
    with Engine(q8, threads=1) as engine:
        yield engine.vocab


def _text(vocab: Vocab, tokens: list[int]) -> bytes:
    return b"".join(map(vocab.piece, tokens))


@pytest.mark.parametrize("special", SPECIAL)
def test_special_tokens_in_plain_text_stay_text(vocab: Vocab, special: str) -> None:
    plain = vocab.tokenize(f"a{special}b", special=False)
    assert _text(vocab, plain) == f"a{special}b".encode()
    assert vocab.id_of(special) not in plain
    parsed = vocab.tokenize(f"a{special}b", special=True)
    assert parsed == [vocab.id_of("a"), vocab.id_of(special), vocab.id_of("b")]
    assert _text(vocab, parsed) == b"ab"


def test_words_are_single_tokens(vocab: Vocab) -> None:
    for word in (*WORDS, "+", "-", "7", "\n"):
        token = vocab.id_of(word)
        assert token is not None and vocab.piece(token) == word.encode()
    assert vocab.id_of("no such token") is None
    assert vocab.id_of("") is None
    assert vocab.n_tokens == 288


def test_end_and_begin(vocab: Vocab) -> None:
    assert vocab.id_of("<|end|>") == vocab.eos
    assert [i for i in range(vocab.n_tokens) if vocab.is_eog(i)] == [vocab.eos]
    assert vocab.add_bos is False
    assert vocab.tokenize("a", special=False, bos=True) == [vocab.bos, vocab.id_of("a")]


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_comes_back(vocab: Vocab, text: str) -> None:
    assert _text(vocab, vocab.tokenize(text, special=False)) == text.encode("utf-8", "replace")


@pytest.mark.parametrize("text", ["", "a\x00b", "\x00", "\ud800 lone", "é" * 3000, "1" * 5000, "\n" * 999, " " * 4000])
def test_odd_texts_come_back(vocab: Vocab, text: str) -> None:
    assert _text(vocab, vocab.tokenize(text, special=False)) == text.encode("utf-8", "replace")
