"""Files of a small model that reads another's states: safetensors with float32 tensors, and a card in the metadata.

A card is checked data (pydantic), as JSON under a key of its own. Nothing in such a file is a program: what is no
safetensors file, a pickle say, is refused before any of it is read, and so is one that is cut off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from tts_cli.errors import ModelError, TtsError, reason

Floats = NDArray[np.float32]
Tensors = Mapping[str, Floats]

_MOST_HEADER = 1 << 20


class CardPart(BaseModel):
    """A card, or a part of one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


C = TypeVar("C", bound=CardPart)
H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class CardFiles(Generic[C]):
    """One kind of such files. `key`: its card's name in the metadata; `version`: of the card; `get`: what a person does
    to have such a file; `most`: bytes."""

    key: str
    card: type[C]
    version: int
    get: str
    most: int

    def read(self, path: Path) -> bytes:
        """Raises ModelError. A pipe or a device is not opened: it may never end."""
        try:
            if not path.is_file():
                raise ModelError(f"There is no head {path}.", self.get)
            with path.open("rb") as file:
                data = file.read(self.most + 1)
        except (OSError, ValueError) as error:
            raise ModelError(f"The head {path} cannot be read: {reason(error)}.", "Check the name.") from error
        if len(data) > self.most:
            raise self.unusable(str(path), f"it is larger than {self.most >> 20} MiB")
        return data

    def card_of(self, data: bytes, name: str) -> C:
        """The card in the header. Raises ModelError; `name` is for messages."""
        metadata = _header(self, data, name).get("__metadata__")
        text = metadata.get(self.key) if isinstance(metadata, dict) else None
        if not isinstance(text, str):
            raise self.unusable(name, "it holds tensors, but no card of a head")
        fields = _json(self, text.encode(), name)
        if fields.get("version") != self.version:
            found = f"it has format {fields.get('version')!r}, and this version of tts reads {self.version}"
            raise self.unusable(name, found)
        try:
            return self.card.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise self.unusable(name, f"its card is wrong ({where}: {first['msg']})") from error

    def tensors_of(self, data: bytes, name: str) -> dict[str, Floats]:
        """Raises ModelError."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return load(data)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise self.unusable(name, reason(error)) from error

    def parse(self, data: bytes, name: str, make: Callable[[C, dict[str, Floats]], H]) -> H:
        """What `make` makes of card and tensors. Raises ModelError; `name` is for messages."""
        card = self.card_of(data, name)
        try:
            return make(card, self.tensors_of(data, name))
        except ModelError as error:
            raise ModelError(error.what.replace("The head", name, 1), error.hint) from error

    def content(self, card: C, tensors: Tensors) -> bytes:
        """What such a file holds."""
        from safetensors.numpy import save

        floats = {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in tensors.items()}
        return bytes(save(floats, {self.key: card.model_dump_json()}))

    def unusable(self, name: str, why: str) -> ModelError:
        """The error for a file that cannot be used."""
        return ModelError(f"{name} cannot be used as a head: {why}.", self.get)


def check_tensors(files: CardFiles[Any], tensors: Tensors, expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raises ModelError where they have other names or shapes than `expected`, or hold what is no finite number."""
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != expected:
        raise files.unusable("The head", f"its tensors are {found}, not {dict(expected)}")
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise files.unusable("The head", "it holds numbers that are not finite")


def write_whole(path: Path, data: bytes) -> None:
    """Beside `path`, then renamed: no reader ever sees half a file. Raises TtsError."""
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise TtsError(f"The head cannot be written to {path}: {reason(error)}.", "Name another file.") from error


def _header(files: CardFiles[Any], data: bytes, name: str) -> dict[str, Any]:
    """A safetensors header: 8 bytes of length, then JSON. All else is refused by these few bytes."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or data[8:9] != b"{" or length > _MOST_HEADER:
        raise files.unusable(name, "it is no safetensors file")
    if 8 + length > len(data):
        raise files.unusable(name, "its end is missing")
    header = _json(files, data[8 : 8 + length], name)
    tensors = [value for key, value in header.items() if key != "__metadata__"]
    if not all(isinstance(value, dict) and value.get("dtype") == "F32" for value in tensors):
        raise files.unusable(name, "its tensors are not float32")
    return header


def _json(files: CardFiles[Any], data: bytes, name: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number")

    try:
        found = json.loads(data, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise files.unusable(name, "its header is not JSON") from error
    if not isinstance(found, dict):
        raise files.unusable(name, "its header is no mapping")
    return found
