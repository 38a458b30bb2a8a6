"""A head as a PRM: which model it reads, and its read-out.

A head (head_file.py) says in its card whose states it reads, by the fingerprint of that model's file. With it `--prm
HEAD` finds the file again: the policy's own, one of the registry, or one that lies beside the head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tts_cli.errors import ModelError
from tts_cli.models.prm.formats import PrmFormat, StepTokens
from tts_cli.models.prm.likelihoods import StepLikelihood
from tts_cli.models.prm.read_outs import ReadScore
from tts_cli.models.registry import ModelEntry, Registry, find_file, is_file, locate

if TYPE_CHECKING:
    from tts_cli.engine import Evaluated, ReadOut, Vocab
    from tts_cli.models.prm.head_file import HeadFile
    from tts_cli.models.prm.states import ReadStep, StepReader

SUFFIX = ".safetensors"


def entry_of_head(path: Path, known: Registry, policy: ModelEntry | None) -> ModelEntry:
    """The model that a head reads, as a PRM with this head. Raises ModelError where the head cannot be used, or its
    model is not there."""
    from tts_cli.models.content import of_file
    from tts_cli.models.prm.head_file import HeadFile

    card = HeadFile.read(path).card
    for entry in _candidates(path, card.backbone.name, known, policy):
        file = find_file(entry)
        if file is not None and of_file(file) == card.backbone.content:
            format = PrmFormat(of="any", layout="solution", read="head", head=of_file(path), aggregate=card.aggregate)
            update = {"name": path.stem, "role": "prm", "format": format, "head": str(path.absolute()), "family": None}
            return entry.model_copy(update=update | {"separator": card.layout.separator})
    raise ModelError(
        f"The head {path} reads the states of {card.backbone.name} ({card.backbone.content[:8]}), which is not there.",
        f"Put that model's file beside the head, as {card.backbone.name}.gguf.",
    )


def _candidates(path: Path, name: str, known: Registry, policy: ModelEntry | None) -> Iterator[ModelEntry]:
    if policy is not None:
        yield policy
    if name in known.models:
        yield known.models[name]
    beside = path.parent / f"{name}.gguf"
    if is_file(beside):
        yield ModelEntry(name=name, role="prm", file=str(beside.absolute()))


def check_prompt(entry: ModelEntry, known: Registry) -> None:
    """Raises ModelError where the model of a head is asked in other words than when the head was trained."""
    from tts_cli.models.prm.head_file import HeadFile
    from tts_cli.models.prm.states import prompt_text

    assert entry.head is not None
    card = HeadFile.read(Path(entry.head)).card
    if prompt_text(entry, known)[1] != card.layout.prompt:
        raise ModelError(
            f"The head {entry.name} was trained with another prompt than {card.backbone.name} has now.",
            "Train a new one with `tts train-prm DATASET`.",
        )


def is_on_own_states(entry: ModelEntry, policy: ModelEntry, known: Registry) -> bool:
    """Does the head `entry` read the states of this policy, in the words and steps in which it writes? Loads nothing;
    raises ModelError for a file that is no head."""
    from tts_cli.models.prm.head_file import HeadFile, HeadLayout
    from tts_cli.models.prm.states import prompt_text

    if entry.head is None or not locate(policy).samefile(locate(entry)):
        return False
    asked = HeadLayout(prompt=prompt_text(policy, known)[1], separator=policy.separator)
    return HeadFile.read(Path(entry.head)).card.layout == asked


def head_of(entry: ModelEntry, vocab: Vocab) -> HeadReadOut:
    """The read-out of an entry with a head. Raises ModelError for a file that is no head."""
    from tts_cli.models.prm.head_file import HeadFile
    from tts_cli.models.prm.states import StepReader

    assert entry.head is not None
    return HeadReadOut(HeadFile.read(Path(entry.head)), StepReader.of(vocab))


@dataclass(frozen=True, slots=True)
class HeadReadOut:
    """A `StepReadOut`: the score is what the head makes of a step's states and likelihoods."""

    head: HeadFile
    reader: StepReader

    def asks(self, step: StepTokens) -> tuple[Sequence[int], ReadOut]:
        """The states and log-probabilities at all rows of the step."""
        return self.reader.asks(step)

    def score(self, read: Evaluated, step: StepTokens, before: StepLikelihood | None) -> ReadScore:
        """From states [tokens, n_embd] and log-probabilities [tokens]."""
        return self.of(self.reader.read(read, step, before or StepLikelihood()))

    def of(self, found: ReadStep) -> ReadScore:
        """The score of what was read."""
        return ReadScore(
            self.head.score(found.end, found.mean, found.likelihood.numbers, found.doubtful), found.likelihood
        )
