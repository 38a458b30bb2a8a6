"""Hugging Face directories with random weights, as publishers have them, and what such a model computes, in numpy."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.tiny_gguf import CHAT_TEMPLATE, _vocabulary

Floats = NDArray[np.float32]
Weights = dict[str, Floats]

SPECIAL = ("<|problem|>", "<|solution|>", "<|end|>", "<|pad|>", "<extra_0>")
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3_SPLIT = QWEN2_SPLIT.replace(r"\p{N}| ?", r"\p{N}{1,3}| ?")
WORDS = ("\n\n", " the", " is", " answer", "12", "123", "\\boxed", "é")
LAYERS, WIDTH, INNER, HEADS, KV_HEADS = 2, 64, 96, 4, 2
SPARE = 3  # rows of the embeddings without a token, as Qwen2 has them


def config(family: str = "qwen2", cls: str = "", **changes: Any) -> dict[str, Any]:
    fields = {
        "architectures": [cls or f"{family.capitalize()}ForCausalLM"],
        "model_type": family,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "vocab_size": len(_vocabulary(WORDS)[0]) + len(SPECIAL) + SPARE,
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5,
        "rope_theta": 5000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "eos_token_id": 1,
    }
    return {**fields, **changes}


def random_weights(fields: Mapping[str, Any], seed: int = 0, scale: float = 1.0) -> Weights:
    """Of a whole causal model, by Hugging Face's names."""
    rng = np.random.default_rng(seed)
    width, inner = fields["hidden_size"], fields["intermediate_size"]
    heads, kv = fields["num_attention_heads"], fields["num_key_value_heads"]
    rows, kv_rows = width, width // heads * kv

    def matrix(out: int, wide: int) -> Floats:
        return rng.normal(0, scale * wide**-0.5, (out, wide)).astype(np.float32)

    def vector(size: int, around: float) -> Floats:
        return rng.normal(around, 0.2, size).astype(np.float32)

    found = {"model.embed_tokens.weight": matrix(fields["vocab_size"], width), "model.norm.weight": vector(width, 1)}
    if not fields["tie_word_embeddings"]:
        found["lm_head.weight"] = matrix(fields["vocab_size"], width)
    for layer in range(fields["num_hidden_layers"]):
        name = f"model.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            found[f"{name}{norm}.weight"] = vector(width, 1)
        for part, out in (("q", rows), ("k", kv_rows), ("v", kv_rows)):
            found[f"{name}self_attn.{part}_proj.weight"] = matrix(out, width)
            if fields["model_type"] == "qwen2":
                found[f"{name}self_attn.{part}_proj.bias"] = vector(out, 0)
        found[f"{name}self_attn.o_proj.weight"] = matrix(width, rows)
        for part, out, wide in (("gate", inner, width), ("up", inner, width), ("down", width, inner)):
            found[f"{name}mlp.{part}_proj.weight"] = matrix(out, wide)
    return found


