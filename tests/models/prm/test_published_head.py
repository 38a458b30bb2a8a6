"""Published heads as files: what is written is read and scores as PyTorch's layers would; all else is refused."""

from __future__ import annotations

import itertools
import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from tts_cli.errors import ModelError
from tts_cli.models.prm.card_file import Tensors
from tts_cli.models.prm.published_head import (
    PUBLISHED,
    PublishedCard,
    PublishedHead,
    is_published,
    side_file,
)

WIDTH, HIDDEN, MEMBERS = 6, 4, 3
BACKBONE = {"name": "tiny", "architecture": "qwen2", "n_embd": WIDTH}
FIELDS: dict[str, Any] = {
    "version": 1,
    "kind": "linear",
    "output": "sigmoid",
    "prm_format": "skywork",
    "backbone": BACKBONE,
}
RANDOM = np.random.default_rng(0)
STATE = RANDOM.normal(size=WIDTH).astype(np.float32)


def layers(*widths: int, members: int | None = None, bias: bool = True) -> dict[str, Any]:
    """Random layers from one width to the next, as nn.Linear has them."""
    front = () if members is None else (members,)
    found: dict[str, Any] = {}
    for i, (inner, out) in enumerate(itertools.pairwise(widths)):
        found[f"layers.{i}.weight"] = RANDOM.normal(size=(*front, out, inner)).astype(np.float32)
        if bias:
            found[f"layers.{i}.bias"] = RANDOM.normal(size=(*front, out)).astype(np.float32)
    return found


def head(tensors: Tensors, **changes: Any) -> PublishedHead:
    return PublishedHead(PublishedCard.model_validate({**FIELDS, **changes}), tensors)


def file_of(tensors: Any, **changes: Any) -> bytes:
    return bytes(save(tensors, {PUBLISHED: json.dumps({**FIELDS, **changes})}))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def logits_of(tensors: Any, state: Any, member: int | None = None) -> Any:
    """The plain loop over layers, for one network."""
    values, count = np.asarray(state, np.float64), sum(name.endswith("weight") for name in tensors)
    for i in range(count):
        weight, bias = tensors[f"layers.{i}.weight"], tensors.get(f"layers.{i}.bias")
        if member is not None:
            weight, bias = weight[member], bias[member]
        values = weight @ values + (0 if bias is None else bias)
        values = np.maximum(values, 0) if i < count - 1 else values
    return values


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_head_with_a_sigmoid(tmp_path: Path, bias: bool) -> None:
    tensors = layers(WIDTH, 1, bias=bias)
    path = side_file(tmp_path / "prm.gguf")
    head(tensors, source="a publisher", licence="mit").write(path)
    read = PublishedHead.read(path)
    assert path.name == "prm.head.safetensors" and list(tmp_path.iterdir()) == [path] and is_published(path)
    assert (read.card.source, read.card.licence, read.card.prm_format) == ("a publisher", "mit", "skywork")
    found = read.score(STATE)
    assert found.value == pytest.approx(sigmoid(float(logits_of(tensors, STATE)[0])), abs=1e-6) and found.spread == 0


@pytest.mark.parametrize("widths", [(WIDTH, 2), (WIDTH, WIDTH, 2), (WIDTH, HIDDEN, HIDDEN, 3)])
@pytest.mark.parametrize("good", [0, 1])
def test_classes_are_a_softmax(widths: tuple[int, ...], good: int) -> None:
    tensors, kind = layers(*widths), "linear" if len(widths) == 2 else "mlp"
    read = PublishedHead.parse(head(tensors, kind=kind, output="softmax", good_class=good).to_bytes(), "h")
    powers = np.exp(logits_of(tensors, STATE))
    assert read.score(STATE).value == pytest.approx(powers[good] / powers.sum(), abs=1e-6)


def test_an_ensemble_has_a_mean_and_a_spread() -> None:
    tensors = layers(WIDTH, HIDDEN, HIDDEN, 1, members=MEMBERS)
    found = head(tensors, kind="ensemble").score(STATE)
    each = [sigmoid(float(logits_of(tensors, STATE, member)[0])) for member in range(MEMBERS)]
    assert found.value == pytest.approx(np.mean(each), abs=1e-6)
    assert found.spread == pytest.approx(np.std(each), abs=1e-6) and found.spread > 0.01


def test_many_states_at_once_score_as_one_by_one() -> None:
    states = RANDOM.normal(size=(5, WIDTH)).astype(np.float32)
    read = head(layers(WIDTH, HIDDEN, 1, members=MEMBERS), kind="ensemble")
    assert read.chances(states).mean(0) == pytest.approx([read.score(one).value for one in states], abs=1e-6)
    with pytest.raises(ValueError, match="reads 6 numbers"):
        read.chances(states[:, 1:])


