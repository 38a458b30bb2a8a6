"""A head as a PRM: which model it reads, and its read-out.

A head that was trained here (head_file.py) says in its card whose states it reads, by the fingerprint of that model's
file. With it `--prm HEAD` finds the file again: the policy's own, one of the registry, or one beside the head.

A published head (published_head.py) lies beside its backbone: `prm.head.safetensors` beside `prm.gguf`. Either is given
as `--prm`; of a head whose card names a backbone, that one's file is looked for as above.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tts_cli.errors import ModelError
from tts_cli.models.prm.formats import PrmFormat, StepTokens
from tts_cli.models.prm.likelihoods import StepLikelihood
from tts_cli.models.prm.read_outs import PublishedReadOut, ReadScore
from tts_cli.models.registry import SIDE_SUFFIX, ModelEntry, Registry, find_file, is_file, locate, side_file
from tts_cli.paths import expand

if TYPE_CHECKING:
    from tts_cli.engine import Evaluated, ReadOut, Vocab
    from tts_cli.models.prm.head_file import HeadFile
    from tts_cli.models.prm.states import ReadStep, StepReader

SUFFIX = ".safetensors"


def entry_of_head(path: Path, known: Registry, policy: ModelEntry | None, prm_format: str | None = None) -> ModelEntry:
    """The model that a head reads, as a PRM with this head. Raises ModelError where the head cannot be used, or its
    model is not there."""
    from tts_cli.models.content import of_file
    from tts_cli.models.prm.head_file import HeadFile
    from tts_cli.models.prm.published_head import is_published

    if is_published(path):
        asked = known.format(prm_format) if prm_format else None
        entry = _backbone_of(path, known, policy)
        return with_published(entry, path, known, asked)
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


def _backbone_of(path: Path, known: Registry, policy: ModelEntry | None) -> ModelEntry:
    """The file that a published head lies beside, else the backbone that its card names. Raises ModelError."""
    from tts_cli.models.content import of_file
    from tts_cli.models.prm.published_head import PublishedHead

    backbone = PublishedHead.read(path).card.backbone
    beside = path.with_name(path.name.removesuffix(SIDE_SUFFIX) + ".gguf")
    if is_file(beside):
        return ModelEntry(name=beside.stem, role="prm", file=str(beside.absolute()))
    for entry in _candidates(path, backbone.name, known, policy) if backbone.name else ():
        file = find_file(entry)
        if file is not None and (entry.name == backbone.name or of_file(file) == backbone.content):
            return ModelEntry(name=path.name.removesuffix(SIDE_SUFFIX), role="prm", file=str(file.absolute()))
    raise ModelError(
        f"The head {path} reads the states of {backbone.name or beside.name}, which is not there.",
        f"Put that model's file beside the head, as {beside.name}.",
    )


def with_side_head(entry: ModelEntry, known: Registry, asked: PrmFormat | None) -> ModelEntry:
    """An entry as a PRM with the published head that lies beside its file, if one does; else as it is. `asked`: the
    format that was asked for, or is the entry's. Raises ModelError for a head that cannot be used."""
    file = find_file(entry)
    if file is None or (asked is not None and asked.layout == "solution"):
        return entry
    head = expand(entry.head) if entry.head else side_file(file)
    return with_published(entry, head, known, asked) if is_file(head) else entry


def with_published(entry: ModelEntry, head: Path, known: Registry, asked: PrmFormat | None = None) -> ModelEntry:
    """An entry as a PRM with this published head; `asked`: a format other than that of its card. Raises ModelError."""
    from tts_cli.models.content import of_file
    from tts_cli.models.prm.published_head import PublishedHead

    name = PublishedHead.read(head).card.prm_format
    format = asked or known.formats.get(name)
    if format is None or format.read != "head" or format.layout == "solution":
        raise ModelError(
            f"The head {head} was trained with the PRM format '{name}', which is none for a published head here.",
            "Name another one with `--prm-format`, or add it to models.yaml (docs/adding-a-prm-format.md).",
        )
    family = entry.family if entry.role == "prm" else None
    fields = {"role": "prm", "format": format.model_copy(update={"head": of_file(head)}), "head": str(head.absolute())}
    return entry.model_copy(update=fields | {"family": family or name})


def published_of(entry: ModelEntry, architecture: str, n_embd: int) -> PublishedReadOut:
    """The read-out of an entry with a published head, for a model that was loaded. Raises ModelError where there is
    none, and for a head of another model."""
    from tts_cli.models.content import of_file
    from tts_cli.models.prm.published_head import PublishedHead

    file = locate(entry)
    if entry.head is None:
        raise ModelError(
            f"The PRM {entry.name} is read by a head, and there is none beside it: {side_file(file).name}.",
            "`tts models import DIR` makes both files of what the publisher offers.",
        )
    head = PublishedHead.read(Path(entry.head))
    head.check_backbone(architecture, n_embd, of_file(file) if head.card.backbone.content else None)
    return PublishedReadOut(head)


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

    published = entry.format is None or entry.format.layout != "solution"
    if entry.head is None or published or not locate(policy).samefile(locate(entry)):
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
