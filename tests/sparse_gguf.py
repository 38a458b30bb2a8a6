"""Writes GGUF files of any size without their weights: header and a hole as large as they would be. For what is
predicted from headers; such a file cannot be run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of a Qwen2 model. The defaults are those of Qwen2.5-Math-7B, of which several PRMs are made."""

    layers: int = 28
    width: int = 3584
    heads: int = 28
    kv_heads: int = 4
    feed_forward: int = 18944
    vocabulary: int = 152064
    context: int = 4096


def write_sparse_gguf(path: Path, sizes: Sizes, kind: str = "Q4_K") -> Path:
    """All matrices of type `kind`, the embeddings and the output as Q6_K, as Q4_K_M has them for the most part."""
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(sizes.context)
    writer.add_embedding_length(sizes.width)
    writer.add_block_count(sizes.layers)
    writer.add_feed_forward_length(sizes.feed_forward)
    writer.add_head_count(sizes.heads)
    writer.add_head_count_kv(sizes.kv_heads)
    writer.add_vocab_size(sizes.vocabulary)
    for name, shape in _matrices(sizes):
        stored = GGMLQuantizationType[kind if name.startswith("blk") else "Q6_K"]
        block, size = GGML_QUANT_SIZES[stored]
        bytes_of_row = shape[1] // block * size
        writer.add_tensor_info(name, (shape[0], bytes_of_row), np.dtype(np.uint8), shape[0] * bytes_of_row, stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    weights = sum(-(-info.nbytes // 32) * 32 for info in writer.tensors[0].values())
    writer.close()
    os.truncate(path, -(-path.stat().st_size // 32) * 32 + weights)
    return path


def _matrices(sizes: Sizes) -> Iterator[tuple[str, tuple[int, int]]]:
    kv = sizes.width // sizes.heads * sizes.kv_heads
    yield "token_embd.weight", (sizes.vocabulary, sizes.width)
    yield "output.weight", (sizes.vocabulary, sizes.width)
    for layer in range(sizes.layers):
        for name, rows, columns in (
            *(("attn_q", sizes.width, sizes.width), ("attn_k", kv, sizes.width), ("attn_v", kv, sizes.width)),
            *(("attn_output", sizes.width, sizes.width), ("ffn_gate", sizes.feed_forward, sizes.width)),
            *(("ffn_up", sizes.feed_forward, sizes.width), ("ffn_down", sizes.width, sizes.feed_forward)),
        ):
            yield f"blk.{layer}.{name}.weight", (rows, columns)
