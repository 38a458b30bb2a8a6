"""nano and its PRM, and some problems of nano's data set."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from tts_cli.data.datasets import open_dataset
from tts_cli.data.rows import Row
from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM
from tts_cli.models.load import load_policy, load_prm

Models = tuple[LlamaPolicy, LlamaPRM]


@pytest.fixture(scope="module")
def models() -> Iterator[Models]:
    policy, prm = load_policy("nano", threads=1), load_prm("nano-prm", threads=1)
    assert prm is not None
    yield policy, prm
    policy.close()
    prm.close()


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with open_dataset("nano", lambda question: False) as rows:
        return list(islice(rows, 6))
