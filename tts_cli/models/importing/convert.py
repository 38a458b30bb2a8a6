"""From a Hugging Face directory to a GGUF file, and the head beside it.

The files are written under temporary names, a block of rows at a time, and get their own names once all of them are on
the disk: the head first, so that a PRM is never there without it. Whatever ends it before, nothing is left but, after a
power cut, a hidden `.part` file, which `tts models remove` takes along.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from tts_cli.errors import ModelError, TtsError, UsageError, reason
from tts_cli.models.importing import heads
from tts_cli.models.importing.architecture import (
    HfConfig,
    SortedTensors,
    TensorPlace,
    add_hyperparameters,
    read_config,
    rope_factors,
    sort_tensors,
)
from tts_cli.models.importing.checkpoint import Floats, StoredTensor, pickles_in, tensors_of
from tts_cli.models.importing.tokenizer import Tokenizer, read_tokenizer
from tts_cli.models.prm.published_head import PublishedHead
from tts_cli.models.registry import side_file

WeightType = Literal["F32", "F16", "Q8_0", "Q4_K_M"]
_FILE_TYPES = {"F32": 0, "F16": 1, "Q8_0": 7}
_ALIGNMENT = 32  # of tensors in a GGUF file
_LICENCE = re.compile(rb"^license:\s*[\"']?([\w.+-]+)", re.MULTILINE)

OnRows = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class HfDirectory:
    """A directory once it is known that it can be imported. `notes`: what of it is left out, and why."""

    folder: Path
    name: str
    config: HfConfig
    tensors: SortedTensors
    head: PublishedHead | None
    licence: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImportedFiles:
    """What was written; None: no such file."""

    file: Path | None
    head: Path | None
    notes: list[str]


def read_source(folder: Path, prm_format: str | None = None) -> HfDirectory:
    """Read all of a directory but its weights, and its head. Raises ModelError for one that cannot be imported."""
    if not folder.is_dir():
        raise ModelError(f"There is no directory {folder}.", "Name the directory that holds config.json.")
    config = read_config(folder)
    stored = tensors_of(folder)
    found = sort_tensors(config, stored)
    name, licence = name_of(folder), _licence(folder)
    head = heads.read_head(found.rest, config, prm_format, name, licence)
    notes = [f"{file} was not read: a pickle can be a program." for file in pickles_in(folder)]
    if config.tie_word_embeddings and any(one.endswith("lm_head.weight") for one in stored):
        notes.append("lm_head.weight was left out: by config.json the embeddings take its place.")
    if dropped := [one for one in found.rest if heads.unused(one)]:
        notes.append(f"{len(dropped)} tensors that only training used were left out: {dropped[0]} and the like.")
    return HfDirectory(folder, name, config, found, head, licence, notes)


def import_model(
    source: HfDirectory, out: Path, type: WeightType, prm_format: str | None, on_rows: OnRows
) -> ImportedFiles:
    """Write the backbone to `out`, and the head, if there is one, beside it. `on_rows` gets the weights done, of all.
    Raises TtsError where it cannot be written or something is there already."""
    tokenizer = read_tokenizer(source.folder, source.config.vocab_size)
    beside = side_file(out) if source.head else None
    for path in filter(None, (out, beside)):
        if os.path.lexists(path):
            raise UsageError(
                f"{path} exists already.", "Remove it (`tts models remove NAME`), or name another with `--out`."
            )
    head = source.head
    with _unnamed(out) as (part, spare):
        _check_room(source, part, type)
        first = spare if type == "Q4_K_M" else part
        written: WeightType = "F16" if type == "Q4_K_M" else type
        _write_header(source, first, tokenizer, written, prm_format)
        _write_tensors(first, source, written, on_rows)
        if type == "Q4_K_M":
            from tts_cli.engine.quantize import quantize

            quantize(first, part)
            first.unlink()
        _check_whole(part)
        if head is not None and beside is not None:
            bind(head, part).write(beside)
        _name(part, out, beside)
    return ImportedFiles(out, beside, source.notes)


def import_head(source: HfDirectory, backbone: Path, out: Path | None) -> ImportedFiles:
    """Write the head alone, for a GGUF that is here already. Raises TtsError where it is for another model."""
    from tts_cli.engine.gguf_header import read_header

    if source.head is None:
        raise ModelError(f"{source.folder} holds no head.", "Import the whole model, without `--head-only`.")
    header = read_header(backbone)
    width = header.metadata.get(f"{header.architecture}.embedding_length")
    source.head.check_backbone(header.architecture, int(width or 0))
    path = out or side_file(backbone)
    if os.path.lexists(path):
        raise UsageError(f"{path} exists already.", "Remove it, or name another with `--out`.")
    bind(source.head, backbone).write(path)
    return ImportedFiles(None, path, source.notes)


def bind(head: PublishedHead, backbone: Path) -> PublishedHead:
    """The head for this very file: the states of any other, even of the same shape, mean something else."""
    from tts_cli.models.content import of_file

    card = head.card.model_copy(
        update={"backbone": head.card.backbone.model_copy(update={"content": of_file(backbone)})}
    )
    return replace(head, card=card)


def name_of(folder: Path) -> str:
    """The model's name: the directory's, or in the hub's cache (models--USER--NAME/snapshots/HASH) the repository's."""
    path = folder.resolve()
    cached = path.parent.name == "snapshots" and path.parent.parent.name.startswith("models--")
    return path.parent.parent.name.split("--")[-1] if cached else path.name


def _licence(folder: Path) -> str:
    """As the model card's first lines say; "" where they do not."""
    try:
        with (folder / "README.md").open("rb") as file:
            match = _LICENCE.search(file.read(1 << 16))
    except OSError:
        return ""
    return match[1].decode() if match else ""


