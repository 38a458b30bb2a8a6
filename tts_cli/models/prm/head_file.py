"""The file of a head: a small model on the states of a language model, which makes it score steps.

A safetensors file: float32 tensors, and a card (`HeadCard`, JSON in the metadata) that says what the head is, what it
reads, of which model file, and what it was measured to be worth. Nothing in such a file is a program: what is no
safetensors file, a pickle say, is refused before any of it is read.

Covers the file and the arithmetic of a score. Who runs the model, and who trains a head, is elsewhere
(`tts_cli.models.prm.states`, `tts_cli.evaluation.heads`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from tts_cli.errors import ModelError
from tts_cli.models.prm.card_file import CardFiles, CardPart, Floats, Tensors, check_tensors, write_whole
from tts_cli.models.prm.likelihoods import NAMES

HeadKind = Literal["linear", "mlp"]
HeadInput = Literal["end", "mean", "doubtful", "likelihoods"]

VERSION = 1
CARD = "tts-head"
"""The card's name in the metadata."""

MOST_BYTES = 1 << 28
_RETRAIN = "Train one for this model with `tts train-prm DATASET`."


class Backbone(CardPart):
    """The model whose states are read. `content`: its file's fingerprint (models.content.of_file)."""

    name: str
    architecture: str
    content: str = Field(min_length=1)
    n_embd: int = Field(ge=1, le=1 << 16)


class HeadLayout(CardPart):
    """The text that the backbone reads: the prompt with `{problem}`, then the steps, each with the separator after it,
    at whose last token the step ends."""

    prompt: str
    separator: str


class HeadData(CardPart):
    """What the head was trained on. `content`: a hash of problems and answers; `samples`: solutions in all; `labels`:
    those of steps, or of a solution's outcome for every prefix of it."""

    name: str
    problems: int
    samples: int
    content: str
    labels: Literal["outcome", "steps"]


class PlattScaling(CardPart):
    """From the head's logit to one whose sigmoid is a probability (Platt 1999): where labels are outcomes that of a
    finished solution, so that an early step's is a little too sure."""

    slope: float = Field(ge=0)
    intercept: float


class HeadCard(CardPart):
    """What a head is. `inputs`: in the order in which they are joined; `likelihoods`: the names of those numbers;
    `policy`: whose solutions it was trained on; `own_states`: the backbone is that policy; `aggregate`: how the scores
    of steps make the score of a solution; `figures`: for people."""

    format: Literal["tts-head"] = "tts-head"
    version: Literal[1] = 1
    tts: str
    made: str
    kind: HeadKind
    inputs: tuple[HeadInput, ...] = Field(min_length=1)
    likelihoods: tuple[str, ...] = NAMES
    backbone: Backbone
    policy: str
    own_states: bool
    layout: HeadLayout
    data: HeadData
    aggregate: Literal["last", "min"] = "last"
    calibration: PlattScaling
    figures: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_read(self) -> HeadCard:
        if len(set(self.inputs)) < len(self.inputs):
            raise ValueError("an input is named twice")
        if "likelihoods" in self.inputs and self.likelihoods != NAMES:
            raise ValueError("its likelihoods are not those of this version")
        return self

    @property
    def width(self) -> int:
        """How many numbers the head reads of a step."""
        n_embd = self.backbone.n_embd
        return sum(len(self.likelihoods) if name == "likelihoods" else n_embd for name in self.inputs)


FILES = CardFiles(CARD, HeadCard, VERSION, "Give a file that `tts train-prm` wrote.", MOST_BYTES)


def _shapes(card: HeadCard, tensors: Tensors) -> dict[str, tuple[int, ...]]:
    """The tensors that a head of this card has. The width of an MLP's hidden layer is its own affair."""
    if card.kind == "linear":
        return {"weight": (card.width,), "bias": (1,)}
    hidden = max(1, tensors["hidden.bias"].size) if "hidden.bias" in tensors else 1
    layers = {"hidden.weight": (hidden, card.width), "hidden.bias": (hidden,)}
    return {**layers, "output.weight": (hidden,), "output.bias": (1,)}


