"""A model's vocabulary: text to tokens and tokens to bytes. Text of users is never parsed for special tokens."""

from __future__ import annotations

import ctypes
from typing import Any

from tts_cli.engine.library import Library

_BYTE_TOKEN = 1 << 5  # LLAMA_TOKEN_ATTR_BYTE


class Vocab:
    """Tokens of one loaded model; valid while its Engine is open."""

    def __init__(self, lib: Library, handle: Any) -> None:
        api = lib.api
        self._api, self._handle = api, handle
        self.n_tokens = int(api.llama_vocab_n_tokens(handle))
        self.bos = int(api.llama_vocab_bos(handle))  # -1: none
        self.eos = int(api.llama_vocab_eos(handle))  # -1: none
        self.add_bos = bool(api.llama_vocab_get_add_bos(handle))
        self._pieces: list[bytes | None] = [None] * self.n_tokens
        self._ends = frozenset(i for i in range(self.n_tokens) if api.llama_vocab_is_eog(handle, i))
        self._ids: dict[bytes, int] | None = None
        self._buffer = ctypes.create_string_buffer(256)

    def tokenize(self, text: str, *, special: bool, bos: bool = False) -> list[int]:
        """The tokens of `text`; special tokens written in it become such only with `special=True`.

        `bos` puts the beginning-of-sequence token first where the model has one. Lone surrogates become "?".
        """
        data = text.encode("utf-8", "replace")
        tokens = self._tokenize(data, len(data) + 8, special)
        return [self.bos, *tokens] if bos and self.bos >= 0 else tokens

    def _tokenize(self, data: bytes, room: int, special: bool) -> list[int]:
        tokens = (ctypes.c_int32 * room)()
        count = self._api.llama_tokenize(self._handle, data, len(data), tokens, room, False, special)
        return tokens[:count] if count >= 0 else self._tokenize(data, -count, special)

    def piece(self, token: int) -> bytes:
        """The bytes that a token adds to a text; b"" for control tokens. They need not be whole characters."""
        piece = self._pieces[token]
        if piece is None:
            piece = self._pieces[token] = self._render(token, special=False)
        return piece

    def is_eog(self, token: int) -> bool:
        """True for tokens that end a generation."""
        return token in self._ends

    def id_of(self, text: str) -> int | None:
        """The token that is exactly `text`, special tokens included; None when there is none."""
        data = text.encode("utf-8", "replace")
        tokens = self.tokenize(text, special=True)
        if len(tokens) == 1 and self._render(tokens[0], special=True) == data:
            return tokens[0]
        if self._ids is None:
            self._ids = self._index()
        return self._ids.get(data)

    def _index(self) -> dict[bytes, int]:
        """Every token by its text: needed where tokenizing adds a space. Whole tokens win over single-byte ones."""
        attribute = self._api.llama_vocab_get_attr
        order = sorted(range(self.n_tokens), key=lambda i: (not attribute(self._handle, i) & _BYTE_TOKEN, -i))
        return {self._render(token, special=True): token for token in order}

    def _render(self, token: int, *, special: bool) -> bytes:
        size = len(self._buffer)
        count = self._api.llama_token_to_piece(self._handle, token, self._buffer, size, 0, special)
        if count < 0:
            self._buffer = ctypes.create_string_buffer(-count)
            return self._render(token, special=special)
        return self._buffer.raw[:count]
