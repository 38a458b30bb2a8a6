"""What a Hugging Face config.json means in a GGUF: metadata, and where each tensor goes, in which shape.

Two families, as llama.cpp's converter has them (conversion/llama.py, conversion/qwen.py). A class such as
`Qwen2ForProcessRewardModel` is its family's backbone, and a head that the tensors show.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from tts_cli.errors import ModelError, reason
from tts_cli.models.importing.checkpoint import Floats, StoredTensor, read_json

if TYPE_CHECKING:
    import gguf

_CLASS = re.compile(r"(Qwen2|Llama)(?:Model|For[A-Z]\w*)")
_COMPUTED = re.compile(r"(?:model\.)?(?:layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq")
_ROPES = ("default", "linear", "yarn", "llama3")

Shape = tuple[int, ...]


class HfConfig(BaseModel):
    """The parts of config.json that matter here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    architectures: tuple[str, ...] = Field(min_length=1)
    hidden_size: PositiveInt
    intermediate_size: PositiveInt
    num_hidden_layers: PositiveInt
    num_attention_heads: PositiveInt
    num_key_value_heads: PositiveInt | None = None
    head_dim: PositiveInt | None = None
    vocab_size: PositiveInt
    max_position_embeddings: PositiveInt = 2048
    rms_norm_eps: float = Field(default=1e-6, gt=0)
    rope_theta: float = Field(default=10_000.0, gt=0)
    rope_scaling: dict[str, Any] | None = None
    rope_parameters: dict[str, Any] | None = None  # where transformers 5 has both of the above
    tie_word_embeddings: bool = False
    hidden_act: str = "silu"
    use_sliding_window: bool = False
    quantization_config: dict[str, Any] | None = None

    @property
    def cls(self) -> str:
        """The class that the weights were saved from."""
        return self.architectures[0]

    @property
    def family(self) -> str:
        """llama.cpp's name of the backbone."""
        match = _CLASS.fullmatch(self.cls)
        return match[1].lower() if match else ""

    @property
    def per_head(self) -> int:
        return self.head_dim or self.hidden_size // self.num_attention_heads

    @property
    def kv_heads(self) -> int:
        return self.num_key_value_heads or self.num_attention_heads

    @property
    def rope(self) -> Mapping[str, Any]:
        return self.rope_parameters or self.rope_scaling or {}

    @property
    def rope_type(self) -> str:
        return str(self.rope.get("rope_type", self.rope.get("type", "default")))


def read_config(folder: Path) -> HfConfig:
    """config.json. Raises ModelError where it is missing, or is of a model that cannot be imported."""
    path = folder / "config.json"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {reason(error)}.", "Name a Hugging Face model directory.") from error
    try:
        config = HfConfig.model_validate(read_json(text, str(path)))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelError(
            f"{path} cannot be used ({where}: {first['msg']}).", "Download the directory again."
        ) from error
    if why := _unfit(config):
        hint = "Qwen2 and Llama models with their usual layers can be imported; for others use llama.cpp's converter."
        raise ModelError(f"{path}: {why}.", hint)
    return config


def _unfit(config: HfConfig) -> str:
    """Why it cannot be imported, or ""."""
    if not config.family:
        return f"the architecture {config.cls} is not known here"
    if config.quantization_config is not None:
        return "its weights are quantised"
    if config.hidden_act != "silu" or config.use_sliding_window:
        return "it has another activation than SiLU, or a sliding window"
    if config.rope_type not in _ROPES:
        return f"its position embedding is scaled in a way that is not known here ({config.rope_type})"
    if config.rope_type == "llama3" and config.family != "llama":
        return "its position embedding is scaled as Llama 3's, in another family"
    if config.hidden_size % config.num_attention_heads or config.num_attention_heads % config.kv_heads:
        return "its width does not divide into its attention heads"
    return ""


def add_hyperparameters(writer: gguf.GGUFWriter, config: HfConfig) -> None:
    """The architecture's metadata."""
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(float(config.rope.get("rope_theta", config.rope_theta)))
    writer.add_rope_dimension_count(config.per_head)
    writer.add_vocab_size(config.vocab_size)
    if config.head_dim is not None:
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    _add_scaling(writer, config)


def _add_scaling(writer: gguf.GGUFWriter, config: HfConfig) -> None:
    from gguf import RopeScalingType

    if config.rope_type in ("linear", "yarn"):
        writer.add_rope_scaling_type(RopeScalingType(config.rope_type))
        writer.add_rope_scaling_factor(float(config.rope["factor"]))
    if config.rope_type == "yarn":
        trained = config.rope.get("original_max_position_embeddings", config.max_position_embeddings)
        writer.add_rope_scaling_orig_ctx_len(int(trained))


def rope_factors(config: HfConfig) -> Floats | None:
    """Llama 3's stretched wavelengths [per_head / 2]; None for other models.

    HfDirectory: transformers, modeling_rope_utils.py: _compute_llama3_parameters, as llama.cpp's converter has it.
    """
    if config.rope_type != "llama3":
        return None
    rope = config.rope
    base = float(rope.get("rope_theta", config.rope_theta))
    factor, low = float(rope.get("factor", 8)), float(rope.get("low_freq_factor", 1))
    high = float(rope.get("high_freq_factor", 4))
    trained = float(rope.get("original_max_position_embeddings", 8192))
    waves = 2 * math.pi * base ** (np.arange(0, config.per_head, 2) / config.per_head)
    smooth = np.clip((trained / waves - low) / (high - low), 0, 1)  # 1: short waves stay as they are
    return np.asarray(1 / ((1 - smooth) / factor + smooth), np.float32)


