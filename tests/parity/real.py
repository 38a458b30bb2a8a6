"""A head alone, random, beside a real model's Q4_K_M file, against PyTorch on that file's weights, dequantised."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.parity.cases import Case, cases
from tests.parity.checkpoints import FIXTURES

FILE = Path.home() / ".cache/tts-real-models/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
WIDTH = 896
REFERENCES = FIXTURES / "real.json"
LARGEST, MEAN = 0.12, 0.03
"""What scores may differ by. Measured: at most 0.084 (linear) and 0.035 (mlp), 0.020 and 0.008 on average. llama.cpp
multiplies Q4_K weights by activations that it rounds to 8 bits in every layer, PyTorch by whole ones: on the same
weights written as F32 the errors are at most 0.005 and 0.0013, 0.001 and 0.0004 on average."""

HEADS: dict[str, str] = {"skywork": "linear", "trl": "mlp"}
"""PRM format -> the kind of head. Both formats need no token that an ordinary Qwen2.5 lacks."""


def some_cases() -> list[Case]:
    """Few, as a real model is slow."""
    return cases()[:12]


def layers(format: str) -> dict[str, Any]:
    """The head's tensors: logits of about one."""
    random = np.random.default_rng(len(format))
    widths = [WIDTH, 1] if HEADS[format] == "linear" else [WIDTH, 64, 2]
    found = {}
    for number, (inner, out) in enumerate(pairwise(widths)):
        size = 0.015 if number == 0 else inner**-0.5
        found[f"layers.{number}.weight"] = random.normal(0, size, (out, inner)).astype(np.float32)
        found[f"layers.{number}.bias"] = random.normal(0, 0.1, out).astype(np.float32)
    return found


def write_references() -> None:
    """Needs PyTorch, transformers and the file."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from tests.parity.reference import FORMATS, Text

    where = {"pretrained_model_name_or_path": FILE.parent, "gguf_file": FILE.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    tokenizer.bos_token = "<|endoftext|>"
    model = AutoModel.from_pretrained(**where, dtype=torch.float32).eval()
    text, found = Text(tokenizer), {}
    for format in HEADS:
        found[format] = []
        head = {name: torch.from_numpy(values) for name, values in layers(format).items()}
        for case in some_cases():
            ids, reads = FORMATS[format][1](text, case)
            with torch.inference_mode():
                states = model(torch.tensor([ids])).last_hidden_state[0, reads]
                outputs = states @ head["layers.0.weight"].T + head["layers.0.bias"]
                if HEADS[format] == "mlp":
                    outputs = torch.relu(outputs) @ head["layers.1.weight"].T + head["layers.1.bias"]
            chances = torch.sigmoid(outputs[:, 0]) if HEADS[format] == "linear" else torch.softmax(outputs, -1)[:, 1]
            found[format].append({"tokens": reads[-1] + 1, "scores": [round(x, 6) for x in chances.tolist()]})
    REFERENCES.write_text(json.dumps(found))
