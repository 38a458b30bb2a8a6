"""An imported model computes what the reference does: states, logits, tokens, heads; whatever its files look like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import gguf
import numpy as np
import pytest

from tests.models.importing import checkpoints
from tests.models.importing.checkpoints import (
    LLAMA3_SPLIT,
    QWEN2_SPLIT,
    SPECIAL,
    WIDTH,
    Floats,
    as_stored,
    config,
    random_weights,
    write_directory,
)
from tts_cli.engine import Engine, ReadOut
from tts_cli.engine.gguf_header import read_header
from tts_cli.models.content import of_file
from tts_cli.models.importing import checkpoint
from tts_cli.models.importing.convert import ImportedFiles, WeightType, import_head, import_model, name_of, read_source
from tts_cli.models.prm.published_head import PublishedHead, side_file
from tts_cli.protocols import Usage

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
RANDOM = np.random.default_rng(5)


def imported(folder: Path, out: Path, type: WeightType = "F32", prm_format: str | None = None) -> ImportedFiles:
    return import_model(read_source(folder, prm_format), out, type, prm_format, lambda done, total: None)


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    found: list[Engine] = []
    yield found
    for engine in found:
        engine.close()


def read(engines: list[Engine], file: Path, ids: list[int]) -> Any:
    """Hidden states and logits at every one of `ids` but the first."""
    engine = Engine(file, threads=1)
    engines.append(engine)
    job = engine.evaluate(engine.root(ids[:1], Usage()), ids[1:], range(len(ids) - 1), ReadOut(hidden=True))
    while engine.busy:
        engine.advance()
    return job.result()


IDS = [int(one) for one in np.random.default_rng(1).integers(0, 250, 40)]
KINDS: list[tuple[str, str, int, dict[str, Any], WeightType, float]] = [
    ("qwen2", "F32", 1, {}, "F32", 1e-2),
    ("qwen2", "BF16", 3, {}, "F16", 1e-2),
    ("qwen2", "F16", 1, {"tie_word_embeddings": True}, "F16", 1e-2),
    ("llama", "F32", 1, {}, "F32", 1e-2),
    ("llama", "BF16", 2, {"rope_scaling": LLAMA3_ROPE}, "F32", 1e-2),
    ("llama", "F32", 1, {"tie_word_embeddings": True}, "Q8_0", 2e-1),
    ("qwen2", "F32", 1, {"num_key_value_heads": 4}, "Q8_0", 2e-1),
]


@pytest.mark.parametrize(("family", "dtype", "shards", "changes", "type", "error"), KINDS)
def test_states_and_logits_are_the_references(
    tmp_path: Path,
    engines: list[Engine],
    family: str,
    dtype: str,
    shards: int,
    changes: dict[str, Any],
    type: WeightType,
    error: float,
) -> None:
    fields = config(family, **changes)
    weights = as_stored(random_weights(fields), dtype)
    folder = write_directory(tmp_path / "hf", fields, weights, dtype=dtype, shards=shards)
    done = imported(folder, tmp_path / "out.gguf", type)
    assert done.head is None and done.notes == []
    found = read(engines, tmp_path / "out.gguf", IDS)
    expected = checkpoints.states(fields, weights, IDS)[1:]
    output = weights.get("lm_head.weight", weights["model.embed_tokens.weight"])
    assert expected.std() > 0.5
    assert np.abs(found.hidden - expected).max() < error
    assert np.abs(found.logits - expected @ output.T).max() < 2 * error


@pytest.mark.parametrize("type", ["F32", "Q8_0"])
def test_tensors_are_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, type: WeightType) -> None:
    """As large ones are: of 5 rows, or of whole heads where rows are reordered."""
    fields = config("llama")
    folder = write_directory(tmp_path / "hf", fields, random_weights(fields), dtype="BF16")
    imported(folder, tmp_path / "whole.gguf", type)
    monkeypatch.setattr(checkpoint, "_BLOCK", 5 * WIDTH)
    tensors = checkpoint.tensors_of(folder)
    query, embedding = tensors["model.layers.0.self_attn.q_proj.weight"], tensors["model.embed_tokens.weight"]
    assert [len(block) for block in query.blocks(16)] == [16] * 4
    assert {len(block) for block in embedding.blocks()} == {5, fields["vocab_size"] % 5}
    imported(folder, tmp_path / "blocks.gguf", type)
    assert (tmp_path / "blocks.gguf").read_bytes() == (tmp_path / "whole.gguf").read_bytes()


def test_llama_3_wavelengths_matter_here() -> None:
    """Else the test above would not see them."""
    plain, stretched = (checkpoints.frequencies(config(**one), 16) for one in ({}, {"rope_scaling": LLAMA3_ROPE}))
    assert sum(plain != stretched) >= 4 and plain[0] == stretched[0] and plain[-1] == 8 * stretched[-1]


def test_q4_k_m_is_made_by_llama_cpp(tmp_path: Path, engines: list[Engine]) -> None:
    fields = config(hidden_size=256, intermediate_size=512)
    weights = random_weights(fields)
    folder = write_directory(tmp_path / "hf", fields, weights)
    imported(folder, tmp_path / "out.gguf", "Q4_K_M")
    header = read_header(tmp_path / "out.gguf")
    assert header.quantization == "Q4_K_M" and header.weights < 0.35 * 2 * header.parameters
    expected = checkpoints.states(fields, weights, IDS)[1:]
    found = read(engines, tmp_path / "out.gguf", IDS).hidden
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.95
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.gguf"]


def test_metadata_and_vocabulary(tmp_path: Path) -> None:
    fields = config("llama", rope_scaling=LLAMA3_ROPE, max_position_embeddings=777)
    folder = write_directory(tmp_path / "A-Model", fields, random_weights(fields), split=LLAMA3_SPLIT)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n")
    imported(folder, tmp_path / "out.gguf", prm_format="rlhflow")
    reader = gguf.GGUFReader(tmp_path / "out.gguf")
    found = {name: field.contents() for name, field in reader.fields.items()}
    tokens = found["tokenizer.ggml.tokens"]
    expected = {
        "general.architecture": "llama",
        "general.name": "A-Model",
        "general.license": "apache-2.0",
        "general.file_type": 0,
        "llama.context_length": 777,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.rope.freq_base": 5000.0,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.eos_token_id": tokens.index("<|end|>"),
        "tokenizer.ggml.padding_token_id": tokens.index("<|pad|>"),
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": checkpoints.CHAT_TEMPLATE,
        "tts.prm.format": "rlhflow",
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-5)
    assert len(tokens) == fields["vocab_size"] and tokens[-1] == f"[PAD{len(tokens) - 1}]"
    kinds = found["tokenizer.ggml.token_type"]
    assert [kinds[tokens.index(text)] for text in ("a", *SPECIAL)] == [1, *[3] * len(SPECIAL)] and kinds[-1] == 5


@pytest.mark.parametrize(
    ("split", "pre", "numbers"), [(QWEN2_SPLIT, "qwen2", ["1", "2", "3"]), (LLAMA3_SPLIT, "llama-bpe", ["123"])]
)
def test_text_is_split_as_the_tokenizer_says(
    tmp_path: Path, engines: list[Engine], split: str, pre: str, numbers: list[str]
) -> None:
    fields = config()
    folder = write_directory(tmp_path / "hf", fields, random_weights(fields), split=split)
    imported(folder, tmp_path / "out.gguf")
    vocab = (engine := Engine(tmp_path / "out.gguf", threads=1)).vocab
    engines.append(engine)
    assert engine.metadata["tokenizer.ggml.pre"] == pre
    data = json.loads((folder / "tokenizer.json").read_text())
    ids = data["model"]["vocab"] | {token["content"]: token["id"] for token in data["added_tokens"]}
    assert vocab.tokenize("123 the", special=False) == [ids[text] for text in (*numbers, "Ġthe")]
    assert vocab.tokenize("<extra_0>", special=True) == [ids["<extra_0>"]]
    assert ids["<extra_0>"] not in vocab.tokenize("<extra_0>", special=False)


# --- heads ---


def layer(name: str, *shape: int, bias: bool = True) -> dict[str, Floats]:
    found = {f"{name}.weight": RANDOM.normal(0, 0.3, shape).astype(np.float32)}
    biases = (shape[0], shape[-1]) if len(shape) == 3 else shape[:1]
    return found | ({f"{name}.bias": RANDOM.normal(0, 0.3, biases).astype(np.float32)} if bias else {})


ENSEMBLE = {
    **layer("score.model.nn1", 8, WIDTH, 12),
    **layer("score.model.nn2", 8, 12, 12),
    **layer("score.model.nn_out", 8, 12, 1),
}
MLP = {**layer("score.0", WIDTH, WIDTH), **layer("score.2", 2, WIDTH)}
VALUE = layer("v_head.summary", 1, WIDTH)
LABELS = layer("score", 2, WIDTH)
OUTCOME = layer("score", 1, WIDTH, bias=False)


def softmax(x: Floats) -> Any:
    return (np.exp(x) / np.exp(x).sum(-1, keepdims=True))[..., 1]


def sigmoid(x: Floats) -> Any:
    return 1 / (1 + np.exp(-x[..., 0]))


def dense(head: dict[str, Floats], name: str, x: Floats) -> Floats:
    return x @ head[f"{name}.weight"].T + head.get(f"{name}.bias", np.zeros(1, np.float32))


def ensemble(x: Floats) -> Any:
    """ActPRM's EnsembleFC: einsum("eblh,ehm->eblm")."""
    y = np.repeat(x[None], 8, 0)
    for name in ("nn1", "nn2", "nn_out"):
        y = np.einsum("elh,ehm->elm", y, ENSEMBLE[f"score.model.{name}.weight"])
        y = y + ENSEMBLE[f"score.model.{name}.bias"][:, None]
        y = y if name == "nn_out" else np.maximum(y, 0)
    return sigmoid(y).mean(0)


