"""The same directories by tts: imported as `tts models import` does it, then scored as a search does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.parity.cases import Case
from tests.parity.checkpoints import Prm, write_checkpoint
from tts_cli.engine import Branch, Evaluated
from tts_cli.models import registry
from tts_cli.models.backends.llama_cpp import LlamaPRM
from tts_cli.models.importing.convert import WeightType, import_model, read_source
from tts_cli.models.load import load_prm
from tts_cli.models.registry import Registry
from tts_cli.protocols import Job, Prefix, ScoredStep, Usage


def imported(prm: Prm, folder: Path, type: WeightType) -> Path:
    """The GGUF file of a PRM, its head beside it."""
    out = folder / f"{prm.name}-{type}.gguf"
    directory = folder / prm.name
    if not directory.is_dir():
        write_checkpoint(prm, directory)
    import_model(read_source(directory, prm.format), out, type, prm.format, lambda done, total: None)
    return out


def formats() -> Registry:
    """The registry, but that formats accept other token ids than the real models': a small vocabulary has its own."""
    known = registry.read()
    any_ids = {"marker_ids": (), "good_ids": (), "bad_ids": ()}
    return replace(known, formats={name: one.model_copy(update=any_ids) for name, one in known.formats.items()})


@contextmanager
def loaded(file: Path) -> Iterator[LlamaPRM]:
    """On one thread, so that many tests can run at once."""
    prm = load_prm(str(file), registry=formats(), n_seq_max=8, threads=1)
    try:
        yield prm
    finally:
        prm.close()


@dataclass(frozen=True, slots=True)
class Run:
    """`inputs`: of each step, the tokens that were run up to the one where its score was read."""

    scores: list[float]
    inputs: list[list[int]]


def scored(prm: LlamaPRM, case: Case) -> Run:
    """A score of each step, one after another, and what llama.cpp was given for it."""
    run, last = Run([], []), len(case.steps) - 1
    handles: list[Prefix] = [prm.start(case.problem, Usage())]
    with _inputs_of(prm, run.inputs):
        for number, step in enumerate(case.steps):
            found = ended(prm, [prm.score(handles[-1], step, final=number == last)])[0]
            run.scores.append(found.score)
            handles.append(found.prefix)
    for handle in handles:
        prm.release(handle)
    return run


@contextmanager
def _inputs_of(prm: LlamaPRM, inputs: list[list[int]]) -> Iterator[None]:
    """Meanwhile, note what the engine evaluates."""
    evaluate = prm.engine.evaluate

    def noting(branch: Branch, tokens: Sequence[int], marks: Sequence[int], *more: Any) -> Job[Evaluated]:
        before = branch.stretch(0, branch.length)
        inputs.append([*before, *tokens][: branch.length + marks[-1] + 1])
        return evaluate(branch, tokens, marks, *more)

    with patch.object(prm.engine, "evaluate", noting):
        yield


def ended(prm: LlamaPRM, jobs: Sequence[Job[ScoredStep]]) -> list[ScoredStep]:
    """What the jobs come to."""
    while not all(job.done for job in jobs):
        prm.advance()
    return [job.result() for job in jobs]
