"""A head as a PRM: it scores what it was trained on alike, and finds the model that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.models.prm.test_head_file import FIELDS
from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.errors import ModelError
from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM
from tts_cli.models.content import of_file
from tts_cli.models.load import load_policy, load_prm, resolve_pair
from tts_cli.models.prm.head_file import HeadCard, HeadFile
from tts_cli.models.prm.likelihoods import NAMES
from tts_cli.models.prm.states import StateReader, step_paths
from tts_cli.models.registry import read
from tts_cli.protocols import Prefix, Usage

LAYOUT = {"prompt": "<|problem|>{problem}<|solution|>", "separator": "\n\n"}
PROBLEM = "What is 12 + 7?"
SOLUTIONS = [("12 + 7 = 19", "so 19"), ("12 + 7 = 19", "the answer is 19", "19"), ("12 + 7 = 20", "so 19")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, and a head for the first one that reads all there is."""
    folder = tmp_path_factory.mktemp("heads")
    for name, seed in (("tiny", 0), ("other", 1)):
        write_tiny_gguf(folder / f"{name}.gguf", chat_template=CHAT_TEMPLATE, dtype="F32", context=256, seed=seed)
    model = folder / "tiny.gguf"
    with_states = load_policy(str(model), threads=1)
    n_embd = with_states.engine.n_embd
    with_states.close()
    backbone = {"name": "tiny", "architecture": "llama", "content": of_file(model), "n_embd": n_embd}
    card = HeadCard.model_validate(
        {
            **FIELDS,
            "inputs": ["end", "mean", "doubtful", "likelihoods"],
            "backbone": backbone,
            "aggregate": "min",
            "layout": LAYOUT,
        }
    )
    weight = np.random.default_rng(0).normal(scale=0.05, size=card.width).astype(np.float32)
    weight[-len(NAMES) :] *= 0.2  # sums of log-probabilities are far from 0
    HeadFile(card, {"weight": weight, "bias": np.zeros(1, np.float32)}).write(folder / "h.safetensors")
    return folder


@pytest.fixture(scope="module")
def policy(folder: Path) -> Iterator[LlamaPolicy]:
    loaded = load_policy(str(folder / "tiny.gguf"), threads=1)
    yield loaded
    loaded.close()


@pytest.fixture
def prm(folder: Path, policy: LlamaPolicy) -> Iterator[LlamaPRM]:
    loaded = load_prm(str(folder / "h.safetensors"), beside=policy, threads=1)
    yield loaded
    loaded.close()


def test_a_step_scores_as_in_training_whatever_shares_its_tree(
    folder: Path, policy: LlamaPolicy, prm: LlamaPRM
) -> None:
    head = HeadFile.read(folder / "h.safetensors")
    trained, _ = StateReader(policy).read(PROBLEM, SOLUTIONS)
    assert trained.doubtful is not None
    rows = zip(trained.end, trained.mean, trained.likelihoods, trained.doubtful, strict=True)
    expected = {path: head.score(*row) for path, row in zip(step_paths(SOLUTIONS), rows, strict=True)}
    usage = Usage()
    prefixes: dict[tuple[str, ...], Prefix] = {(): prm.start(PROBLEM, usage)}
    for path in step_paths(SOLUTIONS):
        job = prm.score(prefixes[path[:-1]], path[-1])
        while not job.done:
            prm.advance()
        prefixes[path] = job.result().prefix
        assert job.result().score == pytest.approx(expected[path], abs=0.01)
    assert np.ptp(list(expected.values())) > 0.05, "else anything would be equal"
    alone = sum(len(policy.prompt_tokens(PROBLEM)) + 12 * len(steps) for steps in SOLUTIONS)
    assert usage.total < alone, "what steps share is run once"
    for prefix in reversed(prefixes.values()):
        prm.release(prefix)


def test_one_file_is_loaded_once(policy: LlamaPolicy, prm: LlamaPRM) -> None:
    assert prm.engine._model is policy.engine._model
    assert prm.name == "h" and prm.entry.format is not None and prm.entry.format.aggregate == "min"


def test_the_model_is_the_policy_or_lies_beside_the_head(folder: Path, tmp_path: Path) -> None:
    head = tmp_path / "h.safetensors"
    head.write_bytes((folder / "h.safetensors").read_bytes())
    pair = resolve_pair(str(folder / "tiny.gguf"), str(head), own_prm=False)
    assert pair.prm is not None and pair.prm.file == pair.policy.file and pair.prm.role == "prm"
    with pytest.raises(ModelError, match="reads the states of tiny"):
        resolve_pair(str(folder / "other.gguf"), str(head), own_prm=False)
    (tmp_path / "tiny.gguf").write_bytes((folder / "other.gguf").read_bytes())
    with pytest.raises(ModelError, match="not there"):  # another model of that name
        resolve_pair("nano", str(head), own_prm=False)
    (tmp_path / "tiny.gguf").write_bytes((folder / "tiny.gguf").read_bytes())
    assert resolve_pair("nano", str(head), own_prm=False).prm is not None


def test_a_model_that_is_asked_otherwise_by_now_is_refused(folder: Path, tmp_path: Path) -> None:
    old = HeadFile.read(folder / "h.safetensors")
    layout = old.card.layout.model_copy(update={"prompt": "Q: {problem}"})
    HeadFile(old.card.model_copy(update={"layout": layout}), old.tensors).write(tmp_path / "h.safetensors")
    (tmp_path / "tiny.gguf").write_bytes((folder / "tiny.gguf").read_bytes())
    with pytest.raises(ModelError, match="another prompt"):
        load_prm(str(tmp_path / "h.safetensors"), threads=1)


def test_a_head_is_a_part_of_what_was_asked(folder: Path, policy: LlamaPolicy, tmp_path: Path) -> None:
    """Profiles and batches tell two heads of one model apart."""
    first = resolve_pair(str(folder / "tiny.gguf"), str(folder / "h.safetensors"), own_prm=False).prm
    old = HeadFile.read(folder / "h.safetensors")
    HeadFile(old.card, {**old.tensors, "bias": np.ones(1, np.float32)}).write(tmp_path / "h.safetensors")
    second = resolve_pair(str(folder / "tiny.gguf"), str(tmp_path / "h.safetensors"), own_prm=False).prm
    assert first is not None and second is not None and first.format != second.format
    assert len(NAMES) == len(old.card.likelihoods) and "h" not in read().models