HEADS = {
    "Qwen2ForProcessRewardModel": (
        MLP,
        "qwen-math-prm",
        lambda x: softmax(dense(MLP, "score.2", np.maximum(dense(MLP, "score.0", x), 0))),
    ),
    "Qwen2ForPrmModel": (VALUE, "skywork", lambda x: sigmoid(dense(VALUE, "v_head.summary", x))),
    "Qwen2ForTokenClassification": (LABELS, "trl", lambda x: softmax(dense(LABELS, "score", x))),
    "Qwen2ForRewardModel": (OUTCOME, "outcome-verifier", lambda x: sigmoid(dense(OUTCOME, "score", x))),
    "Qwen2ForEnsemblePRM": (ENSEMBLE, "actprm", ensemble),
}


@pytest.mark.parametrize("cls", HEADS)
def test_a_head_is_read_as_its_publisher_computes_it(tmp_path: Path, cls: str) -> None:
    head, trained, reference = HEADS[cls]
    fields = config(cls=cls)
    weights = random_weights(fields)
    if cls == "Qwen2ForRewardModel":
        del weights["lm_head.weight"]  # such classes have no output layer
    folder = write_directory(tmp_path / "hf", fields, weights | head, shards=2)
    done = imported(folder, tmp_path / "out.gguf", "F16")
    assert done.head == side_file(tmp_path / "out.gguf")
    found = PublishedHead.read(cast("Path", done.head))
    assert found.card.prm_format == trained
    assert found.card.backbone.model_dump() == {
        "name": "hf",
        "architecture": "qwen2",
        "n_embd": WIDTH,
        "content": of_file(tmp_path / "out.gguf"),
    }
    states = np.random.default_rng(2).normal(size=(50, WIDTH)).astype(np.float32)
    assert np.abs(found.chances(states).mean(0) - reference(states)).max() < 1e-6
    header = read_header(tmp_path / "out.gguf")
    assert header.metadata["tts.prm.format"] == trained
    backbone = sum(one.size for one in weights.values())
    assert header.parameters == backbone, "all of the backbone, and nothing of the head"


