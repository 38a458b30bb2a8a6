"""The memory that is predicted from a header, against the sizes that llama.cpp logs when it really allocates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from tests.tiny_gguf import write_tiny_gguf
from tts_cli.engine import Engine
from tts_cli.engine.gguf_header import read_header
from tts_cli.engine.library import amx_fault, library, system_info
from tts_cli.engine.memory import ContextSize, ModelShape, compute_bytes, footprint, kv_bytes, output_bytes, predict
from tts_cli.engine.model import load_model, model_params
from tts_cli.engine.plan import plan
from tts_cli.paths import PACKAGED

MIB = 1 << 20
ROUNDED = 0.006  # MiB: the log has two digits
SMOL = Path.home() / ".cache/tts-real-models/SmolLM2-135M-Instruct.Q4_1.gguf"
REPACKS = not amx_fault(system_info()) and "REPACK = 1" in system_info() and "AVX2 = 1" in system_info()

SIZES = [
    ContextSize(1024, 1, 128, 64),
    ContextSize(4096, 32, 128, 64),
    ContextSize(4096, 16, 512, 64, flash_attention=True),
    ContextSize(4096, 8, 512, 64, unified=False),
    ContextSize(5000, 16, 512, 64, unified=False),  # each stream is rounded up: 512 cells
    ContextSize(4096, 16, 512, 16, unified=False, flash_attention=True),
    ContextSize(1000, 3, 128, 128),  # rounded up: 1024 cells, 129 rows
]
NAMES = [
    f"{size.n_ctx}-{size.n_seq}-{'unified' if size.unified else 'streams'}{'-flash' * size.flash_attention}"
    for size in SIZES
]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough for two digits of a MiB."""
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "wide.gguf", width=256, layers=3, dtype="Q4_0")


@contextmanager
def logged() -> Iterator[dict[str, float]]:
    """MiB of the buffers that llama.cpp says it allocates, by their names; complete when the block ends."""
    lib, lines, sizes = library(), list[str](), dict[str, float]()
    callback = lib.api.llama_log_callback(lambda level, text, data: lines.append(text.decode()))
    lib.api.llama_log_set(callback, None)
    try:
        yield sizes
    finally:
        lib.api.llama_log_set(lib._callback, None)
        found = re.findall(r"(\S+) +(model|output|KV|compute) buffer size = +([0-9.]+) MiB", "".join(lines))
        for place, name, size in found:
            sizes[f"{place} {name}"] = sizes.get(f"{place} {name}", 0.0) + float(size)


def allocate(path: Path, size: ContextSize) -> dict[str, float]:
    """Load the model, make the context, and free both."""
    api = library().api
    with logged() as sizes:
        model = api.llama_model_load_from_file(str(path).encode(), model_params(library(), system_info(), 0))
        params: Any = api.llama_context_default_params()
        params.n_ctx, params.n_seq_max, params.kv_unified = size.n_ctx, size.n_seq, size.unified
        params.n_ubatch, params.n_batch, params.n_outputs_max = size.n_ubatch, 512, size.n_outputs
        params.flash_attn_type = int(size.flash_attention)
        context = api.llama_init_from_model(model, params)
        assert context
        api.llama_free(context)
        api.llama_model_free(model)
    return sizes


def check(path: Path, size: ContextSize) -> None:
    sizes, shape = allocate(path, size), ModelShape.of(read_header(path), repacks=REPACKS)
    assert shape.mapped / MIB == pytest.approx(sizes["CPU_Mapped model"], abs=ROUNDED)
    assert shape.repacked / MIB == pytest.approx(sizes.get("CPU_REPACK model", 0.0), abs=ROUNDED)
    assert kv_bytes(shape, size) / MIB == pytest.approx(sizes["CPU KV"], abs=ROUNDED)
    # llama.cpp begins with one row for each sequence, and makes room for more when they are asked for.
    begin = replace(size, n_outputs=size.n_seq)
    assert output_bytes(shape, begin) / MIB == pytest.approx(sizes["CPU output"], abs=ROUNDED)
    # Which holes the allocator can fill again is not modelled: one more activation of the micro-batch, or one less.
    activation = 4 * size.rows * shape.width / MIB
    assert compute_bytes(shape, size) / MIB == pytest.approx(sizes["CPU compute"], rel=0.04, abs=1.1 * activation)


