"""What cannot be imported is refused by a sentence that says why, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import pickle
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.importing.checkpoints import (
    WIDTH,
    config,
    random_weights,
    write_directory,
    write_safetensors,
    write_tokenizer,
)
from tests.tiny_gguf import write_tiny_gguf
from tts_cli.errors import ModelError, TtsError, UsageError
from tts_cli.models.importing.convert import WeightType, import_head, import_model, read_source
from tts_cli.models.prm.published_head import PublishedHead
from tts_cli.models.removing import files_of

FIELDS = config()
WEIGHTS = random_weights(FIELDS)
NORM = "model.norm.weight"
Edit = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_directory(tmp_path / "hf", FIELDS, WEIGHTS)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models" / "out.gguf"


def convert(folder: Path, out: Path, type: WeightType = "F32") -> None:
    import_model(read_source(folder), out, type, None, lambda done, total: None)


def weights_file(folder: Path) -> Path:
    return folder / "model.safetensors"


def weights(**changes: Any) -> Edit:
    """Write other weights; None leaves one out."""
    whole: Mapping[str, Any] = {**WEIGHTS, **{name.replace("__", "."): one for name, one in changes.items()}}
    return lambda folder: write_safetensors(
        weights_file(folder), {name: one for name, one in whole.items() if one is not None}
    )


def settings(**changes: Any) -> Edit:
    return lambda folder: (folder / "config.json").write_text(json.dumps({**FIELDS, **changes}))


def cut(size: int) -> Edit:
    return lambda folder: os.truncate(weights_file(folder), size)


def start_with(data: bytes) -> Edit:
    return lambda folder: weights_file(folder).write_bytes(data + b"{}" * 50)


def header(entry: Any) -> Edit:
    text = json.dumps({NORM: entry}).encode()
    return lambda folder: weights_file(folder).write_bytes(struct.pack("<Q", len(text)) + text + bytes(64))


def index(text: str) -> Edit:
    return lambda folder: (folder / "model.safetensors.index.json").write_text(text)


def tokenizer(change: Callable[[dict[str, Any]], object]) -> Edit:
    def edit(folder: Path) -> None:
        data = json.loads((folder / "tokenizer.json").read_text())
        change(data)
        (folder / "tokenizer.json").write_text(json.dumps(data))

    return edit


def only_pickles(folder: Path) -> None:
    weights_file(folder).unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"model.norm.weight": 1}))


def without(name: str) -> Edit:
    return lambda folder: (folder / name).unlink()


def spoilt(value: float) -> Any:
    tensor = WEIGHTS[NORM].copy()
    tensor[5] = value
    return tensor


def lost_shard(folder: Path) -> None:
    shutil.rmtree(folder)
    write_directory(folder, FIELDS, WEIGHTS, shards=3)
    (folder / "model-00002-of-00003.safetensors").unlink()


def lost_shard_without_an_index(folder: Path) -> None:
    lost_shard(folder)
    (folder / "model.safetensors.index.json").unlink()


def sentencepiece(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.model").write_bytes(b"\n")


OTHER_SPLIT = {"type": "Whitespace"}
ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
REFUSED: dict[str, tuple[Edit, str]] = {
    "a missing shard": (lost_shard, r"lacks 1 of its 3 shards: model-00002-of-00003"),
    "a missing shard, no index": (lost_shard_without_an_index, r"lacks 1 of its 3 shards: model-00002-of-00003"),
    "a truncated header": (cut(100), "it is cut off in its header"),
    "truncated weights": (cut(100_000), "it is cut off: [0-9,]+ bytes of .* are missing"),
    "a header of 2 GB": (start_with(struct.pack("<Q", 2 << 30)), "header would be 2,147,483,648 bytes long"),
    "a pickle by another name": (start_with(pickle.dumps([1] * 20)), "it is no safetensors file"),
    "an empty file": (cut(0), "it is no safetensors file"),
    "a header that is no JSON": (start_with(struct.pack("<Q", 20) + b"{" * 20), "holds no JSON"),
    "an entry without offsets": (header({"dtype": "F32", "shape": [4]}), "nothing usable of model.norm.weight"),
    "a negative shape": (header(ENTRY | {"shape": [-4]}), "nothing usable of model.norm.weight"),
    "offsets that do not fit": (header(ENTRY | {"shape": [5]}), "16 bytes, which do not fit its shape"),
    "offsets past the end": (header(ENTRY | {"data_offsets": [60, 76]}), "12 bytes of model.norm.weight are missing"),
    "only pickles": (only_pickles, r"pickles \(pytorch_model.bin\), and a pickle can be a program: none was read"),
    "no weights": (without("model.safetensors"), "no safetensors files"),
    "NaN": (weights(**{NORM: spoilt(np.nan)}), f"{NORM} holds numbers that are not finite"),
    "infinity": (weights(**{NORM: spoilt(np.inf)}), f"{NORM} holds numbers that are not finite"),
    "an unknown tensor": (
        weights(model__layers__0__self_attn__q_norm__weight=WEIGHTS[NORM]),
        r"part of no backbone and no head .*: model\.layers\.0\.self_attn\.q_norm\.weight",
    ),
    "a missing tensor": (weights(**{NORM: None}), f"lack {NORM}"),
    "a tensor of wrong shape": (weights(**{NORM: WEIGHTS[NORM][:9]}), rf"{NORM} has the shape \[9\].*\[{WIDTH}\]"),
    "an index that leads away": (index('{"weight_map": {"a": "../x.safetensors"}}'), "lists '../x.safetensors'"),
    "an index of other tensors": (index('{"weight_map": {"a": "model.safetensors"}}'), "1 tensors that its index"),
    "an index without a map": (index("{}"), "it has no weight_map"),
    "another architecture": (settings(architectures=["MistralForCausalLM"]), "MistralForCausalLM is not known"),
    "a mixture of experts": (settings(architectures=["Qwen2MoeForCausalLM"]), "Qwen2MoeForCausalLM is not known"),
    "quantised weights": (settings(quantization_config={"bits": 4}), "its weights are quantised"),
    "another rope": (settings(rope_scaling={"type": "longrope"}), r"not known here \(longrope\)"),
    "a sliding window": (settings(use_sliding_window=True), "a sliding window"),
    "no layers": (settings(num_hidden_layers=0), "num_hidden_layers"),
    "no config": (without("config.json"), "config.json cannot be read: no such file"),
    "a config that is no JSON": (lambda folder: (folder / "config.json").write_text("no"), "holds no JSON"),
    "no tokenizer": (without("tokenizer.json"), "no tokenizer.json"),
    "SentencePiece": (sentencepiece, "SentencePiece alone"),
    "bytes as a way out": (tokenizer(lambda it: it["model"].update(byte_fallback=True)), "not byte-level BPE"),
    "another way to split": (tokenizer(lambda it: it.update(pre_tokenizer=OTHER_SPLIT)), "in a way that is not known"),
    "text that is changed": (tokenizer(lambda it: it.update(normalizer={"type": "Prepend"})), r"first \(Prepend\)"),
    "no merges": (tokenizer(lambda it: it["model"].update(merges=[])), "no merges"),
    "merges of three": (tokenizer(lambda it: it["model"].update(merges=["a b c"])), "merges are not pairs"),
    "too many tokens": (tokenizer(lambda it: it["model"]["vocab"].update(x=9999)), "a token 9999, and"),
    "a token twice": (tokenizer(lambda it: it["added_tokens"].append({"id": 5, "content": "a"})), "same token twice"),
    "damaged settings of the tokenizer": (
        lambda folder: (folder / "tokenizer_config.json").write_text("["),
        "tokenizer's files in .* cannot be used",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_directories_are_refused(folder: Path, out: Path, name: str) -> None:
    edit, why = REFUSED[name]
    edit(folder)
    with pytest.raises(ModelError, match=why) as caught:
        convert(folder, out)
    assert caught.value.hint
    assert list(out.parent.iterdir()) == []


def test_no_pickle_is_ever_opened(folder: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one beside the safetensors files."""
    (folder / "reward_head.pt").write_bytes(pickle.dumps(1))
    opened: list[str] = []
    monkeypatch.setattr(Path, "open", _noting(opened, Path.open))
    monkeypatch.setattr(Path, "read_bytes", _noting(opened, Path.read_bytes))
    convert(folder, out)
    weights_file(folder).rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickle"):
        convert(folder, tmp_path / "other.gguf")
    assert "model.safetensors" in opened and not {name for name in opened if name.endswith((".pt", ".bin"))}