@dataclass(frozen=True, slots=True)
class HeadFile:
    """A head that is ready to score. Raises ModelError where its tensors are not those of its card.

    linear: "weight" [width], "bias" [1]. mlp: "hidden.weight" [h, width], "hidden.bias" [h], ReLU,
    "output.weight" [h], "output.bias" [1].
    """

    card: HeadCard
    tensors: Tensors

    def __post_init__(self) -> None:
        check_tensors(FILES, self.tensors, _shapes(self.card, self.tensors))

    @staticmethod
    def read(path: Path, backbone: str | None = None) -> HeadFile:
        """The head in a file; `backbone`: the fingerprint of the model file whose states it will be given.

        Raises ModelError for a file that is missing or no head, for one of another version, and for one that was
        trained on another model's states.
        """
        return HeadFile.parse(FILES.read(path), str(path), backbone)

    @staticmethod
    def parse(data: bytes, name: str, backbone: str | None = None) -> HeadFile:
        """The same of a file's content; `name` is for messages."""
        card = FILES.card_of(data, name)
        if backbone is not None and backbone != card.backbone.content:
            trained = f"it was trained on the states of {card.backbone.name} ({card.backbone.content[:8]})"
            raise ModelError(f"{name} is a head for another model: {trained}, not of {backbone[:8]}.", _RETRAIN)
        return FILES.parse(data, name, HeadFile)

    def to_bytes(self) -> bytes:
        """The file's content."""
        return FILES.content(self.card, self.tensors)

    def write(self, path: Path) -> None:
        """Whole or not at all. Raises TtsError."""
        write_whole(path, self.to_bytes())

    def score(
        self,
        hidden: ArrayLike | None = None,
        pooled: ArrayLike | None = None,
        likelihoods: ArrayLike | None = None,
        doubtful: ArrayLike | None = None,
    ) -> float:
        """A step's chance to be right, in [0, 1].

        `hidden`: the state after the final norm at the step's last token [n_embd]; `pooled`: the mean of the states at
        all its tokens [n_embd]; `likelihoods`: `StepLikelihood.numbers`; `doubtful`: the mean state of `Doubtful`
        [n_embd]. What the card does not name may be left out.
        Raises ValueError where something is missing or of another length, ModelError for what is not finite.
        """
        given = {"end": hidden, "mean": pooled, "likelihoods": likelihoods, "doubtful": doubtful}
        parts = [np.asarray(given[name], np.float32).ravel() for name in self.card.inputs if given[name] is not None]
        joined = np.concatenate(parts) if parts else np.empty(0, np.float32)
        if len(parts) < len(self.card.inputs) or len(joined) != self.card.width:
            raise ValueError(f"the head reads {self.card.width} numbers ({', '.join(self.card.inputs)})")
        if not np.isfinite(joined).all():
            raise ModelError("The model's states are not finite numbers.", "Try another GGUF file of this model.")
        return float(self.chances(joined[None])[0])

    def chances(self, inputs: Floats) -> NDArray[np.float64]:
        """The same for many steps: inputs [n, width], joined as the card says; chances [n]."""
        scaling = self.card.calibration
        z = scaling.slope * logits(self.card.kind, self.tensors, inputs) + scaling.intercept
        return 0.5 * (1 + np.tanh(0.5 * z))  # a sigmoid that cannot overflow


def logits(kind: HeadKind, tensors: Tensors, inputs: Floats) -> NDArray[np.float64]:
    """What the head makes of inputs [n, width], before calibration: [n]."""
    if kind == "linear":
        return np.asarray(inputs @ tensors["weight"] + tensors["bias"], np.float64)
    hidden = np.maximum(inputs @ tensors["hidden.weight"].T + tensors["hidden.bias"], 0)
    return np.asarray(hidden @ tensors["output.weight"] + tensors["output.bias"], np.float64)
