"""Loads a GGUF's weights, and says of what shape the model is. No context, no decoding."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_cli.engine import probe
from tts_cli.engine.gguf_header import Header, read_header
from tts_cli.engine.library import Library, library
from tts_cli.engine.vocab import Vocab
from tts_cli.errors import ModelError

_KV_BYTES = 2  # keys and values are kept as 16-bit floats
_OTHER = "Give a decoder-only transformer model."


@dataclass(frozen=True, slots=True)
class Model:
    """Loaded weights. `kv_bytes_per_token` and `attention_flops_per_cell` size the context."""

    lib: Library
    handle: Any
    path: Path
    header: Header
    vocab: Vocab
    parameters: int
    n_ctx_train: int
    kv_bytes_per_token: int
    attention_flops_per_cell: int

    def free(self) -> None:
        """Free the weights; call once, after every context is freed."""
        self.lib.api.llama_model_free(self.handle)


def load_model(path: Path, *, gpu_layers: int = -1) -> Model:
    """Load `path`. Raises ModelError when the file is missing, damaged or no decoder-only transformer."""
    header = read_header(path)
    lib = library()
    lib.forget_errors()
    handle = lib.api.llama_model_load_from_file(str(path).encode(), model_params(lib, probe.system_info(), gpu_layers))
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
    if probe.amx_fault(info):
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
        n_ctx_train=int(api.llama_model_n_ctx_train(handle)),
        kv_bytes_per_token=max(1, 2 * _KV_BYTES * layers * api.llama_model_n_head_kv(handle) * head_width),
        attention_flops_per_cell=4 * layers * heads * head_width,
    )
