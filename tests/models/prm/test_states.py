"""States and likelihoods of a tree of steps are those of each solution read from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.engine import Evaluated, ReadOut
from tts_cli.errors import ModelError
from tts_cli.models.backends.llama_cpp import LlamaPolicy
from tts_cli.models.load import load_policy
from tts_cli.models.prm.likelihoods import NAMES, Doubtful
from tts_cli.models.prm.states import StateReader, step_paths
from tts_cli.models.prompts import plain_tokens
from tts_cli.protocols import Usage

PROBLEM = "What is 12 + 7?"
SOLUTIONS = [("12 + 7 = 19", "so 19"), ("12 + 7 = 19", "the answer is 19", "19"), ("12 + 7 = 20", "so 19")]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaPolicy]:
    path = tmp_path_factory.mktemp("states") / "tiny.gguf"
    write_tiny_gguf(path, chat_template=CHAT_TEMPLATE, dtype="F32", context=256)
    loaded = load_policy(str(path), threads=1)
    yield loaded
    loaded.close()


def parts_of(policy: LlamaPolicy, steps: tuple[str, ...]) -> list[list[int]]:
    """The prompt's tokens, then those of each step with the separator after it."""
    texts = (plain_tokens(policy.engine.vocab, step + policy.entry.separator, continues=True) for step in steps)
    return [policy.prompt_tokens(PROBLEM), *texts]


def from_scratch(policy: LlamaPolicy, steps: tuple[str, ...]) -> tuple[np.ndarray, list[float]]:
    """All in one run: the states at the last step's tokens, and their log-probabilities."""
    engine = policy.engine
    parts = parts_of(policy, steps)
    tokens = [token for part in parts for token in part]
    job = engine.evaluate(engine.root(tokens[:1], Usage()), tokens[1:], range(len(tokens) - 1), ReadOut(hidden=True))
    while not job.done:
        engine.advance()
    read = job.result()
    engine.release(read.branch)
    size = len(parts[-1])
    rows = read.logits[-size - 1 : -1].astype(np.float64)
    logprobs = rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)
    chosen = [float(row[token]) for row, token in zip(logprobs, parts[-1], strict=True)]
    return read.hidden[-size:], chosen


def doubtful(policy: LlamaPolicy, steps: tuple[str, ...]) -> np.ndarray:
    """The states at all tokens of the steps, each weighted by how unlikely its token was."""
    found = Doubtful()
    for end in range(1, len(steps) + 1):
        found = found.after(*from_scratch(policy, steps[:end]))
    assert found.mean is not None
    return found.mean


def test_a_tree_gives_what_each_solution_gives_alone(policy: LlamaPolicy) -> None:
    read, tokens = StateReader(policy).read(PROBLEM, SOLUTIONS)
    paths = step_paths(SOLUTIONS)
    assert len(paths) == 6 and read.there.all()
    alone = sum(len(part) for one in SOLUTIONS for part in parts_of(policy, one))
    assert tokens < alone, "what they share is run once"
    for row, path in enumerate(paths):
        states, logprobs = from_scratch(policy, path)
        assert read.end[row] == pytest.approx(states[-1], abs=0.02)
        assert read.mean[row] == pytest.approx(states.mean(0), abs=0.02)
        assert read.doubtful is not None
        assert read.doubtful[row] == pytest.approx(doubtful(policy, path), abs=0.02)
        numbers = dict(zip(NAMES, read.likelihoods[row], strict=True))
        assert numbers["mean"] == pytest.approx(np.mean(logprobs), abs=0.01)
        assert numbers["least"] == pytest.approx(min(logprobs), abs=0.01)
    assert np.ptp(read.end.astype(float), axis=0).max() > 0.1, "different steps have different states"


def test_what_the_context_has_no_room_for_is_marked(policy: LlamaPolicy) -> None:
    read, _ = StateReader(policy).read(PROBLEM, [("12", "so " * 400, "after"), ("12", "19")])
    assert read.there.tolist() == [True, False, False, True]
    assert not read.end[1].any() and read.end[3].any()
    nothing, tokens = StateReader(policy).read("so " * 400, [("12",)])
    assert not nothing.there.any() and tokens == 0


def test_states_that_are_no_numbers_are_an_error(policy: LlamaPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Evaluated.__init__

    def broken(self: Evaluated, *given: Any) -> None:
        original(self, *given)
        self.hidden[-1] = np.nan

    monkeypatch.setattr(Evaluated, "__init__", broken)
    with pytest.raises(ModelError, match="not finite"):
        StateReader(policy).read(PROBLEM, [("a",)])