def _noting(names: list[str], function: Any) -> Any:
    def noted(path: Path, *arguments: Any, **more: Any) -> Any:
        names.append(path.name)
        return function(path, *arguments, **more)

    return noted


def test_weights_too_large_for_float16(folder: Path, out: Path) -> None:
    large = WEIGHTS["lm_head.weight"] * 1e6
    weights(lm_head__weight=large)(folder)
    with pytest.raises(ModelError, match=r"lm_head\.weight holds weights too large for float16") as caught:
        convert(folder, out, "F16")
    assert "--type F32" in caught.value.hint and list(out.parent.iterdir()) == []
    convert(folder, out, "F32")


def test_a_missing_directory_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("none", "file"):
        with pytest.raises(ModelError, match="There is no directory"):
            read_source(tmp_path / name)


# --- the disk ---


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The kernel refuses to write more to a file, as a full disk would in the middle of it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("type", "share"), [("F16", 0.1), ("F16", 0.5), ("F32", 0.99), ("Q4_K_M", 0.5)])
def test_a_disk_that_fills_in_the_middle(folder: Path, out: Path, type: WeightType, share: float) -> None:
    source, whole = read_source(folder), out.with_name("whole.gguf")
    convert(folder, whole, type)
    size = whole.stat().st_size
    whole.unlink()
    with files_up_to(int(size * share)), pytest.raises(TtsError, match=r"out.gguf cannot be written: file too large"):
        import_model(source, out, type, None, lambda done, total: None)
    assert list(out.parent.iterdir()) == []