@pytest.mark.parametrize("state", [np.nan, np.inf])
def test_states_that_are_no_numbers_are_an_error(state: float) -> None:
    with pytest.raises(ModelError, match="not finite"):
        head(layers(WIDTH, 2), output="softmax").score(np.full(WIDTH, state))


@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_a_score_never_leaves_its_range(scale: float) -> None:
    for output, outputs in (("sigmoid", 1), ("softmax", 2)):
        value = head(layers(WIDTH, outputs), output=output).score(scale * STATE).value
        assert 0.0 <= value <= 1.0


def test_a_head_for_another_backbone_is_refused() -> None:
    read = head(layers(WIDTH, 1), backbone={**BACKBONE, "content": "c0ffee"})
    read.check_backbone("qwen2", WIDTH)
    read.check_backbone("qwen2", WIDTH, "c0ffee")
    for other in (("llama", WIDTH, "c0ffee"), ("qwen2", WIDTH + 1, "c0ffee"), ("qwen2", WIDTH, "decaf")):
        with pytest.raises(ModelError, match="for another model"):
            read.check_backbone(*other)
    head(layers(WIDTH, 1)).check_backbone("qwen2", WIDTH, "any file of this shape")


LINEAR, ENSEMBLE = layers(WIDTH, 1), layers(WIDTH, HIDDEN, 1, members=2)
NAN = {**LINEAR, "layers.0.bias": np.array([np.nan], np.float32)}
REFUSED: dict[str, tuple[bytes, str]] = {
    "pickle": (pickle.dumps({"weight": [1.0]}), "no safetensors file"),
    "zip, as PyTorch saves": (b"PK\x03\x04" + bytes(60), "no safetensors file"),
    "header of 2 GB": ((2 << 30).to_bytes(8, "little") + b"{" + b" " * 99, "no safetensors file"),
    "cut": (file_of(LINEAR)[:-2], "cannot be used"),
    "cut in the header": (file_of(LINEAR)[:60], "its end is missing"),
    "no card": (bytes(save(LINEAR)), "no card of a head"),
    "NaN": (file_of(NAN), "not finite"),
    "half precision": (file_of({"layers.0.weight": np.zeros((1, WIDTH), np.float16)}), "not float32"),
    "another width": (file_of(layers(WIDTH + 1, 1)), "tensors are"),
    "two logits for a sigmoid": (file_of(layers(WIDTH, 2)), "tensors are"),
    "one class": (file_of(layers(WIDTH, 1), output="softmax"), "cannot be the good one"),
    "good class that is not there": (file_of(layers(WIDTH, 2), output="softmax", good_class=2), "number 2 cannot"),
    "good class of a sigmoid": (file_of(LINEAR, good_class=1), "one output"),
    "no layers": (file_of({}), "it has 0 layers"),
    "two layers, linear": (file_of(layers(WIDTH, HIDDEN, 1)), "it has 2 layers"),
    "one layer, mlp": (file_of(LINEAR, kind="mlp"), "it has 1 layers"),
    "no members": (file_of(LINEAR, kind="ensemble"), "3 dimensions"),
    "members of a linear head": (file_of(layers(WIDTH, 1, members=2)), "2 dimensions"),
    "members that differ": (
        file_of({**ENSEMBLE, "layers.1.bias": np.zeros((3, 1), np.float32)}, kind="ensemble"),
        "te",
    ),
    "a layer left out": (file_of({"layers.1.weight": LINEAR["layers.0.weight"]}), "2 dimensions"),
    "a tensor more": (file_of({**LINEAR, "v_head.dropout": LINEAR["layers.0.bias"]}), "tensors are"),
    "unknown kind": (file_of(LINEAR, kind="forest"), "kind"),
    "unknown activation": (file_of(LINEAR, activation="exec"), "activation"),
    "no backbone": (file_of(LINEAR, backbone=None), "backbone"),
    "later version": (file_of(LINEAR, version=2), "it has format 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_head_is_refused(tmp_path: Path, name: str) -> None:
    data, says = REFUSED[name]
    path = tmp_path / "h.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"h\.safetensors cannot be used as a head") as refusal:
        PublishedHead.read(path)
    assert says in refusal.value.what


def test_every_cut_is_refused(tmp_path: Path) -> None:
    whole, path = file_of(LINEAR), tmp_path / "h"
    for end in range(0, len(whole), 5):
        with pytest.raises(ModelError):
            PublishedHead.parse(whole[:end], "h")
    assert not is_published(path) and not is_published(tmp_path)
    path.write_bytes(whole[:40])
    assert not is_published(path)
