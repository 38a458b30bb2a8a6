"""Heads as files: what is written is read and scores the same; all else is refused with the reason."""

from __future__ import annotations

import json
import math
import os
import pickle
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from tts_cli.errors import ModelError, TtsError
from tts_cli.models.prm import head_file
from tts_cli.models.prm.head_file import CARD, HeadCard, HeadFile
from tts_cli.models.prm.likelihoods import NAMES

N_EMBD = 3
FIELDS: dict[str, Any] = {
    "format": "tts-head",
    "version": 1,
    "tts": "1.0",
    "made": "2026-01-01",
    "kind": "linear",
    "inputs": ["end", "likelihoods"],
    "likelihoods": list(NAMES),
    "backbone": {"name": "tiny", "architecture": "llama", "content": "c0ffee", "n_embd": N_EMBD},
    "policy": "tiny",
    "own_states": True,
    "layout": {"prompt": "{problem}", "separator": "\n\n"},
    "data": {"name": "d.jsonl", "problems": 40, "samples": 320, "content": "dd", "labels": "outcome"},
    "aggregate": "last",
    "calibration": {"slope": 2.0, "intercept": -1.0},
    "figures": {"worth": "nothing"},
}
WIDTH = N_EMBD + len(NAMES)
WEIGHT = np.linspace(-1, 1, WIDTH).astype(np.float32)
LINEAR = {"weight": WEIGHT, "bias": np.array([0.25], np.float32)}
MLP = {
    "hidden.weight": np.stack([WEIGHT, -2 * WEIGHT]),
    "hidden.bias": np.array([0.1, -0.2], np.float32),
    "output.weight": np.array([1.5, -0.5], np.float32),
    "output.bias": np.array([0.3], np.float32),
}
STATE, NUMBERS = np.array([0.5, -1.0, 2.0]), -np.arange(len(NAMES), dtype=float)


def card(**changes: Any) -> HeadCard:
    return HeadCard.model_validate({**FIELDS, **changes})


def file_of(fields: Any = FIELDS, tensors: Any = LINEAR) -> bytes:
    return bytes(save(tensors, {CARD: json.dumps(fields)}))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_a_linear_head_scores_as_it_is_written_down(tmp_path: Path) -> None:
    head = HeadFile(card(), LINEAR)
    head.write(tmp_path / "h.safetensors")
    read = HeadFile.read(tmp_path / "h.safetensors", "c0ffee")
    logit = float(WEIGHT @ np.concatenate([STATE, NUMBERS])) + 0.25
    assert read.card == card() and list(tmp_path.iterdir()) == [tmp_path / "h.safetensors"]
    assert read.score(STATE, None, NUMBERS) == pytest.approx(sigmoid(2 * logit - 1), abs=1e-6)
    assert read.score(STATE, np.ones(N_EMBD), NUMBERS) == read.score(STATE, None, NUMBERS), "the mean is not its input"


def test_an_mlp_scores_as_it_is_written_down() -> None:
    head = HeadFile.parse(file_of({**FIELDS, "kind": "mlp"}, MLP), "h")
    value = float(WEIGHT @ np.concatenate([STATE, NUMBERS]))
    logit = 1.5 * max(0.0, value + 0.1) - 0.5 * max(0.0, -2 * value - 0.2) + 0.3
    assert head.score(STATE, None, NUMBERS) == pytest.approx(sigmoid(2 * logit - 1), abs=1e-6)


def test_many_steps_score_as_one_by_one() -> None:
    head = HeadFile(card(), LINEAR)
    inputs = np.random.default_rng(0).normal(size=(5, WIDTH)).astype(np.float32)
    one_by_one = [head.score(row[:N_EMBD], None, row[N_EMBD:]) for row in inputs]
    assert head.chances(inputs) == pytest.approx(one_by_one, abs=1e-6)


@pytest.mark.parametrize("state", [1e4, -1e4])
def test_a_score_never_leaves_its_range(state: float) -> None:
    score = HeadFile(card(), LINEAR).score(np.full(N_EMBD, state), None, NUMBERS)
    assert 0.0 <= score <= 1.0 and math.isfinite(score)


@pytest.mark.parametrize(
    "given", [(None, STATE, NUMBERS), (STATE[:2], None, NUMBERS), (STATE, None, None), (None, None, None)]
)
def test_what_it_reads_must_be_there(given: tuple[Any, Any, Any]) -> None:
    with pytest.raises(ValueError, match="reads 13 numbers"):
        HeadFile(card(), LINEAR).score(*given)


def test_states_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(ModelError, match="not finite"):
        HeadFile(card(), LINEAR).score(np.array([1.0, np.nan, 0.0]), None, NUMBERS)


# What is refused


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.abort, ()


def with_length(length: int, rest: bytes) -> bytes:
    return struct.pack("<Q", length) + rest