def test_the_format_may_be_another_than_the_class_has(tmp_path: Path) -> None:
    fields = config(cls="Qwen2ForProcessRewardModel")
    folder = write_directory(tmp_path / "hf", fields, random_weights(fields) | MLP)
    done = imported(folder, tmp_path / "out.gguf", prm_format="reasonflux")
    assert PublishedHead.read(cast("Path", done.head)).card.prm_format == "reasonflux"


def test_a_head_alone_beside_a_backbone_that_is_here(tmp_path: Path) -> None:
    fields = config(cls="Qwen2ForPrmModel")
    folder = write_directory(tmp_path / "hf", fields, random_weights(fields) | VALUE)
    imported(folder, tmp_path / "whole.gguf", "F16")
    backbone = (tmp_path / "whole.gguf").rename(tmp_path / "mine.gguf")
    done = import_head(read_source(folder), backbone, None)
    assert done.file is None and done.head == tmp_path / "mine.head.safetensors"
    head = PublishedHead.read(done.head)
    head.check_backbone("qwen2", WIDTH, of_file(backbone))


def test_names_of_wrappers_and_bare_models(tmp_path: Path, engines: list[Engine]) -> None:
    """TRL's value-head wrapper puts a word in front of names; a bare `Qwen2Model` has none of `model.`."""
    fields = config(tie_word_embeddings=True)
    weights = random_weights(fields)
    folder = write_directory(tmp_path / "usual", fields, weights)
    imported(folder, tmp_path / "usual.gguf")
    bare = {name.removeprefix("model."): one for name, one in weights.items()}
    write_directory(tmp_path / "bare", fields | {"architectures": ["Qwen2Model"]}, bare)
    imported(tmp_path / "bare", tmp_path / "bare.gguf")
    wrapped = {f"pretrained_model.{name}": one for name, one in weights.items()}
    write_directory(tmp_path / "wrapped", fields, wrapped)
    imported(tmp_path / "wrapped", tmp_path / "wrapped.gguf")
    usual, *others = (read(engines, tmp_path / f"{name}.gguf", IDS).hidden for name in ("usual", "bare", "wrapped"))
    assert all(np.array_equal(usual, other) for other in others)


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    fields = config(cls="Qwen2ForEnsemblePRM", tie_word_embeddings=True)
    copies = {name.replace("model", "reg_model"): one for name, one in ENSEMBLE.items()}
    weights = random_weights(fields) | ENSEMBLE | copies
    weights |= {"lm_head.weight": weights["model.embed_tokens.weight"]}
    folder = write_directory(tmp_path / "hf", fields, weights)
    (folder / "reward_head.pt").write_bytes(b"\x80\x04.")
    notes = imported(folder, tmp_path / "out.gguf").notes
    assert [word for word in ("reward_head.pt", "lm_head.weight", "score.reg_model") if word in " ".join(notes)] == [
        "reward_head.pt",
        "lm_head.weight",
        "score.reg_model",
    ]


def test_names_of_directories(tmp_path: Path) -> None:
    cached = tmp_path / "models--Qwen--Qwen2.5-Math-PRM-7B" / "snapshots" / "0a1b"
    cached.mkdir(parents=True)
    assert name_of(cached) == "Qwen2.5-Math-PRM-7B" and name_of(tmp_path) == tmp_path.name