def write_directory(
    folder: Path,
    fields: Mapping[str, Any],
    weights: Mapping[str, Floats],
    *,
    dtype: str = "F32",
    shards: int = 1,
    split: str = QWEN2_SPLIT,
    **tokenizer_config: Any,
) -> Path:
    """A directory as the hub has it; `split`: how the tokenizer splits text."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(fields))
    write_tokenizer(folder, split, **tokenizer_config)
    names = list(weights)
    if shards == 1:
        write_safetensors(folder / "model.safetensors", weights, dtype)
        return folder
    index = {}
    for number in range(shards):
        file = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        part = {name: weights[name] for name in names[number::shards]}
        write_safetensors(folder / file, part, dtype)
        index |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return folder


def write_tokenizer(folder: Path, split: str = QWEN2_SPLIT, **changes: Any) -> None:
    tokens, merges = _vocabulary(WORDS)
    added = [{"id": len(tokens) + i, "content": text, "special": True} for i, text in enumerate(SPECIAL)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    pattern = {"type": "Split", "pattern": {"Regex": split}, "behavior": "Isolated", "invert": False}
    data = {
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [pattern, byte_level]},
        "model": {"type": "BPE", "vocab": {text: i for i, text in enumerate(tokens)}, "merges": merges},
        "added_tokens": added,
    }
    (folder / "tokenizer.json").write_text(json.dumps(data))
    settings = {"eos_token": "<|end|>", "pad_token": {"content": "<|pad|>"}, "add_bos_token": False}
    settings |= {"chat_template": CHAT_TEMPLATE, **changes}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def write_safetensors(path: Path, tensors: Mapping[str, Any], dtype: str = "F32") -> None:
    """Written by hand, as numpy has no bfloat16."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, tensor in tensors.items():
        part = encode(np.asarray(tensor, np.float32), dtype)
        header[name] = {"dtype": dtype, "shape": tensor.shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def encode(tensor: Floats, dtype: str) -> bytes:
    if dtype == "BF16":
        return (tensor.view(np.uint32) >> 16).astype("<u2").tobytes()
    return tensor.astype("<f2" if dtype == "F16" else "<f4").tobytes()


def as_stored(weights: Weights, dtype: str) -> Weights:
    """The numbers that a file of this kind holds."""
    if dtype == "BF16":
        return {name: (one.view(np.uint32) >> 16 << 16).view(np.float32) for name, one in weights.items()}
    return {name: one.astype("<f2" if dtype == "F16" else "<f4").astype(np.float32) for name, one in weights.items()}


# --- the model itself: transformers' modeling_qwen2.py and modeling_llama.py in float64 ---


def states(fields: Mapping[str, Any], weights: Weights, ids: Sequence[int]) -> NDArray[np.float64]:
    """After the final norm [ids, width]."""
    w = {name: one.astype(np.float64) for name, one in weights.items()}
    x = w["model.embed_tokens.weight"][list(ids)]
    for layer in range(fields["num_hidden_layers"]):
        name = f"model.layers.{layer}."
        part = {key.removeprefix(name): one for key, one in w.items() if key.startswith(name)}
        x = x + _attention(fields, part, _norm(fields, x, part["input_layernorm.weight"]))
        y = _norm(fields, x, part["post_attention_layernorm.weight"])
        gate = y @ part["mlp.gate_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * (y @ part["mlp.up_proj.weight"].T)) @ part["mlp.down_proj.weight"].T
    return _norm(fields, x, w["model.norm.weight"])


def _norm(fields: Mapping[str, Any], x: Any, weight: Any) -> Any:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + fields["rms_norm_eps"]) * weight


def _attention(fields: Mapping[str, Any], part: Mapping[str, Any], x: Any) -> Any:
    heads, size = fields["num_attention_heads"], fields["hidden_size"] // fields["num_attention_heads"]

    def project(name: str) -> Any:
        y = x @ part[f"self_attn.{name}_proj.weight"].T + part.get(f"self_attn.{name}_proj.bias", 0)
        return y.reshape(len(x), -1, size).swapaxes(0, 1)

    q, k, v = _rotate(fields, project("q")), _rotate(fields, project("k")), project("v")
    k, v = (np.repeat(one, heads // len(one), 0) for one in (k, v))
    scores = q @ k.swapaxes(1, 2) / np.sqrt(size) + np.triu(np.full((len(x), len(x)), -np.inf), 1)
    chances = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = chances / chances.sum(-1, keepdims=True) @ v
    return mixed.swapaxes(0, 1).reshape(len(x), -1) @ part["self_attn.o_proj.weight"].T


def _rotate(fields: Mapping[str, Any], x: Any) -> Any:
    """x [heads, n, size]: number i turns with number i + size / 2."""
    size = x.shape[-1]
    speeds = frequencies(fields, size)
    angles = np.arange(x.shape[1])[:, None] * np.concatenate([speeds, speeds])
    half = np.concatenate([-x[..., size // 2 :], x[..., : size // 2]], -1)
    return x * np.cos(angles) + half * np.sin(angles)


def frequencies(fields: Mapping[str, Any], size: int) -> NDArray[np.float64]:
    """transformers' modeling_rope_utils.py, plain and llama3."""
    speeds = np.asarray(fields["rope_theta"] ** -(np.arange(0, size, 2) / size))
    rope = fields.get("rope_scaling")
    if rope is None:
        return speeds
    found = []
    for speed in speeds:
        wave = 2 * np.pi / speed
        low, high = (rope["original_max_position_embeddings"] / rope[f"{name}_freq_factor"] for name in ("low", "high"))
        smooth = (rope["original_max_position_embeddings"] / wave - rope["low_freq_factor"]) / (
            rope["high_freq_factor"] - rope["low_freq_factor"]
        )
        stretched = speed / rope["factor"]
        between = (1 - smooth) * stretched + smooth * speed
        found.append(speed if wave < high else stretched if wave > low else between)
    return np.asarray(found)