def test_a_disk_that_fills_while_llama_cpp_quantises(out: Path, tmp_path: Path) -> None:
    fields = config(hidden_size=256, intermediate_size=512)
    folder = write_directory(tmp_path / "wide", fields, random_weights(fields))
    source = read_source(folder)
    limits: list[Any] = []

    def on_rows(done: int, total: int) -> None:
        if done == total:  # from here on llama.cpp writes
            limits.append(files_up_to(200_000))
            limits[0].__enter__()

    try:
        with pytest.raises(TtsError):
            import_model(source, out, "Q4_K_M", None, on_rows)
    finally:
        limits[0].__exit__(None, None, None)
    assert list(out.parent.iterdir()) == []


def test_no_room_is_said_before_anything_is_written(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(out.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**6))
    with pytest.raises(TtsError, match=r"has room for 0.0 GB, and 0.0 GB are needed"):
        convert(folder, out)
    assert list(out.parent.iterdir()) == []


def test_what_is_there_is_not_overwritten(folder: Path, out: Path) -> None:
    out.write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists already"):
        convert(folder, out)
    assert out.read_bytes() == b"mine" and len(list(out.parent.iterdir())) == 1


def test_an_interruption_leaves_nothing(folder: Path, out: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_model(read_source(folder), out, "F16", None, interrupt)
    assert list(out.parent.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from tts_cli.models.importing.convert import import_model, read_source
kill = lambda done, total: done > total // 2 and os.kill(os.getpid(), signal.SIGKILL)
import_model(read_source(Path(sys.argv[1])), Path(sys.argv[2]), "F16", None, kill)
"""


def test_a_kill_leaves_a_hidden_part_that_remove_finds(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, folder, out], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = out.parent.iterdir()
    assert re.fullmatch(r"\.out\.gguf\.\d+a\.part", left.name)
    monkeypatch.setenv("TTS_MODELS_DIR", str(out.parent))
    assert files_of("out") == [left]
    convert(folder, out)
    assert files_of("out") == [out, left]


# --- heads ---


def headed(folder: Path, **head: Any) -> None:
    settings(architectures=["Qwen2ForPrmModel"])(folder)
    weights(**head)(folder)


HEAD_FAULTS = {
    "of wrong width": ({"v_head__summary__weight": np.ones((1, WIDTH + 1))}, "its tensors are"),
    "with NaN": ({"v_head__summary__weight": np.full((1, WIDTH), np.nan)}, "v_head.summary.weight .* not finite"),
    "without its weight": ({"v_head__summary__bias": np.ones(1)}, "no head that is known here: v_head.summary.bias"),
    "of three classes": ({"score__weight": np.ones((3, WIDTH))}, "3 outputs"),
    "and another": ({"score__weight": np.ones((2, WIDTH)), "v_head__summary__weight": np.ones((1, WIDTH))}, "no head"),
}


@pytest.mark.parametrize("fault", HEAD_FAULTS)
def test_heads_that_cannot_be_read(folder: Path, out: Path, fault: str) -> None:
    head, why = HEAD_FAULTS[fault]
    headed(folder, **head)
    with pytest.raises(ModelError, match=why):
        convert(folder, out)
    assert list(out.parent.iterdir()) == []


def test_a_class_whose_format_is_not_known(folder: Path, out: Path) -> None:
    headed(folder, v_head__summary__weight=np.ones((1, WIDTH)))
    settings(architectures=["Qwen2ForSomethingNew"])(folder)
    with pytest.raises(UsageError, match="Qwen2ForSomethingNew") as caught:
        convert(folder, out)
    assert "--prm-format" in caught.value.hint


def test_a_head_alone_for_another_backbone(folder: Path, out: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no head"):
        import_head(read_source(folder), out, None)
    headed(folder, v_head__summary__weight=np.ones((1, WIDTH)))
    source = read_source(folder)
    for name, fields, why in (
        ("llama", {}, "reads qwen2 with states of 64 numbers, not llama"),
        ("qwen2", {"width": 32}, "reads qwen2 with states of 64 numbers, not qwen2 with 32"),
    ):
        backbone = write_tiny_gguf(tmp_path / f"{name}.gguf", architecture=name, **fields)  # type: ignore[arg-type]
        with pytest.raises(ModelError, match=why):
            import_head(source, backbone, None)
        assert not backbone.with_name(f"{name}.head.safetensors").exists()


def test_a_head_is_bound_to_the_file_that_it_was_imported_with(folder: Path, out: Path) -> None:
    headed(folder, v_head__summary__weight=np.ones((1, WIDTH)))
    convert(folder, out)
    head = PublishedHead.read(out.with_name("out.head.safetensors"))
    with pytest.raises(ModelError, match="another model"):
        head.check_backbone("qwen2", WIDTH, "0" * 16)


def test_the_tokenizer_must_have_what_its_settings_name(folder: Path, out: Path) -> None:
    """A name that is no token is no id: it is left out, and not made up."""
    write_tokenizer(folder, eos_token="<none>")
    settings(eos_token_id=None)(folder)
    convert(folder, out)
    assert b"tokenizer.ggml.eos_token_id" not in out.read_bytes()
