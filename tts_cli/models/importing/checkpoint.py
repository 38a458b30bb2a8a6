"""The tensors of a Hugging Face directory: where each lies in its safetensors files, and its rows as float32.

A safetensors file is 8 bytes of length, that much JSON, then the numbers. No file is read as a whole: a model's largest
tensor alone may be a gigabyte. A pickle is never opened, as reading it can run whatever program is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeInt, ValidationError

from tts_cli.errors import ModelError, reason

Floats = NDArray[np.float32]

INDEX = "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_MOST_HEADER = 100 << 20  # as the safetensors library has it
_BLOCK = 8 << 20  # numbers that are turned into float32 at once
_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_OTHER_BYTES = {"F64": 8, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1}
_PART = re.compile(r"-\d{5}-of-(\d{5})\.safetensors$")
_AGAIN = "Download the directory again."


class _Entry(BaseModel):
    """What a header says of one tensor."""

    dtype: str
    shape: tuple[NonNegativeInt, ...]
    data_offsets: tuple[NonNegativeInt, NonNegativeInt]


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a safetensors file. `start`: where its bytes begin in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    start: int

    @property
    def width(self) -> int:
        """Numbers of a row; a vector has rows of one number."""
        return prod(self.shape[1:])

    def blocks(self, multiple: int = 1) -> Iterator[Floats]:
        """All rows in order, [rows, width] at a time, the number of rows a multiple of `multiple` but for the last.
        Raises ModelError for numbers of a kind that is not read, or that are not finite."""
        if self.dtype not in _BYTES:
            raise ModelError(f"{self.file}: {self.name} holds numbers of the kind {self.dtype}.", _KINDS)
        rows, width, size = self.shape[0] if self.shape else 1, self.width, _BYTES[self.dtype]
        step = max(multiple, _BLOCK // max(1, width) // multiple * multiple)
        with self.file.open("rb") as file:
            file.seek(self.start)
            for first in range(0, rows, step):
                count = min(step, rows - first)
                block = self._floats(file.read(count * width * size)).reshape(count, width)
                if not np.isfinite(block).all():
                    raise ModelError(f"{self.file}: {self.name} holds numbers that are not finite.", _AGAIN)
                yield block

    def whole(self) -> Floats:
        """All of it, in its shape. For small ones."""
        return np.concatenate(list(self.blocks())).reshape(self.shape)

    def _floats(self, data: bytes) -> Floats:
        if self.dtype == "BF16":  # the upper half of a float32
            return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        return np.frombuffer(data, "<f2" if self.dtype == "F16" else "<f4").astype(np.float32)


_KINDS = "Import float32, float16 or bfloat16 weights: a quantised checkpoint cannot be converted."


def tensors_of(folder: Path) -> dict[str, StoredTensor]:
    """All tensors of the directory by name. Raises ModelError for a shard that is missing, cut off or damaged."""
    found: dict[str, StoredTensor] = {}
    for file in _files(folder):
        for name, tensor in read_header(file).items():
            if name in found:
                raise ModelError(f"The tensor {name} is in both {found[name].file} and {file}.", _AGAIN)
            found[name] = tensor
    listed = _index(folder / INDEX)
    if lost := sorted(set(listed) - set(found)):
        raise ModelError(f"{folder} lacks {len(lost)} tensors that its index lists: {_some(lost)}.", _AGAIN)
    return found


def pickles_in(folder: Path) -> list[str]:
    """Names of files that may hold weights as pickles."""
    return sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of one file. Raises ModelError for what is no whole safetensors file."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 10 or length > _MOST_HEADER:
                raise _damaged(path, f"its header would be {length:,} bytes long, so it is no safetensors file")
            if 8 + length > size:
                raise _damaged(path, "it is cut off in its header")
            text = file.read(length)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {reason(error)}.", "Check the file's permissions.") from error
    header = read_json(text, str(path))
    header.pop("__metadata__", None)
    return {name: _tensor(path, name, entry, 8 + length, size) for name, entry in header.items()}


def read_json(text: bytes, name: str) -> dict[str, Any]:
    """A JSON object. Raises ModelError; `name` is for the message."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} holds no JSON where it should: {reason(error)}.", _AGAIN) from error
    if not isinstance(found, dict):
        raise ModelError(f"{name} holds no JSON object.", _AGAIN)
    return found


def _tensor(path: Path, name: str, entry: Any, begin: int, size: int) -> StoredTensor:
    try:
        said = _Entry.model_validate(entry)
    except ValidationError as error:
        raise _damaged(path, f"its header says nothing usable of {name}") from error
    start, end = said.data_offsets
    per_number = _BYTES.get(said.dtype) or _OTHER_BYTES.get(said.dtype)
    if begin + end > size:
        raise _damaged(path, f"it is cut off: {begin + end - size:,} bytes of {name} are missing")
    if end < start or (per_number is not None and end - start != prod(said.shape) * per_number):
        raise _damaged(path, f"{name} has {end - start:,} bytes, which do not fit its shape {list(said.shape)}")
    return StoredTensor(name, said.dtype, said.shape, path, begin + start)


def _files(folder: Path) -> list[Path]:
    """The safetensors files that make up the model."""
    names = sorted(set(_index(folder / INDEX).values()))
    if not names:
        names = sorted(path.name for path in folder.glob("*.safetensors"))
        parts = [name for name in names if _PART.search(name)]
        if "model.safetensors" in names:
            names = ["model.safetensors"]
        elif parts:
            names = [
                _PART.sub(f"-{i + 1:05}-of-{n}.safetensors", parts[0]) for n in _total(parts) for i in range(int(n))
            ]
        elif len(names) > 1:
            raise ModelError(f"{folder} holds several models: {_some(names)}.", "Leave one of them there.")
    if not names:
        raise _no_weights(folder)
    if lost := [name for name in names if not (folder / name).is_file()]:
        raise ModelError(f"{folder} lacks {len(lost)} of its {len(names)} shards: {_some(lost)}.", _AGAIN)
    return [folder / name for name in names]


def _total(parts: list[str]) -> list[str]:
    """How many parts a sharded model has, by the name of the first: one entry, or none."""
    match = _PART.search(parts[0])
    return [match[1]] if match else []


def _index(path: Path) -> Mapping[str, str]:
    """Tensor name -> file name; {} without an index. A file is named alone, so nothing outside is ever read."""
    if not path.is_file():
        return {}
    found = read_json(path.read_bytes(), str(path)).get("weight_map")
    if not isinstance(found, dict) or not found:
        raise _damaged(path, "it has no weight_map")
    for name in found.values():
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelError(f"{path} lists {name!r}, which is no safetensors file beside it.", _AGAIN)
    return found


def _no_weights(folder: Path) -> ModelError:
    if pickles := pickles_in(folder):
        what = (
            f"{folder} holds its weights as pickles ({_some(pickles)}), and a pickle can be a program: none was read."
        )
        return ModelError(what, "Get the model's safetensors files.")
    return ModelError(f"There are no safetensors files in {folder}.", "Name the directory that holds them.")


def _some(names: list[str]) -> str:
    """The names, or the first few of many."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"{path} cannot be imported: {why}.", _AGAIN)
