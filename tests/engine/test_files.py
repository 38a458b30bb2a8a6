"""Files that are no usable model end in a ModelError that says what and how to mend it, never in a crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.driving import drain, prompt, start
from tests.tiny_gguf import write_tiny_gguf
from tts_cli.engine import Engine
from tts_cli.engine.gguf_header import read_header
from tts_cli.errors import ModelError, UsageError

Make = Callable[[Path, bytes], Path]


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


BAD: dict[str, tuple[Make, str]] = {
    "missing": (lambda folder, _: folder / "none.gguf", "there is no file"),
    "folder": (lambda folder, _: folder, "there is no file"),
    "empty": (lambda folder, _: _written(folder / "m.gguf", b""), "is empty"),
    "text": (lambda folder, _: _written(folder / "m.gguf", b"version https://example\n"), "not a GGUF"),
    "short text": (lambda folder, _: _written(folder / "m.gguf", b"GG"), "not a GGUF"),
    "magic only": (lambda folder, _: _written(folder / "m.gguf", b"GGUF"), "cut short"),
    "header only": (lambda folder, whole: _written(folder / "m.gguf", whole[:60]), "cut short"),
    "half": (lambda folder, whole: _written(folder / "m.gguf", whole[: len(whole) // 2]), "cut short"),
    "last bytes": (lambda folder, whole: _written(folder / "m.gguf", whole[:-64]), "cut short"),
    "old": (lambda folder, whole: _written(folder / "m.gguf", whole[:4] + b"\1\0\0\0" + whole[8:]), "version 1"),
    "counts": (lambda folder, whole: _written(folder / "m.gguf", whole[:8] + b"\xff" * 16 + whole[24:]), "cut short"),
    "architecture": (
        lambda folder, _: write_tiny_gguf(folder / "m.gguf", architecture="nonsense"),
        "unknown model architecture: 'nonsense'",
    ),
    "vocabulary only": (lambda folder, _: write_tiny_gguf(folder / "m.gguf", tensors=False), "no weights"),
    "no vocabulary": (lambda folder, _: write_tiny_gguf(folder / "m.gguf", vocabulary=False), "vocabulary"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_raise_model_errors(case: str, tmp_path: Path, q8: Path) -> None:
    make, message = BAD[case]
    with pytest.raises(ModelError, match=message) as caught:
        Engine(make(tmp_path, q8.read_bytes()))
    assert caught.value.hint and caught.value.exit_code == 4


def test_a_repeated_token_is_found_before_llama_cpp_asserts(tmp_path: Path, q8: Path) -> None:
    path = _written(tmp_path / "m.gguf", q8.read_bytes().replace(b"<|pad|>", b"<|end|>"))
    with pytest.raises(ModelError, match="same token twice"):
        Engine(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 20_000), at=st.integers(0, 14_000), junk=st.binary(min_size=1, max_size=12))
def test_damaged_headers_are_read_or_refused(q8: Path, tmp_path: Path, cut: int, at: int, junk: bytes) -> None:
    data = q8.read_bytes()
    damaged = data[:at] + junk + data[at + len(junk) :]
    for content in (damaged, data[:cut]):
        path = _written(tmp_path / "m.gguf", content)
        try:
            assert read_header(path).parameters >= 0
        except ModelError as error:
            assert error.hint


def test_the_header_holds_what_the_file_says(f32: Path) -> None:
    header = read_header(f32)
    assert header.architecture == "llama"
    assert header.metadata["llama.block_count"] == 2
    assert header.metadata["tokenizer.ggml.add_bos_token"] is False
    assert header.metadata["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-5)
    with Engine(f32) as engine:
        assert header.parameters == engine.parameters
    assert "<|problem|>" in header.metadata["tokenizer.chat_template"]


def test_settings_out_of_range_are_usage_errors(q8: Path) -> None:
    for wrong in ({"n_seq_max": 0}, {"n_seq_max": 257}, {"n_ctx": -1}, {"threads": 0}, {"n_batch": 0}):
        with pytest.raises(UsageError):
            Engine(q8, **wrong)


def test_a_context_larger_than_memory_is_refused(q8: Path) -> None:
    with pytest.raises(UsageError, match="this machine has"):
        Engine(q8, n_ctx=2_000_000_000)


def test_two_engines_of_one_file_share_the_weights(f32: Path, open_engine: Callable[..., Engine]) -> None:
    """Whichever is closed first, the other goes on."""
    for first in (0, 1):
        owner = open_engine(f32)
        pair = owner, open_engine(f32, share=owner)
        assert pair[0]._model is pair[1]._model
        pair[first].close()
        job = start(pair[1 - first], prompt(pair[1 - first]))
        drain(pair[1 - first])
        assert job.result().tokens
        pair[1 - first].close()
        assert owner._model.users == 0


def test_engines_of_two_files_do_not(f32: Path, f16: Path, open_engine: Callable[..., Engine]) -> None:
    owner = open_engine(f32)
    assert open_engine(f16, share=owner)._model is not owner._model
