"""The file of a published PRM's head, which an ordinary GGUF of the PRM has no room for: it lies beside its backbone.

`FILE.gguf` finds it as `FILE.head.safetensors`. The state after the final norm, at the row where the PRM's format reads
its score, goes through one layer (`linear`), several with an activation between them (`mlp`), or several such networks
at once (`ensemble`). The output is one logit (`sigmoid`) or one a class (`softmax`).

    kind      publishers                                                            output
    linear    Skywork-o1-Open-PRM, TRL's token classification, arXiv 2510.14913     sigmoid; softmax of 2; sigmoid
    mlp       Qwen2.5-Math-PRM and -PRM800K, ReasonFlux-PRM-7B                      softmax of 2, class 1
    ensemble  ActPRM: 8 MLPs; the score is their mean, and they also have a spread  sigmoid
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from tts_cli.errors import ModelError
from tts_cli.models.prm.card_file import CardFiles, CardPart, Floats, Tensors, check_tensors, write_whole
from tts_cli.models.registry import SIDE_SUFFIX, side_file

__all__ = [
    "FILES",
    "PUBLISHED",
    "SIDE_SUFFIX",
    "HeadScore",
    "PublishedBackbone",
    "PublishedCard",
    "PublishedHead",
    "is_published",
    "side_file",
]

PUBLISHED = "tts-published-head"
"""The card's name in the metadata."""

Kind = Literal["linear", "mlp", "ensemble"]


class PublishedBackbone(CardPart):
    """The model whose states are read. `content`: its file's fingerprint (models.content.of_file), where only that very
    file will do; otherwise any of the architecture and the width will, such as another quantisation."""

    name: str = ""
    architecture: str = Field(min_length=1)
    n_embd: int = Field(ge=1, le=1 << 16)
    content: str | None = None


class PublishedCard(CardPart):
    """What a head is. `prm_format`: the PRM format (models.yaml) that it was trained with; `activation`: between
    layers; `good_class`: which output stands for a good step; `source`: whose it is, `licence`: under what terms."""

    format: Literal["tts-published-head"] = "tts-published-head"
    version: Literal[1] = 1
    tts: str = ""
    kind: Kind
    activation: Literal["relu"] = "relu"
    output: Literal["sigmoid", "softmax"]
    good_class: int = Field(default=0, ge=0)
    prm_format: str = Field(min_length=1)
    backbone: PublishedBackbone
    source: str = ""
    licence: str = ""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> PublishedCard:
        if self.output == "sigmoid" and self.good_class != 0:
            raise ValueError("with a sigmoid there is one output, which is class 0")
        return self


FILES = CardFiles(PUBLISHED, PublishedCard, 1, "Import the head once more: `tts models import DIR`.", 1 << 30)


