"""Directories as the publishers of PRMs have them, with random weights: config.json, tokenizer.json, safetensors.

The classes and the names of their tensors are those of the publishers' modelling code: Qwen2.5-Math-PRM's
modeling_qwen2_rm.py, skywork-o1-prm-inference, sail-sg/ActivePRM (nets.py), TRL's PRMTrainer. Backbones are stored as
bfloat16, as all of these are. Weights are large enough that scores differ from step to step, and were scaled down until
Q8_0 kept within 2e-2: sharper models err more, in F32 too (by up to 5.5e-3), as keys and values are kept as float16.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
FIXTURES = Path(__file__).parent / "fixtures"
WIDTH, INNER, LAYERS, HEADS, KV_HEADS, CONTEXT = 256, 512, 2, 4, 2, 2048
MEMBERS, MEMBER_WIDTH = 8, 128

SPECIAL = {
    "qwen2": ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>"),
    "deepseek": ("<｜begin▁of▁sentence｜>", "<｜User｜>", "<｜end▁of▁sentence｜>", "<｜Assistant｜>"),
    "llama": ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<extra_0>"),
}
TEMPLATES = {
    "qwen2": "{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\n' + messages[0]['content'] + "
    "'<|im_end|>\n' }}{%- else %}{{- '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{%- endif %}"
    "{%- for message in messages %}{%- if message.role != 'system' or not loop.first %}{{- '<|im_start|>' + "
    "message.role + '\n' + message.content + '<|im_end|>\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}",
    "deepseek": "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '<｜User｜>' + "
    "message['content'] }}{% else %}{% set content = message['content'] %}{% if '</think>' in content %}"
    "{% set content = content.split('</think>')[-1] %}{% endif %}{{ '<｜Assistant｜>' + content + "
    "'<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}",
    "llama": "{{- bos_token }}{{- '<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023"
    "\n\n<|eot_id|>' }}{%- for message in messages %}{{- '<|start_header_id|>' + message['role'] + "
    "'<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}",
}
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True, slots=True)
class Prm:
    """One published PRM in small. `format`: what `tts` calls its format; `head`: its tensors from a generator;
    `lm_head`: it has one, of use or not."""

    name: str
    format: str
    architecture: str
    seed: int
    head: Callable[[np.random.Generator], dict[str, Floats]]
    lm_head: bool = False
    tied: bool = False
    sharded: bool = False

    @property
    def family(self) -> str:
        return "llama" if self.architecture.startswith("Llama") else "qwen2"

    @property
    def speech(self) -> str:
        """Whose special tokens and chat template it has; the verifier was made of a distilled DeepSeek-R1."""
        return "deepseek" if self.format == "outcome-verifier" else self.family


def _none(random: np.random.Generator) -> dict[str, Floats]:
    return {}


def _layer(random: np.random.Generator, name: str, inner: int, out: int, members: int = 0) -> dict[str, Floats]:
    """As nn.Linear stores it; an ensemble's as EnsembleFC: [members, in, out]."""
    shape, front = ((members, inner, out), (members, out)) if members else ((out, inner), (out,))
    weight = random.normal(0, (inner * out) ** -0.5 if out == 2 else inner**-0.5, shape)  # two logits, one difference
    return {
        f"{name}.weight": weight.astype(np.float32),
        f"{name}.bias": random.normal(0, 0.3, front).astype(np.float32),
    }


def _mlp(random: np.random.Generator) -> dict[str, Floats]:
    return _layer(random, "score.0", WIDTH, WIDTH) | _layer(random, "score.2", WIDTH, 2)


def _ensemble(random: np.random.Generator) -> dict[str, Floats]:
    widths = {"nn1": (WIDTH, MEMBER_WIDTH), "nn2": (MEMBER_WIDTH, MEMBER_WIDTH), "nn_out": (MEMBER_WIDTH, 1)}
    found = {}
    for copy in ("model", "reg_model"):
        for name, (inner, out) in widths.items():
            found |= _layer(random, f"score.{copy}.{name}", inner, out, MEMBERS)
        found[f"score.{copy}.nn_out.weight"] *= 4  # the mean of eight differs little from one step to the next
    return found


def _value(random: np.random.Generator) -> dict[str, Floats]:
    return _layer(random, "v_head.summary", WIDTH, 1)


def _classes(random: np.random.Generator) -> dict[str, Floats]:
    return _layer(random, "score", WIDTH, 2)


def _reward(random: np.random.Generator) -> dict[str, Floats]:
    return {"score.weight": _layer(random, "score", WIDTH, 1)["score.weight"]}


PRMS = {
    prm.name: prm
    for prm in (
        Prm("qwen-math-prm", "qwen-math-prm", "Qwen2ForProcessRewardModel", 1, _mlp),
        Prm("reasonflux", "reasonflux", "Qwen2ForProcessRewardModel", 2, _mlp, lm_head=True),
        Prm("actprm", "actprm", "Qwen2ForEnsemblePRM", 3, _ensemble),
        Prm("skywork", "skywork", "Qwen2ForPrmModel", 4, _value, tied=True, sharded=True),
        Prm("trl", "trl", "Qwen2ForTokenClassification", 5, _classes),
        Prm("outcome-verifier", "outcome-verifier", "Qwen2ForRewardModel", 6, _reward),
        Prm("rlhflow", "rlhflow", "LlamaForCausalLM", 7, _none, lm_head=True),
        Prm("math-shepherd", "math-shepherd", "LlamaForCausalLM", 8, _none, lm_head=True),
        Prm("versa", "versa", "LlamaForCausalLM", 9, _none, tied=True),
    )
}


