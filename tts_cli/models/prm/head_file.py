"""The file of a head: a small model on the states of a language model, which makes it score steps.

A safetensors file: float32 tensors, and a card (`HeadCard`, JSON in the metadata) that says what the head is, what it
reads, of which model file, and what it was measured to be worth. Nothing in such a file is a program: what is no
safetensors file, a pickle say, is refused before any of it is read.

Covers the file and the arithmetic of a score. Who runs the model, and who trains a head, is elsewhere
(`tts_cli.models.prm.states`, `tts_cli.evaluation.heads`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tts_cli.errors import ModelError, TtsError, reason
from tts_cli.models.prm.likelihoods import NAMES

HeadKind = Literal["linear", "mlp"]
HeadInput = Literal["end", "mean", "doubtful", "likelihoods"]
Floats = NDArray[np.float32]
Tensors = Mapping[str, Floats]

VERSION = 1
CARD = "tts-head"
"""The card's name in the metadata."""

MOST_BYTES = 1 << 28
_MOST_HEADER = 1 << 20
_RETRAIN = "Train one for this model with `tts train-prm DATASET`."


class _CardPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Backbone(_CardPart):
    """The model whose states are read. `content`: its file's fingerprint (models.content.of_file)."""

    name: str
    architecture: str
    content: str = Field(min_length=1)
    n_embd: int = Field(ge=1, le=1 << 16)


class HeadLayout(_CardPart):
    """The text that the backbone reads: the prompt with `{problem}`, then the steps, each with the separator after it,
    at whose last token the step ends."""

    prompt: str
    separator: str


class HeadData(_CardPart):
    """What the head was trained on. `content`: a hash of problems and answers; `samples`: solutions in all; `labels`:
    those of steps, or of a solution's outcome for every prefix of it."""

    name: str
    problems: int
    samples: int
    content: str
    labels: Literal["outcome", "steps"]


class PlattScaling(_CardPart):
    """From the head's logit to one whose sigmoid is a probability (Platt 1999): where labels are outcomes that of a
    finished solution, so that an early step's is a little too sure."""

    slope: float = Field(ge=0)
    intercept: float


class HeadCard(_CardPart):
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
    figures: dict[str, Any] = {}

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
        found = {name: tensor.shape for name, tensor in self.tensors.items()}
        expected = _shapes(self.card, self.tensors)
        if found != expected:
            raise _unusable("The head", f"its tensors are {found}, not {expected}")
        if not all(np.isfinite(tensor).all() for tensor in self.tensors.values()):
            raise _unusable("The head", "it holds numbers that are not finite")

    @staticmethod
    def read(path: Path, backbone: str | None = None) -> HeadFile:
        """The head in a file; `backbone`: the fingerprint of the model file whose states it will be given.

        Raises ModelError for a file that is missing or no head, for one of another version, and for one that was
        trained on another model's states.
        """
        return HeadFile.parse(_bytes_of(path), str(path), backbone)

    @staticmethod
    def parse(data: bytes, name: str, backbone: str | None = None) -> HeadFile:
        """The same of a file's content; `name` is for messages."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        card = _card(_header(data, name), name)
        if backbone is not None and backbone != card.backbone.content:
            trained = f"it was trained on the states of {card.backbone.name} ({card.backbone.content[:8]})"
            raise ModelError(f"{name} is a head for another model: {trained}, not of {backbone[:8]}.", _RETRAIN)
        try:
            return HeadFile(card, load(data))
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise _unusable(name, reason(error)) from error
        except ModelError as error:
            raise ModelError(error.what.replace("The head", name, 1), error.hint) from error

    def to_bytes(self) -> bytes:
        """The file's content."""
        from safetensors.numpy import save

        tensors = {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in self.tensors.items()}
        return bytes(save(tensors, {CARD: self.card.model_dump_json()}))

    def write(self, path: Path) -> None:
        """Beside `path`, then renamed: no reader ever sees half a file. Raises TtsError."""
        target = Path(os.path.realpath(path))
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            try:
                with temporary.open("xb") as file:
                    file.write(self.to_bytes())
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise TtsError(f"The head cannot be written to {path}: {reason(error)}.", "Name another file.") from error

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


def _bytes_of(path: Path) -> bytes:
    """Raises ModelError. A pipe or a device is not opened: it may never end."""
    try:
        if not path.is_file():
            raise ModelError(f"There is no head {path}.", "Give the file that `tts train-prm` wrote.")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ModelError(f"The head {path} cannot be read: {reason(error)}.", "Check the name.") from error
    if len(data) > MOST_BYTES:
        raise _unusable(str(path), f"it is larger than {MOST_BYTES >> 20} MiB")
    return data


def _header(data: bytes, name: str) -> dict[str, Any]:
    """A safetensors header: 8 bytes of length, then JSON. All else is refused by these few bytes."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or data[8:9] != b"{" or length > _MOST_HEADER:
        raise _unusable(name, "it is no safetensors file")
    if 8 + length > len(data):
        raise _unusable(name, "its end is missing")
    header = _json(data[8 : 8 + length], name)
    tensors = [value for key, value in header.items() if key != "__metadata__"]
    if not all(isinstance(value, dict) and value.get("dtype") == "F32" for value in tensors):
        raise _unusable(name, "its tensors are not float32")
    return header


def _card(header: dict[str, Any], name: str) -> HeadCard:
    metadata = header.get("__metadata__")
    text = metadata.get(CARD) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise _unusable(name, "it holds tensors, but no card of a head")
    fields = _json(text.encode(), name)
    if fields.get("version") != VERSION:
        found = f"it has format {fields.get('version')!r}, and this version of tts reads {VERSION}"
        raise _unusable(name, found)
    try:
        return HeadCard.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise _unusable(name, f"its card is wrong ({'.'.join(map(str, first['loc']))}: {first['msg']})") from error


def _json(data: bytes, name: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number")

    try:
        found = json.loads(data, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise _unusable(name, "its header is not JSON") from error
    if not isinstance(found, dict):
        raise _unusable(name, "its header is no mapping")
    return found


def _unusable(name: str, why: str) -> ModelError:
    return ModelError(f"{name} cannot be used as a head: {why}.", "Give a file that `tts train-prm` wrote.")