# --- the GGUF file ---


def _write_header(
    source: HfDirectory, path: Path, tokenizer: Tokenizer, type: WeightType, prm_format: str | None
) -> None:
    """All that stands before the tensors: the metadata, and where each tensor will be."""
    from gguf import GGMLQuantizationType, GGUFWriter

    from tts_cli.models.load import FORMAT_KEY

    writer = GGUFWriter(path, source.config.family)
    writer.add_type("model")
    writer.add_name(source.name)
    if source.licence:
        writer.add_license(source.licence)
    writer.add_file_type(_FILE_TYPES[type])
    writer.add_quantization_version(2)
    if trained := source.head.card.prm_format if source.head else prm_format:
        writer.add_string(FORMAT_KEY, trained)
    add_hyperparameters(writer, source.config)
    tokenizer.add_to(writer)
    for name, shape in _outputs(source):
        kind = GGMLQuantizationType[_kind(shape, type)]
        writer.add_tensor_info(name, shape, np.dtype(np.float32), _size(shape, kind.name), raw_dtype=kind)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
    finally:
        writer.close()


def _outputs(source: HfDirectory) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of all tensors of the file, in order."""
    yield from ((place.name, place.shape) for place, _ in source.tensors.backbone)
    if (factors := rope_factors(source.config)) is not None:
        yield "rope_freqs.weight", factors.shape


def _kind(shape: tuple[int, ...], type: str) -> str:
    """Vectors stay as they are; so do rows that do not divide into blocks, but for half the bytes."""
    if len(shape) == 1:
        return "F32"
    return "F16" if type == "Q8_0" and shape[-1] % 32 else type


def _size(shape: tuple[int, ...], kind: str) -> int:
    """Bytes; a block of Q8_0 is 32 weights in 34 bytes."""
    return {"F32": 4 * prod(shape), "F16": 2 * prod(shape), "Q8_0": prod(shape) // 32 * 34}[kind]


def _write_tensors(path: Path, source: HfDirectory, type: str, on_rows: OnRows) -> None:
    total = sum(prod(place.shape) for place, _ in source.tensors.backbone)
    done = 0
    with path.open("ab") as file:
        _pad(file)
        for place, tensor in source.tensors.backbone:
            for block in tensor.blocks(place.multiple):
                file.write(_encode(place, tensor, block, type))
                done += block.size
                on_rows(done, total)
            _pad(file)
        if (factors := rope_factors(source.config)) is not None:
            file.write(factors.tobytes())
            _pad(file)
        file.flush()
        os.fsync(file.fileno())


def _pad(file: BinaryIO) -> None:
    file.write(bytes(-file.seek(0, os.SEEK_CUR) % _ALIGNMENT))


def _encode(place: TensorPlace, tensor: StoredTensor, block: Floats, type: str) -> bytes:
    """A block of rows as it is stored. Raises ModelError for weights that a float16 cannot hold."""
    kind = _kind(place.shape, type)
    rows = place.reorder(block)
    if kind == "F32":
        return rows.tobytes()
    if kind == "F16":
        with np.errstate(over="ignore"):
            halves = rows.astype(np.float16)
        if not np.isfinite(halves).all():
            raise ModelError(f"{tensor.name} holds weights too large for float16.", "Import it with `--type F32`.")
        return halves.tobytes()
    from gguf import GGMLQuantizationType
    from gguf.quants import quantize

    return quantize(rows, GGMLQuantizationType.Q8_0).tobytes()


# --- names and room on the disk ---


@contextmanager
def _unnamed(out: Path) -> Iterator[tuple[Path, Path]]:
    """Two temporary names beside `out`, gone in the end. What the disk refuses becomes a TtsError."""
    parts = [out.with_name(f".{out.name}.{os.getpid()}{letter}.part") for letter in "ab"]
    try:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            yield parts[0], parts[1]
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise TtsError(
            f"{out} cannot be written: {reason(error)}.", "Make room, or name another with `--out`."
        ) from error


def _check_room(source: HfDirectory, part: Path, type: WeightType) -> None:
    sizes = {"F32": 4.0, "F16": 2.0, "Q8_0": 34 / 32, "Q4_K_M": 2 + 0.65}  # Q4_K_M is made from F16
    needed = int(sizes[type] * sum(prod(place.shape) for place, _ in source.tensors.backbone)) + (16 << 20)
    free = shutil.disk_usage(part.parent).free
    if free < needed:
        what = f"{part.parent} has room for {free / 1e9:.1f} GB, and {needed / 1e9:.1f} GB are needed."
        raise TtsError(what, "Make room, or name another place with `--out`.")


def _check_whole(part: Path) -> None:
    """Read back what was written, as far as the header says it."""
    from tts_cli.engine.gguf_header import read_header

    with part.open("rb") as file:
        os.fsync(file.fileno())
    read_header(part)


def _name(part: Path, out: Path, beside: Path | None) -> None:
    """Rename, so that the new name, too, outlives a power cut; without it the head goes as well."""
    try:
        part.replace(out)
    except OSError:
        if beside is not None:
            beside.unlink(missing_ok=True)
        raise
    number = os.open(out.parent, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
