"""Writes tiny Llama GGUFs with random weights at test time: real files for real llama.cpp, a few hundred KB each.

The vocabulary is a byte-level BPE (gpt2 type, pre-tokenizer "llama-bpe"): the 256 bytes, whole `words`, then the
`special` control tokens. The text that such a model writes means nothing; `bias` makes chosen tokens more likely,
so that steps and solutions end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import quantize
from numpy.typing import NDArray

WORDS = ("\n\n", " the", " is", " =", " +", " and", " answer", "\\boxed", "Step", " so", "The")
SPECIAL = ("<|problem|>", "<|solution|>", "<|end|>", "<|step|>", "<|pad|>")
CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}{% set last = m['content'] %}"
    "<|problem|>{{ last }}<|solution|>{% endif %}{% endfor %}"
)
_HEADS = 4
_NORMAL, _CONTROL = 1, 3


def write_tiny_gguf(
    path: Path,
    *,
    words: Sequence[str] = WORDS,
    special: Sequence[str] = SPECIAL,
    layers: int = 2,
    width: int = 64,
    context: int = 512,
    seed: int = 0,
    dtype: str = "Q8_0",
    architecture: str = "llama",
    chat_template: str | None = None,
    bias: Mapping[str, float] | None = None,
    last_words: Sequence[str] = (),
    scale: float = 1.0,
    eos: str = "<|end|>",
    vocabulary: bool = True,
    tensors: bool = True,
) -> Path:
    """Write one model and return its path.

    `dtype` is "F32", "F16" or "Q8_0"; `context` the trained context length; `bias` adds about that much to the
    logit of a token, whatever came before; `eos` follows each of the `last_words`; `scale` sharpens all logits;
    `vocabulary=False` leaves the tokenizer out, `tensors=False` the weights (a vocabulary-only file); `architecture`
    is written as it is given.
    """
    tokens, merges = _vocabulary(words)
    kinds = [_NORMAL] * len(tokens) + [_CONTROL] * len(special)
    tokens += special
    writer = gguf.GGUFWriter(path, architecture)
    _add_hyperparameters(writer, layers, width, context, len(tokens))
    if vocabulary:
        _add_tokenizer(writer, tokens, kinds, merges, tokens.index(eos) if eos in tokens else None)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    if tensors:
        names = {text: text if text in special else _printable(text) for text in bias or {}}
        pulls = {tokens.index(names[text]): pull for text, pull in (bias or {}).items()}
        all_weights = _weights(len(tokens), layers, width, seed, pulls, scale)
        for word in last_words:
            _end_after(all_weights, tokens.index(_printable(word)), tokens.index(eos))
        for name, weights in all_weights.items():
            _add_tensor(writer, name, weights, dtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    if tensors:
        writer.write_tensors_to_file()
    writer.close()
    return path


def _byte_alphabet() -> dict[int, str]:
    """The printable stand-in of every byte, as GPT-2's tokenizer has it."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return {byte: chr(byte if byte in kept else next(spare)) for byte in range(256)}


def _printable(text: str) -> str:
    alphabet = _byte_alphabet()
    return "".join(alphabet[byte] for byte in text.encode())


def _vocabulary(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The bytes, then every word with the prefixes that its merges pass through."""
    tokens = list(_byte_alphabet().values())
    merges: list[str] = []
    for word in map(_printable, words):
        for end in range(2, len(word) + 1):
            if word[:end] not in tokens:
                tokens.append(word[:end])
                merges.append(f"{word[: end - 1]} {word[end - 1]}")
    return tokens, merges or ["a b"]


def _add_hyperparameters(writer: gguf.GGUFWriter, layers: int, width: int, context: int, vocab: int) -> None:
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // _HEADS)
    writer.add_vocab_size(vocab)


def _add_tokenizer(
    writer: gguf.GGUFWriter, tokens: list[str], kinds: list[int], merges: list[str], eos: int | None
) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_add_bos_token(False)
    if eos is not None:
        writer.add_eos_token_id(eos)


def _weights(
    vocab: int, layers: int, width: int, seed: int, pulls: Mapping[int, float], scale: float
) -> dict[str, NDArray[np.float32]]:
    """Random weights. Hidden dimension 0 is a constant that no block writes to: it carries the biases."""
    rng = np.random.default_rng(seed)

    def matrix(out: int, inner: int) -> NDArray[np.float32]:
        return rng.normal(0.0, inner**-0.5, (out, inner)).astype(np.float32)

    embedding = rng.normal(0.0, 1.0, (vocab, width)).astype(np.float32)
    embedding[:, 0] = 2.0
    output = 2.0 * scale * matrix(vocab, width)
    output[:, 0] = 0.0
    for token, pull in pulls.items():
        output[token, 0] = pull
    weights = {"token_embd.weight": embedding, "output.weight": output, "output_norm.weight": _ones(width)}
    for layer in range(layers):
        for name, out, inner in _BLOCK:
            block = matrix(out * width, inner * width)
            if name in ("attn_output", "ffn_down"):
                block[0] = 0.0
            weights[f"blk.{layer}.{name}.weight"] = block
        weights[f"blk.{layer}.attn_norm.weight"] = _ones(width)
        weights[f"blk.{layer}.ffn_norm.weight"] = _ones(width)
    return weights


def _end_after(weights: Mapping[str, NDArray[np.float32]], word: int, eos: int) -> None:
    """Turn the end token's row towards the word's embedding, which the last hidden state after it resembles."""
    embedding = weights["token_embd.weight"][word].copy()
    embedding[0] = 0.0  # the constant is in all of them
    weights["output.weight"][eos] += 6.0 * embedding / np.linalg.norm(embedding)


_BLOCK = (
    ("attn_q", 1, 1),
    ("attn_k", 1, 1),
    ("attn_v", 1, 1),
    ("attn_output", 1, 1),
    ("ffn_gate", 2, 1),
    ("ffn_up", 2, 1),
    ("ffn_down", 1, 2),
)


def _ones(width: int) -> NDArray[np.float32]:
    return np.ones(width, dtype=np.float32)


def _add_tensor(writer: gguf.GGUFWriter, name: str, weights: NDArray[np.float32], dtype: str) -> None:
    if weights.ndim == 1 or dtype == "F32":
        writer.add_tensor(name, weights)
    elif dtype == "F16":
        writer.add_tensor(name, weights.astype(np.float16))
    else:
        kind = gguf.GGMLQuantizationType[dtype]
        writer.add_tensor(name, quantize(weights, kind), raw_dtype=kind)
