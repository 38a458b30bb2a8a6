"""Loads a GGUF's weights: the model's shape and its vocabulary. No context, no decoding."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_cli.engine.gguf_header import Header, read_header
from tts_cli.engine.library import Library, amx_fault, library, system_info
from tts_cli.errors import ModelError

_KV_BYTES = 2  # keys and values are kept as 16-bit floats
_OTHER = "Give a decoder-only transformer model."
_BYTE_TOKEN = 1 << 5  # LLAMA_TOKEN_ATTR_BYTE


@dataclass(slots=True)
class Model:
    """Loaded weights, which several engines may use (`users`). `kv_bytes_per_token` and `attention_flops_per_cell` (per
    KV cell and row) size the context."""

    lib: Library
    handle: Any
    path: Path
    header: Header
    vocab: Vocab
    parameters: int
    n_ctx_train: int
    n_embd: int
    n_swa: int  # window of attention; 0: the whole context
    kv_bytes_per_token: int
    attention_flops_per_cell: int
    users: int = 1

    def free(self) -> None:
        """One user less, whose contexts are freed; the weights go with the last one."""
        self.users -= 1
        if self.users == 0:
            self.lib.api.llama_model_free(self.handle)


def load_model(path: Path, *, gpu_layers: int = -1) -> Model:
    """Load a GGUF file; `gpu_layers` -1: all layers, where there is a GPU.
    Raises ModelError when the file is missing, damaged or no decoder-only transformer."""
    header = read_header(path)
    lib = library()
    lib.forget_errors()
    handle = lib.api.llama_model_load_from_file(str(path).encode(), model_params(lib, system_info(), gpu_layers))
    if not handle:
        why = lib.last_error() or "it gives no reason"
        raise ModelError(f"llama.cpp cannot load {path}: {why}", "Convert the model again, or give another one.")
    try:
        _check_kind(lib.api, handle, path, header)
    except ModelError:
        lib.api.llama_model_free(handle)
        raise
    return _describe(lib, handle, path, header)


def model_params(lib: Library, info: str, gpu_layers: int) -> Any:
    """llama.cpp's parameters for loading; `info` is its system info line."""
    params = lib.api.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    if amx_fault(info):
        params.use_extra_bufts = False
    return params


def _check_kind(api: Any, handle: Any, path: Path, header: Header) -> None:
    """Only a causal transformer can fork a sequence at any token, which every search needs."""
    kind = header.architecture
    if api.llama_vocab_type(api.llama_model_get_vocab(handle)) == 0:
        raise ModelError(f"{path} has no vocabulary", "Convert the model again, with its tokenizer.")
    if api.llama_model_is_recurrent(handle) or api.llama_model_is_hybrid(handle):
        raise ModelError(f"{path} is a recurrent model ({kind}): its state cannot be shared by branches", _OTHER)
    if api.llama_model_has_encoder(handle) or not api.llama_model_has_decoder(handle):
        raise ModelError(f"{path} has an encoder ({kind})", _OTHER)
    if api.llama_model_is_diffusion(handle):
        raise ModelError(f"{path} is a diffusion model ({kind})", _OTHER)


def _describe(lib: Library, handle: Any, path: Path, header: Header) -> Model:
    api = lib.api
    layers, heads = api.llama_model_n_layer(handle), max(1, api.llama_model_n_head(handle))
    width = api.llama_model_n_embd(handle)
    head_width = int(header.metadata.get(f"{header.architecture}.attention.key_length", width // heads))
    return Model(
        lib=lib,
        handle=handle,
        path=path,
        header=header,
        vocab=Vocab(lib, api.llama_model_get_vocab(handle)),
        parameters=int(api.llama_model_n_params(handle)),
        n_embd=int(api.llama_model_n_embd(handle)),
        n_swa=int(api.llama_model_n_swa(handle)),
        n_ctx_train=int(api.llama_model_n_ctx_train(handle)),
        kv_bytes_per_token=max(1, 2 * _KV_BYTES * layers * api.llama_model_n_head_kv(handle) * head_width),
        attention_flops_per_cell=4 * layers * heads * head_width,
    )


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
        self._ids: dict[bytes, int] | None = None
        self._buffer = ctypes.create_string_buffer(256)

    def tokenize(self, text: str, *, special: bool, bos: bool = False) -> list[int]:
        """The tokens of `text`; special tokens written in it become such only with `special=True`.
        `bos` puts the beginning-of-sequence token first where the model has one. Lone surrogates become "?"."""
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
        return bool(self._api.llama_vocab_is_eog(self._handle, token))

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
