"""Write trained weights as a GGUF in Q8_0.

python -m training.export training/out/policy/model.pt --name nano --out tts_cli/nano/nano.gguf
python -m training.export training/out/prm2/model.pt --name nano-prm --out tts_cli/nano/nano-prm.gguf --prm
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from numpy.typing import NDArray

from training.model import EPSILON, HEAD, ROPE_BASE, Llama, Shape
from training.tokenizer import CHAT_TEMPLATE, END, PAD, SPECIAL, Tokenizer, load

CONTEXT = 1024
NORMAL, CONTROL = 1, 3


def export(model: Llama, tokenizer: Tokenizer, name: str, out: Path, *, prm: bool) -> None:
    """`out` is replaced only once the new file is whole."""
    partial = out.with_suffix(".partial")
    writer = GGUFWriter(partial, "llama")
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    _add_shape(writer, model.shape)
    _add_vocabulary(writer, tokenizer)
    if prm:
        writer.add_string("tts.prm.format", "nano-prm")
    else:
        writer.add_chat_template(CHAT_TEMPLATE)
    for tensor_name, weight in _tensors(model).items():
        _add_tensor(writer, tensor_name, weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(out)


def _add_shape(writer: GGUFWriter, shape: Shape) -> None:
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(EPSILON)


def _add_vocabulary(writer: GGUFWriter, tokenizer: Tokenizer) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_types([CONTROL if token in SPECIAL else NORMAL for token in tokenizer.tokens])
    writer.add_token_merges(tokenizer.merges)
    writer.add_bos_token_id(tokenizer.special(PAD))
    writer.add_eos_token_id(tokenizer.special(END))
    writer.add_pad_token_id(tokenizer.special(PAD))
    writer.add_add_bos_token(False)


def _tensors(model: Llama) -> dict[str, NDArray[np.float32]]:
    """GGUF's names; matrices as [outputs, inputs]."""
    weights = {name: value.detach().float().numpy() for name, value in model.state_dict().items()}
    tensors = {"token_embd.weight": weights["embedding.weight"], "output_norm.weight": weights["norm.weight"]}
    for i in range(model.shape.layers):
        q, k, v = np.split(weights[f"blocks.{i}.qkv.weight"], 3)
        gate, up = np.split(weights[f"blocks.{i}.gate_up.weight"], 2)
        parts = {"attn_q": q, "attn_k": k, "attn_v": v, "ffn_gate": gate, "ffn_up": up}
        parts["attn_output"] = weights[f"blocks.{i}.out.weight"]
        parts["ffn_down"] = weights[f"blocks.{i}.down.weight"]
        parts["attn_norm"] = weights[f"blocks.{i}.attn_norm.weight"]
        parts["ffn_norm"] = weights[f"blocks.{i}.ffn_norm.weight"]
        tensors |= {f"blk.{i}.{name}.weight": value for name, value in parts.items()}
    return tensors


def _add_tensor(writer: GGUFWriter, name: str, weight: NDArray[np.float32]) -> None:
    if weight.ndim == 1:
        writer.add_tensor(name, np.ascontiguousarray(weight))
        return
    packed = gguf.quants.quantize(np.ascontiguousarray(weight), GGMLQuantizationType.Q8_0)
    writer.add_tensor(name, packed, raw_dtype=GGMLQuantizationType.Q8_0)


def read_model(path: Path) -> Llama:
    state = torch.load(path)
    model = Llama(Shape(**state["shape"]))
    model.load_state_dict(state["model"])
    return model


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.export")
    parser.add_argument("weights", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--prm", action="store_true")
    parser.add_argument("--words", type=Path, default=Path("training/out/words.txt"))
    options = parser.parse_args()
    export(read_model(options.weights), load(options.words), options.name, options.out, prm=options.prm)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