@pytest.mark.parametrize("size", SIZES, ids=NAMES)
def test_each_buffer_is_as_large_as_llama_cpp_says(wide: Path, size: ContextSize) -> None:
    check(wide, size)


@pytest.mark.skipif(not SMOL.is_file(), reason="needs the real model")
@pytest.mark.parametrize("size", SIZES, ids=NAMES)
def test_and_of_a_real_model(size: ContextSize) -> None:
    check(SMOL, size)


@pytest.mark.skipif(not REPACKS, reason="needs a CPU with AVX2, and no AMX")
def test_weights_that_are_rearranged_are_there_twice(wide: Path) -> None:
    header = read_header(wide)
    twice, once = ModelShape.of(header), ModelShape.of(header, repacks=False)
    embeddings = header.vocabulary * 256 * 18 // 32  # are looked up only
    assert twice.repacked == sum(header.matrices.values()) > 0 == once.repacked
    assert header.weights - twice.repacked - embeddings < 0.02 * header.weights
    assert footprint(twice).pinned - footprint(once).pinned == twice.repacked


@pytest.mark.parametrize("path", [PACKAGED / "nano.gguf", SMOL], ids=["nano", "SmolLM2"])
def test_the_plan_can_be_made_from_the_header(path: Path) -> None:
    if not path.is_file():
        pytest.skip("needs the real model")
    shape, model = ModelShape.of(read_header(path)), load_model(path, gpu_layers=0)
    try:
        assert plan(shape, 0, 64, 2, None, on_gpu=False) == plan(model, 0, 64, 2, None, on_gpu=False)
        names = ("parameters", "n_ctx_train", "kv_bytes_per_token", "attention_flops_per_cell")
        assert [getattr(shape, name) for name in names] == [getattr(model, name) for name in names]
        assert shape.vocabulary == model.vocab.n_tokens
    finally:
        model.free()


def test_an_engine_makes_the_contexts_that_were_predicted(wide: Path) -> None:
    with logged() as sizes, Engine(wide, threads=1, gpu_layers=0):
        pass
    need = predict(wide, repacks=REPACKS)
    assert need.kv / MIB == pytest.approx(sizes["CPU KV"], abs=8 * ROUNDED)
    assert need.compute / MIB == pytest.approx(sizes["CPU compute"], rel=0.06)


def test_one_model_in_two_roles_has_its_weights_once(wide: Path) -> None:
    shape = ModelShape.of(read_header(wide))
    one, two = footprint(shape, SIZES[0]), footprint(shape, SIZES[0], SIZES[0])
    assert two.weights == one.weights and two.kv == 2 * one.kv and two.outputs == 2 * one.outputs
    assert (one + one).weights == 2 * one.weights
    assert one.total - one.pinned == one.mapped == shape.mapped


def test_saved_states_count(wide: Path) -> None:
    shape = ModelShape.of(read_header(wide))
    assert footprint(shape, replace(SIZES[0], saved=10**9)).pinned - footprint(shape, SIZES[0]).pinned == 10**9


def test_of_numbers_for_each_layer_the_largest_counts(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "layers.gguf", "llama")
    writer.add_block_count(3)
    writer.add_embedding_length(64)
    writer.add_head_count([4, 8, 4])
    writer.add_head_count_kv([1, 4, 2])
    writer.add_feed_forward_length([100, 300, 200])
    writer.add_tensor("token_embd.weight", np.zeros((32, 64), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    shape = ModelShape.of(read_header(tmp_path / "layers.gguf"))
    assert (shape.heads, shape.query_width, shape.kv_width, shape.feed_forward) == (8, 64, 32, 300)
    assert shape.kv_bytes_per_token == 2 * 2 * 3 * 32
