"""Reads the header of a GGUF file: its metadata, how many weights it holds, and whether the file is whole.

llama.cpp sees a file only after these checks, because a damaged one can end the process instead of raising an error.
Weights are not read.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from tts_cli.errors import ModelError, reason

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
# Kinds of metadata, as `struct` writes them: little-endian. 8 is a string, 9 an array.
_SCALARS = {kind: f"<{letter}" for kind, letter in enumerate("BbHhIif?--Qqd") if letter != "-"}
_STRING, _ARRAY = 8, 9
_TOKENS = "tokenizer.ggml.tokens"
_INPUT, _OUTPUT = "token_embd.weight", "output.weight"
_PER_LAYER = (".attention.head_count", ".attention.head_count_kv", ".feed_forward_length")
_DOWNLOAD = "Download or copy the file again."

# ggml type -> (weights per block, bytes per block). A type that is not listed is not checked for its size.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 20: (32, 18),
    24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2), 39: (32, 17),
}  # fmt: skip


# general.file_type -> the quantisation's usual name (llama.h: enum llama_ftype)
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """Scalars and strings of the metadata by key; of numbers given for each layer, the largest.

    `parameters`: weights of all tensors, as llama.cpp counts them. `vocabulary`: tokens. `weights`: bytes of all
    tensors. `matrices`: of those that activations are multiplied with, bytes by ggml type.
    """

    metadata: dict[str, Any]
    parameters: int
    vocabulary: int
    weights: int
    matrices: dict[int, int]

    @property
    def architecture(self) -> str:
        return str(self.metadata.get("general.architecture", ""))

    @property
    def quantization(self) -> str | None:
        """As model cards name it; None where the file does not say."""
        return _FILE_TYPES.get(self.metadata.get("general.file_type", -1))

    @property
    def context_length(self) -> int | None:
        """Tokens that the model was trained on at once."""
        found = self.metadata.get(f"{self.architecture}.context_length")
        return found if isinstance(found, int) else None

    @property
    def chat_template(self) -> str | None:
        """The Jinja template of a conversation; None where there is none, or an empty one."""
        return str(self.metadata.get("tokenizer.chat_template", "")).strip() or None


@dataclass(slots=True)
class _Reader:
    data: mmap.mmap
    at: int = 0

    def take(self, n: int) -> int:
        """Step over n bytes and return where they start. Raises EOFError past the end of the file."""
        start = self.at
        if n < 0 or n > len(self.data) - start:
            raise EOFError
        self.at = start + n
        return start

    def scalar(self, kind: str) -> Any:
        """The next number; `kind` as `struct` writes it."""
        return struct.unpack_from(kind, self.data, self.take(struct.calcsize(kind)))[0]

    def string(self) -> bytes:
        start = self.take(self.scalar("<Q"))
        return self.data[start : self.at]

    def step_over_strings(self, count: int, *, distinct: bool) -> bool:
        """Step over `count` strings; with `distinct`, return whether no two are the same. A large vocabulary has
        300,000: this loop is most of what reading a header takes."""
        data, at, end = self.data, self.at, len(self.data)
        length = struct.Struct("<Q").unpack_from
        seen: set[bytes] = set()
        for _ in range(count):
            start = at + 8
            if start > end:
                raise EOFError
            at = start + length(data, at)[0]
            if distinct:
                seen.add(data[start:at])
        if at > end:
            raise EOFError
        self.at = at
        return not distinct or len(seen) == count


def read_header(path: Path) -> Header:
    """Read and check one file. Raises ModelError for all that is not a whole GGUF model."""
    try:
        if not path.is_file():
            raise ModelError(f"there is no file {path}", "Check the path, or name a model of `tts models list`.")
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return _read(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, size: int, changed: int) -> Header:
    """A run asks for the same header several times, and a large vocabulary takes a fifth of a second."""
    try:
        with path.open("rb") as file:
            _check_start(path, file.read(8))
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _parse(path, _Reader(data, at=8))
    except EOFError as error:
        raise ModelError(f"{path} is cut short: its header ends too early", _DOWNLOAD) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(f"{path} cannot be read: {reason(error)}", "Check the file's permissions.")


def _check_start(path: Path, start: bytes) -> None:
    if not start:
        raise ModelError(f"{path} is empty", _DOWNLOAD)
    if start[:4] != MAGIC:
        raise ModelError(f"{path} is not a GGUF file", "Give a model in llama.cpp's GGUF format.")
    if len(start) < 8:
        raise EOFError
    version = struct.unpack_from("<I", start, 4)[0]
    if version not in _VERSIONS:
        raise ModelError(f"{path} has GGUF version {version}, which is not supported", "Convert the model again.")


def _parse(path: Path, reader: _Reader) -> Header:
    tensors, pairs = reader.scalar("<Q"), reader.scalar("<Q")
    # Every entry takes more than 8 bytes, so a larger count can only be damage; do not loop over it.
    if max(tensors, pairs) > len(reader.data) // 8:
        raise EOFError
    metadata: dict[str, Any] = {}
    vocabulary = 0
    for _ in range(pairs):
        key = reader.string().decode("utf-8", "replace")
        kind = reader.scalar("<I")
        if kind == _ARRAY:
            count, largest = _step_over_array(path, reader, key)
            vocabulary = count if key == _TOKENS else vocabulary
            metadata |= {key: largest} if largest is not None else {}
        else:
            metadata[key] = _value(path, reader, kind)
    found = _read_tensors(path, reader, tensors)
    start = -(-reader.at // (alignment := max(1, int(metadata.get("general.alignment", 32))))) * alignment
    missing = start + max(tensor.end for tensor in found) - len(reader.data)
    if missing > 0:
        raise ModelError(f"{path} is cut short: {missing:,} bytes of its weights are missing", _DOWNLOAD)
    parameters = sum(tensor.weights for tensor in found)
    return Header(metadata, parameters, vocabulary, len(reader.data) - start, _matrices(found))


def _value(path: Path, reader: _Reader, kind: int) -> Any:
    if kind == _STRING:
        return reader.string().decode("utf-8", "replace")
    if kind not in _SCALARS:
        raise ModelError(f"{path} is damaged: it has metadata of an unknown kind ({kind})", _DOWNLOAD)
    return reader.scalar(_SCALARS[kind])


def _step_over_array(path: Path, reader: _Reader, key: str) -> tuple[int, int | None]:
    """How many elements it has; of numbers for each layer, the largest."""
    kind, count = reader.scalar("<I"), reader.scalar("<Q")
    if kind == _STRING:
        if count > len(reader.data) // 8:
            raise EOFError
        # llama.cpp asserts that no two tokens are the same text.
        if not reader.step_over_strings(count, distinct=key == _TOKENS):
            raise ModelError(f"{path} has the same token twice in its vocabulary", "Convert the model again.")
    elif kind in _SCALARS:
        size = struct.calcsize(_SCALARS[kind])
        start = reader.take(count * size)
        if key.endswith(_PER_LAYER) and count:
            values = (struct.unpack_from(_SCALARS[kind], reader.data, start + i * size)[0] for i in range(count))
            return count, int(max(values))
    else:
        raise ModelError(f"{path} is damaged: it has an array of an unknown kind ({kind})", _DOWNLOAD)
    return count, None


@dataclass(frozen=True, slots=True)
class _Tensor:
    """`end`: of its bytes in the file, counted from where those of all tensors begin."""

    name: str
    kind: int
    dimensions: int
    weights: int
    size: int
    end: int


def _read_tensors(path: Path, reader: _Reader, count: int) -> list[_Tensor]:
    if count == 0:
        raise ModelError(f"{path} holds a vocabulary but no weights", "Give the full model file.")
    found: list[_Tensor] = []
    for _ in range(count):
        name = reader.string().decode("utf-8", "replace")
        shape = [reader.scalar("<Q") for _ in range(reader.scalar("<I"))]
        kind, offset = reader.scalar("<I"), reader.scalar("<Q")
        per_block, block = _BLOCKS.get(kind, (1, 0))
        size = prod(shape) // per_block * block
        found.append(_Tensor(name, kind, len(shape), prod(shape), size, offset + size))
    return found


def _matrices(found: list[_Tensor]) -> dict[int, int]:
    """The embeddings are only looked up, unless they are the output's weights too."""
    tied = all(tensor.name != _OUTPUT for tensor in found)
    sizes: dict[int, int] = {}
    for tensor in found:
        if tensor.dimensions > 1 and (tied or tensor.name != _INPUT):
            sizes[tensor.kind] = sizes.get(tensor.kind, 0) + tensor.size
    return sizes
