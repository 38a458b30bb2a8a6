"""A chat model of real size as reader and as judge: Qwen 0.5B, where it is there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM, PrmPrefix
from tts_cli.models.load import load_policy, load_prm
from tts_cli.protocols import Usage

QWEN = Path.home() / ".cache/tts-real-models/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
PROBLEM = "Natalia sold clips to 48 of her friends in April, and then half as many clips in May. How many in all?"
FIRST = "Natalia sold 48 / 2 = 24 clips in May."
RIGHT, WRONG = "Altogether she sold 48 + 24 = 72 clips.", "Altogether she sold 48 + 24 = 96 clips."
OTHER = "Natalia sold 48 * 2 = 96 clips in May."

pytestmark = pytest.mark.skipif(not QWEN.is_file(), reason="Qwen's weights are not there")


@pytest.fixture(scope="module")
def policy() -> Iterator[LlamaPolicy]:
    policy = load_policy(str(QWEN), threads=1, n_ctx=2048, n_seq_max=4)
    yield policy
    policy.close()


def scores(prm: LlamaPRM, *solutions: tuple[str, ...]) -> tuple[list[list[float]], int]:
    """Of the steps of each solution, and the tokens that ran."""
    usage = Usage()
    root = prm.start(PROBLEM, usage)
    found = []
    for steps in solutions:
        prefix, one = root, []
        for step in steps:
            job = prm.score(prefix, step)
            while not job.done:
                prm.advance()
            prefix, score = job.result().prefix, job.result().score  # type: ignore[assignment]
            one.append(score)
        assert isinstance(prefix, PrmPrefix)
        found.append(one)
    return found, usage.evaluated


def test_a_real_reader_knows_a_wrong_number(policy: LlamaPolicy) -> None:
    prm = load_prm(str(QWEN), prm_format="reader", beside=policy, threads=1, n_ctx=2048, n_seq_max=4)
    together, tokens = scores(prm, (FIRST, RIGHT), (FIRST, WRONG), (OTHER, RIGHT))
    assert together[0][0] == together[1][0] > together[2][0]
    assert together[0][1] > 5 * together[1][1]
    alone, more = scores(prm, (FIRST, WRONG))
    assert [math.log(one) for one in alone[0]] == pytest.approx([math.log(one) for one in together[1]], abs=0.2)
    assert more < tokens < 3 * more
    prm.close()


def test_a_real_judge_answers(policy: LlamaPolicy) -> None:
    prm = load_prm(str(QWEN), prm_format="judge", beside=policy, threads=1, n_ctx=2048, n_seq_max=4)
    ((first, last),), _ = scores(prm, (FIRST, RIGHT))
    assert 0 < first < 1 and 0 < last < 1
    assert len(prm._read_out.asks(prm._layout.start(prm.engine.vocab, PROBLEM))[1].tokens or ()) == 10
    prm.close()
