"""Published PRMs, imported and scored here, against their publishers' code in PyTorch.

Covered: for each read-out a model of random weights in the publisher's class (two layers, 256 wide, bfloat16; one
sharded, two tied), imported by `tts models import`'s own code; 200 problems of one to twelve steps with LaTeX, Unicode,
blank lines, thoughts and steps that contain a marker's text; the tokens that llama.cpp is given, where scores are read,
and the scores; a tree of steps, scored as a search does it, against each of its paths from scratch. The reference
is in fixtures/, so nothing here needs PyTorch; test_reference.py makes it again where PyTorch is. Where a real Qwen2.5
0.5B is on the machine, a random head alone beside its file, too.

Not covered: the real weights (none can be had here) and Q4_K_M; Mistral's SentencePiece tokenizer (Math-Shepherd is
tested on a byte-level BPE, with the publisher's text); text in another Unicode normal form than NFC, which transformers
composes first for Qwen2 and llama.cpp does not; solutions longer than a model's context.
"""

from __future__ import annotations

import random
from pathlib import Path
from statistics import pstdev

import pytest

from tests.parity import fixtures_file, ours
from tests.parity.cases import Case, cases
from tests.parity.checkpoints import PRMS
from tests.parity.comparison import LARGEST, compare
from tts_cli.models.backends.llama_cpp import LlamaPRM
from tts_cli.models.importing.convert import WeightType
from tts_cli.protocols import Prefix, Usage

LARGEST_IN_A_TREE = 1e-3  # a step's rows are computed in other company than from scratch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parity")


@pytest.mark.parametrize("type", LARGEST)
@pytest.mark.parametrize("name", PRMS)
def test_tokens_and_scores_are_the_publishers(name: str, type: WeightType, folder: Path) -> None:
    found = compare(name, type, folder)
    assert found.other == []
    assert found.steps > 1000 and found.largest < LARGEST[type]


def test_a_wrong_score_would_be_seen() -> None:
    """The reference's scores differ from step to step by far more than ours may differ from them."""
    for name in PRMS:
        scores = [score for one in fixtures_file.read(name) for score in one.scores]
        assert pstdev(scores) > 1.5 * LARGEST["Q8_0"], name
        assert len(set(scores)) > 800, name


@pytest.mark.parametrize("name", PRMS)
def test_a_tree_of_steps_scores_as_each_path_from_scratch(name: str, folder: Path) -> None:
    file = folder / f"{name}-F16.gguf"
    if not file.is_file():
        ours.imported(PRMS[name], folder, "F16")
    with ours.loaded(file) as prm:
        for number in (0, 3, 7):
            paths = grown(prm, cases()[number], random.Random(number))
            for steps, score in paths.items():
                fresh = ours.scored(prm, Case(cases()[number].problem, steps)).scores[-1]
                assert score == pytest.approx(fresh, abs=LARGEST_IN_A_TREE), steps


def grown(prm: LlamaPRM, case: Case, chance: random.Random) -> dict[tuple[str, ...], float]:
    """A tree of four levels, three steps at each of two nodes, all of a level scored at once: path -> score."""
    level: dict[tuple[str, ...], Prefix] = {(): prm.start(case.problem, Usage())}
    pool = [step for other in cases() for step in other.steps if "think>" not in step]
    found: dict[tuple[str, ...], float] = {}
    handles = list(level.values())
    for _ in range(4):
        wanted = {(*path, step): prefix for path, prefix in level.items() for step in chance.sample(pool, 3)}
        jobs = [prm.score(prefix, path[-1]) for path, prefix in wanted.items()]
        scored = dict(zip(wanted, ours.ended(prm, jobs), strict=True))
        found |= {path: one.score for path, one in scored.items()}
        handles += [one.prefix for one in scored.values()]
        level = {path: scored[path].prefix for path in chance.sample(list(scored), 2)}
    for handle in handles:
        prm.release(handle)
    return found