def write_checkpoint(prm: Prm, folder: Path) -> Path:
    """The whole directory; the same bytes at every call. Returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    data = json.loads((FIXTURES / "tokenizer.json").read_text("utf-8"))
    vocabulary = len(data["model"]["vocab"]) + len(SPECIAL[prm.speech])
    (folder / "config.json").write_text(json.dumps(config_of(prm, vocabulary)))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_of(prm.speech, data["model"])), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(_tokenizer_config(prm)))
    weights = _backbone(prm, vocabulary)
    head = prm.head(np.random.default_rng([prm.seed, 1]))
    parts = [weights | head]
    if prm.sharded:
        names = sorted(weights)
        parts = [{name: weights[name] for name in names[:9]}, {name: weights[name] for name in names[9:]} | head]
    listed: dict[str, str] = {}
    for number, part in enumerate(parts):
        file = f"model-{number + 1:05}-of-{len(parts):05}.safetensors" if prm.sharded else "model.safetensors"
        (folder / file).write_bytes(_safetensors(part, halved=set(weights)))
        listed |= dict.fromkeys(part, file)
    if prm.sharded:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": listed}))
    return folder


def config_of(prm: Prm, vocabulary: int) -> dict[str, Any]:
    """config.json, as transformers writes it."""
    return {
        "architectures": [prm.architecture],
        "model_type": prm.family,
        "vocab_size": vocabulary,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10_000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": prm.tied,
        "use_sliding_window": False,
        "torch_dtype": "bfloat16",
    }


def tokenizer_of(speech: str, model: Mapping[str, Any]) -> dict[str, Any]:
    """tokenizer.json: the small vocabulary, text split as the real one does it, with its special tokens behind."""
    digits = _SPLIT if speech != "llama" else _SPLIT.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
    split = {"type": "Split", "pattern": {"Regex": digits}, "behavior": "Isolated", "invert": False}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    first = len(model["vocab"])
    added = [
        {"id": first + i, "content": text, **flags, "special": text not in ("<｜User｜>", "<｜Assistant｜>")}
        for i, text in enumerate(SPECIAL[speech])
    ]
    return {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "NFC"} if speech == "qwen2" else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytes_]},
        "post_processor": None if speech == "qwen2" else _bos_first(SPECIAL[speech][0], first),
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {**model, "ignore_merges": speech == "llama"},
    }


def _bos_first(text: str, number: int) -> dict[str, Any]:
    """As Llama 3's tokenizer.json has it."""
    template = {"type": "TemplateProcessing", "special_tokens": {text: {"id": text, "ids": [number], "tokens": [text]}}}
    first, second = ({"Sequence": {"id": which, "type_id": 0}} for which in "AB")
    bos = {"SpecialToken": {"id": text, "type_id": 0}}
    return {**template, "single": [bos, first], "pair": [bos, first, bos, second]}


def _tokenizer_config(prm: Prm) -> dict[str, Any]:
    """Qwen's tokenizers have no BOS; Skywork's PRM has one, but adds it in its own code."""
    special, adds = SPECIAL[prm.speech], prm.speech != "qwen2"
    ends = {"eos_token": special[3 if prm.family == "llama" else 2], "pad_token": special[0]}
    if adds or prm.format == "skywork":
        ends["bos_token"] = special[0]
    kind = {"add_bos_token": adds, "tokenizer_class": "PreTrainedTokenizerFast"}
    return {**ends, **kind, "chat_template": TEMPLATES[prm.speech]}


def _backbone(prm: Prm, vocabulary: int) -> dict[str, Floats]:
    random = np.random.default_rng([prm.seed, 0])
    found: dict[str, Floats] = {}

    def add(name: str, *shape: int, size: float, middle: float = 0.0) -> None:
        found[name] = bfloat16(random.normal(middle, size, shape).astype(np.float32))

    add("model.embed_tokens.weight", vocabulary, WIDTH, size=0.02 if prm.name == "versa" else 0.3)
    for layer in range(LAYERS):
        front = f"model.layers.{layer}"
        kv = WIDTH * KV_HEADS // HEADS
        for name, out, inner in (
            ("self_attn.q_proj", WIDTH, WIDTH),
            ("self_attn.k_proj", kv, WIDTH),
            ("self_attn.v_proj", kv, WIDTH),
            ("self_attn.o_proj", WIDTH, WIDTH),
            ("mlp.gate_proj", INNER, WIDTH),
            ("mlp.up_proj", INNER, WIDTH),
            ("mlp.down_proj", WIDTH, INNER),
        ):
            add(f"{front}.{name}.weight", out, inner, size=inner**-0.5)
            if prm.family == "qwen2" and name[10:] in ("q_proj", "k_proj", "v_proj"):
                add(f"{front}.{name}.bias", out, size=0.2)
        add(f"{front}.input_layernorm.weight", WIDTH, size=0.1, middle=1)
        add(f"{front}.post_attention_layernorm.weight", WIDTH, size=0.1, middle=1)
    add("model.norm.weight", WIDTH, size=0.1, middle=1)
    if prm.lm_head:
        add("lm_head.weight", vocabulary, WIDTH, size=0.35 * WIDTH**-0.5)
    return found


def bfloat16(values: Floats) -> Floats:
    """The nearest numbers that have a bfloat16."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def _safetensors(tensors: Mapping[str, Floats], halved: set[str]) -> bytes:
    """A file's content; numpy has no bfloat16, so its library cannot write this one. `halved`: stored as bfloat16."""
    header: dict[str, Any] = {}
    body = b""
    for name, values in tensors.items():
        half = name in halved
        data = (values.view(np.uint32) >> 16).astype("<u2").tobytes() if half else values.astype("<f4").tobytes()
        ends = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "BF16" if half else "F32", "shape": list(values.shape), "data_offsets": ends}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body
