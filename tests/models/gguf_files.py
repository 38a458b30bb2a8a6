"""Tiny GGUFs for the models package: with other metadata, with a BOS, with a SentencePiece vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gguf

from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf

CHATML = ("<|im_start|>", "<|im_end|>", "<|pad|>")
LLAMA3 = (
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|pad|>",
)
_NORMAL, _UNKNOWN, _CONTROL, _UNUSED, _BYTE = 1, 2, 3, 5, 6


def with_metadata(source: Path, target: Path, **changes: Any) -> Path:
    """Copy a GGUF with other metadata; `__` in a name stands for `.`, None removes a key."""
    reader = gguf.GGUFReader(source)
    wanted = {name.replace("__", "."): value for name, value in changes.items()}
    metadata = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    architecture = metadata.pop("general.architecture")
    writer = gguf.GGUFWriter(target, architecture)
    for name, value in {**metadata, **wanted}.items():
        _add(writer, name, value)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def _add(writer: gguf.GGUFWriter, name: str, value: Any) -> None:
    kinds = (
        (bool, writer.add_bool),
        (int, writer.add_uint32),
        (float, writer.add_float32),
        (str, writer.add_string),
    )
    if isinstance(value, list):
        writer.add_array(name, value)
    elif value is not None:
        next(add for kind, add in kinds if isinstance(value, kind))(name, value)


def write_chat_gguf(
    path: Path,
    special: Sequence[str],
    template: str | None,
    *,
    eos: str,
    add_bos: bool = False,
    **metadata: Any,
) -> Path:
    """A tiny model with these special tokens (the first is BOS) and this chat template."""
    plain = write_tiny_gguf(path.with_suffix(".plain"), special=special, chat_template=template, eos=eos)
    tokens = gguf.GGUFReader(plain).fields["tokenizer.ggml.tokens"].contents()
    bos = {
        "tokenizer__ggml__bos_token_id": tokens.index(special[0]),
        "tokenizer__ggml__add_bos_token": add_bos,
    }
    return with_metadata(plain, path, **bos, **metadata)


def write_prm_gguf(path: Path, *, declares: str | None = None, **tiny: Any) -> Path:
    """A tiny model with nano's tokens and template, which may declare a PRM format."""
    plain = write_tiny_gguf(path.with_suffix(".plain"), chat_template=CHAT_TEMPLATE, **tiny)
    return with_metadata(plain, path, tts__prm__format=declares)


def write_sentencepiece_gguf(path: Path, pieces: Sequence[str]) -> Path:
    """A tiny model whose vocabulary is <unk> <s> </s>, the bytes, and `pieces` from best to worst."""
    plain = write_tiny_gguf(path.with_suffix(".plain"))
    size = len(gguf.GGUFReader(plain).fields["tokenizer.ggml.tokens"].contents())
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL] + [_BYTE] * 256 + [_NORMAL] * len(pieces)
    spare = size - len(tokens)
    assert spare >= 0
    tokens += [f"<unused{number}>" for number in range(spare)]
    kinds += [_UNUSED] * spare
    return with_metadata(
        plain,
        path,
        tokenizer__ggml__model="llama",
        tokenizer__ggml__pre="default",
        tokenizer__ggml__tokens=tokens,
        tokenizer__ggml__token_type=kinds,
        tokenizer__ggml__scores=[-float(rank) for rank in range(size)],
        tokenizer__ggml__merges=None,
        tokenizer__ggml__bos_token_id=1,
        tokenizer__ggml__eos_token_id=2,
        tokenizer__ggml__add_bos_token=True,
    )