# --- tensors ---


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """Where a tensor goes. `heads`: over how many attention heads its rows are split, where they are reordered (Llama's
    Q and K: from halves to pairs, as llama.cpp rotates neighbours); else 0."""

    name: str
    shape: Shape
    needed: bool = True
    heads: int = 0

    def reorder(self, block: Floats) -> Floats:
        """Rows [n whole heads, width] in llama.cpp's order (LlamaModel.permute of its converter)."""
        if not self.heads:
            return block
        per_head = self.shape[0] // self.heads
        split = block.reshape(-1, 2, per_head // 2, block.shape[1])
        return np.ascontiguousarray(split.swapaxes(1, 2)).reshape(block.shape)

    @property
    def multiple(self) -> int:
        """How many rows have to be read together."""
        return self.shape[0] // self.heads if self.heads else 1


def places(config: HfConfig) -> dict[str, TensorPlace]:
    """Hugging Face name -> place, of all that the backbone can have."""
    width = config.hidden_size
    found = {
        "model.embed_tokens.weight": TensorPlace("token_embd.weight", (config.vocab_size, width)),
        "model.norm.weight": TensorPlace("output_norm.weight", (width,)),
        # Without one, llama.cpp takes the embeddings: right for a tied model, and of no matter where a head is read.
        "lm_head.weight": TensorPlace("output.weight", (config.vocab_size, width), needed=False),
    }
    for layer in range(config.num_hidden_layers):
        for theirs, (ours, shape, heads, bias) in _layer(config).items():
            name, place = f"model.layers.{layer}.{theirs}", f"blk.{layer}.{ours}"
            found[f"{name}.weight"] = TensorPlace(f"{place}.weight", shape, heads=heads)
            if bias is not None:
                found[f"{name}.bias"] = TensorPlace(f"{place}.bias", shape[:1], needed=bias, heads=heads)
    return found


def _layer(config: HfConfig) -> dict[str, tuple[str, Shape, int, bool | None]]:
    """Theirs -> ours, shape, heads, and whether it has a bias (None: never, False: perhaps)."""
    width, inner = config.hidden_size, config.intermediate_size
    q, kv = config.num_attention_heads, config.kv_heads
    llama = config.family == "llama"
    rows, kv_rows = q * config.per_head, kv * config.per_head
    return {
        "input_layernorm": ("attn_norm", (width,), 0, None),
        "post_attention_layernorm": ("ffn_norm", (width,), 0, None),
        "self_attn.q_proj": ("attn_q", (rows, width), q if llama else 0, not llama),
        "self_attn.k_proj": ("attn_k", (kv_rows, width), kv if llama else 0, not llama),
        "self_attn.v_proj": ("attn_v", (kv_rows, width), 0, not llama),
        "self_attn.o_proj": ("attn_output", (width, rows), 0, False if llama else None),
        "mlp.gate_proj": ("ffn_gate", (inner, width), 0, None),
        "mlp.up_proj": ("ffn_up", (inner, width), 0, None),
        "mlp.down_proj": ("ffn_down", (width, inner), 0, None),
    }


@dataclass(frozen=True, slots=True)
class SortedTensors:
    """`backbone`: place and tensor of each, in the order of the model; `rest`: what is no part of it, by name."""

    backbone: list[tuple[TensorPlace, StoredTensor]]
    rest: dict[str, StoredTensor]


def sort_tensors(config: HfConfig, tensors: Mapping[str, StoredTensor]) -> SortedTensors:
    """Separate the backbone from a head. Raises ModelError for tensors that are missing or of wrong shape."""
    named = {_usual_name(name, tensors): tensor for name, tensor in tensors.items() if not _COMPUTED.fullmatch(name)}
    if config.tie_word_embeddings:
        named.pop("lm_head.weight", None)  # a copy: transformers ties it again, whatever it holds
    wanted = places(config)
    if lost := [name for name, place in wanted.items() if place.needed and name not in named]:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise ModelError(f"The weights lack {', '.join(lost[:3])}{more}.", "Download the directory again.")
    for name, place in wanted.items():
        if name in named and named[name].shape != place.shape:
            what = f"{name} has the shape {list(named[name].shape)}, and by config.json it is {list(place.shape)}"
            raise ModelError(f"{named[name].file}: {what}.", "Download the directory again.")
    backbone = [(place, named[name]) for name, place in wanted.items() if name in named]
    return SortedTensors(backbone, {name: tensor for name, tensor in named.items() if name not in wanted})


def _usual_name(name: str, tensors: Mapping[str, StoredTensor]) -> str:
    """As the causal model has it: TRL's wrapper puts a word in front, a bare `...Model` has no `model.`."""
    name = name.removeprefix("pretrained_model.")
    bare = "embed_tokens.weight" in tensors
    return f"model.{name}" if bare and name.startswith(("embed_tokens.", "layers.", "norm.")) else name