def is_published(path: Path) -> bool:
    """Does it hold a published head? False for what is none, too. Raises nothing."""
    try:
        FILES.card_of(_head_of(path), str(path))
    except (ModelError, OSError, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class HeadScore:
    """`value`: the chance that a step is right; `spread`: the standard deviation over an ensemble's members, else 0."""

    value: float
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class PublishedHead:
    """A head that is ready to score. Raises ModelError where its tensors are not those of its card.

    `layers.0.weight` [out, in], `layers.0.bias` [out], then `layers.1...`, as nn.Linear has them; an ensemble's have
    its members in front: [members, out, in] and [members, out] (ActPRM's own file has [members, in, out]). A bias may
    be left out.
    """

    card: PublishedCard
    tensors: Tensors

    def __post_init__(self) -> None:
        check_tensors(FILES, self.tensors, _expected(self.card, self.tensors))

    @staticmethod
    def read(path: Path) -> PublishedHead:
        """Raises ModelError for a file that is missing or no such head."""
        return PublishedHead.parse(FILES.read(path), str(path))

    @staticmethod
    def parse(data: bytes, name: str) -> PublishedHead:
        """The same of a file's content; `name` is for messages."""
        return FILES.parse(data, name, PublishedHead)

    def to_bytes(self) -> bytes:
        """The file's content."""
        return FILES.content(self.card, self.tensors)

    def write(self, path: Path) -> None:
        """Whole or not at all. Raises TtsError."""
        write_whole(path, self.to_bytes())

    def check_backbone(self, architecture: str, n_embd: int, content: str | None = None) -> None:
        """Raises ModelError where the head cannot read this model's states: another architecture or width, or, where
        the card names a file, another file (`content`; None: not known)."""
        wanted = self.card.backbone
        found = (architecture, n_embd)
        if found != (wanted.architecture, wanted.n_embd):
            what = f"{wanted.architecture} with states of {wanted.n_embd} numbers, not {found[0]} with {found[1]}"
            raise ModelError(f"The head is for another model: it reads {what}.", "Put the head beside its own model.")
        if content is not None and wanted.content not in (None, content):
            what = f"{wanted.name or wanted.architecture} ({str(wanted.content)[:8]}), not of {content[:8]}"
            raise ModelError(f"The head is for another model: it reads the states of {what}.", "Give that file.")

    def score(self, state: ArrayLike) -> HeadScore:
        """Of the state after the final norm [n_embd]. Raises ModelError for what is no finite number."""
        given = np.asarray(state, np.float32).ravel()
        with np.errstate(over="ignore", invalid="ignore"):
            chances = self.chances(given[None])[:, 0]
        if not np.isfinite(chances).all():
            raise ModelError("The model's states are not finite numbers.", "Try another GGUF file of this model.")
        return HeadScore(float(chances.mean()), float(chances.std()))

    def chances(self, states: Floats) -> NDArray[np.float64]:
        """Of many states [n, n_embd]: [members, n], with one member but for an ensemble. Raises ValueError where they
        are of another width."""
        if states.shape[1:] != (self.card.backbone.n_embd,):
            raise ValueError(f"the head reads {self.card.backbone.n_embd} numbers, not {states.shape[1:]}")
        values = states[None]
        count = _count(self.tensors)
        for layer in range(count):
            values = _linear(self.tensors, layer, values)
            if layer < count - 1:
                values = np.maximum(values, 0)
        outputs = values.astype(np.float64)
        if self.card.output == "sigmoid":
            return np.asarray(0.5 * (1 + np.tanh(0.5 * outputs[..., 0])), np.float64)  # cannot overflow
        powers = np.exp(outputs - outputs.max(-1, keepdims=True))
        return np.asarray(powers[..., self.card.good_class] / powers.sum(-1), np.float64)


def _linear(tensors: Tensors, layer: int, values: Floats) -> Floats:
    """values [1 or members, n, in] through a layer: [1 or members, n, out]."""
    weight = tensors[f"layers.{layer}.weight"]
    bias = tensors.get(f"layers.{layer}.bias")
    product: Floats = np.matmul(values, np.swapaxes(weight if weight.ndim == 3 else weight[None], -1, -2))
    return product if bias is None else product + (bias[:, None] if bias.ndim == 2 else bias)


def _count(tensors: Tensors) -> int:
    """How many layers there are."""
    return sum(name.endswith(".weight") for name in tensors)


def _expected(card: PublishedCard, tensors: Tensors) -> dict[str, tuple[int, ...]]:
    """The tensors of a head of this card. The widths between layers and the number of an ensemble's members are its own
    affair; so is whether a layer has a bias."""
    count = _count(tensors)
    if (count == 0) or (card.kind == "linear" and count > 1) or (card.kind == "mlp" and count < 2):
        raise FILES.unusable("The head", f"it has {count} layers, which makes no {card.kind} head")
    shapes = [tensors[name].shape if name in tensors else () for name in map("layers.{}.weight".format, range(count))]
    rank = 3 if card.kind == "ensemble" else 2
    if any(len(shape) != rank for shape in shapes):
        raise FILES.unusable("The head", f"its layers have the shapes {shapes}, not {rank} dimensions each")
    members = shapes[0][:-2]
    last = max(1, shapes[-1][-2]) if card.output == "softmax" else 1
    if card.output == "softmax" and not card.good_class < last > 1:
        raise FILES.unusable("The head", f"of its {last} classes number {card.good_class} cannot be the good one")
    widths = [card.backbone.n_embd, *(max(1, shape[-2]) for shape in shapes[:-1]), last]
    found = {}
    for layer, (inner, out) in enumerate(pairwise(widths)):
        found[f"layers.{layer}.weight"] = (*members, out, inner)
        if f"layers.{layer}.bias" in tensors:
            found[f"layers.{layer}.bias"] = (*members, out)
    return found


def _head_of(path: Path) -> bytes:
    """The header of a safetensors file and a few bytes more, at most 1 MiB."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read((1 << 20) + 16)