NAN = {**LINEAR, "weight": np.where(np.arange(WIDTH) == 2, np.nan, WEIGHT).astype(np.float32)}
INFINITE = {**LINEAR, "bias": np.array([np.inf], np.float32)}
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no safetensors file"),
    "text": (b"not a head at all, but a letter", "no safetensors file"),
    "pickle": (pickle.dumps(Bomb()), "no safetensors file"),
    "zip, as PyTorch saves": (b"PK\x03\x04" + bytes(60), "no safetensors file"),
    "gguf": (b"GGUF\x03" + bytes(60), "no safetensors file"),
    "huge header": (with_length(1 << 62, b"{" + b" " * 99), "no safetensors file"),
    "header beyond the end": (with_length(5000, b"{" + b" " * 99), "its end is missing"),
    "header that is not JSON": (with_length(40, b"{" + b"x" * 39), "not JSON"),
    "nested header": (with_length(90_000, b'{"a":' + b"[" * 89_995), "not JSON"),
    "no card": (bytes(save(LINEAR)), "no card of a head"),
    "card that is not JSON": (bytes(save(LINEAR, {CARD: "x"})), "not JSON"),
    "card that is a list": (bytes(save(LINEAR, {CARD: "[]"})), "no mapping"),
    "cut": (file_of()[:-4], "cannot be used"),
    "later version": (file_of({**FIELDS, "version": 2}), "it has format 2"),
    "no version": (file_of({"format": "tts-head"}), "it has format None"),
    "unknown kind": (file_of({**FIELDS, "kind": "forest"}), "kind"),
    "unknown field": (file_of({**FIELDS, "code": "import os"}), "code"),
    "other likelihoods": (file_of({**FIELDS, "likelihoods": ["mean"]}), "not those of this version"),
    "input twice": (file_of({**FIELDS, "inputs": ["end", "end"]}), "named twice"),
    "slope that is NaN": (file_of({**FIELDS, "calibration": {"slope": math.nan, "intercept": 0}}), "not JSON"),
    "slope below 0": (file_of({**FIELDS, "calibration": {"slope": -1, "intercept": 0}}), "slope"),
    "wrong shape": (file_of(tensors={**LINEAR, "weight": WEIGHT[:-1]}), "tensors are"),
    "a tensor more": (file_of(tensors={**LINEAR, "more": WEIGHT}), "tensors are"),
    "no tensors": (file_of(tensors={}), "tensors are"),
    "tensors of the other kind": (file_of({**FIELDS, "kind": "mlp"}), "tensors are"),
    "MLP without units": (
        file_of({**FIELDS, "kind": "mlp"}, {**MLP, "hidden.bias": np.empty(0, np.float32)}),
        "tensors are",
    ),
    "half precision": (file_of(tensors={**LINEAR, "weight": WEIGHT.astype(np.float16)}), "not float32"),
    "NaN": (file_of(tensors=NAN), "not finite"),
    "infinite": (file_of(tensors=INFINITE), "not finite"),
    "backbone without width": (file_of({**FIELDS, "backbone": {**FIELDS["backbone"], "n_embd": 0}}), "n_embd"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_head_is_refused(tmp_path: Path, name: str) -> None:
    data, says = HOSTILE[name]
    path = tmp_path / "h.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"h\.safetensors cannot be used as a head") as refusal:
        HeadFile.read(path)
    assert says in refusal.value.what


def test_every_cut_and_many_flips_are_refused_or_read(tmp_path: Path) -> None:
    """Never another exception."""
    whole = file_of()
    for end in range(0, len(whole), 7):
        with pytest.raises(ModelError):
            HeadFile.parse(whole[:end], "h")
    random = np.random.default_rng(0)
    for _ in range(300):
        bad = bytearray(whole)
        bad[int(random.integers(0, len(bad)))] ^= int(random.integers(1, 256))
        try:
            HeadFile.parse(bytes(bad), "h")
        except ModelError:
            continue


def test_a_head_of_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "h.safetensors"
    path.write_bytes(file_of())
    with pytest.raises(ModelError, match=r"a head for another model: it was trained on the states of tiny \(c0ffee\)"):
        HeadFile.read(path, "decaf000aa")


@pytest.mark.parametrize("kind", ["absent", "folder", "pipe"])
def test_only_a_file_is_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "h.safetensors"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(ModelError, match="There is no head"):
        HeadFile.read(path)


def test_a_huge_file_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_file, "FILES", replace(head_file.FILES, most=100))
    path = tmp_path / "h.safetensors"
    path.write_bytes(file_of())
    with pytest.raises(ModelError, match="larger than"):
        HeadFile.read(path)


def test_a_head_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    for path in (tmp_path / "taken", tmp_path / "absent" / "h"):
        with pytest.raises(TtsError, match="The head cannot be written"):
            HeadFile(card(), LINEAR).write(path)
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]
