"""From a name or a file to a model, and every way in which that fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.models.gguf_files import write_prm_gguf, write_sentencepiece_gguf
from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.errors import ModelError, TtsError, UsageError
from tts_cli.models import registry
from tts_cli.models.load import load_policy, load_prm


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("load")


@pytest.fixture(scope="module")
def tiny(folder: Path) -> Path:
    return write_tiny_gguf(folder / "tiny.gguf", chat_template=CHAT_TEMPLATE)


@pytest.fixture(scope="module")
def declared(folder: Path) -> Path:
    return write_prm_gguf(folder / "declared.gguf", declares="nano-prm")


def test_a_bare_policy(tiny: Path) -> None:
    policy = load_policy(str(tiny), threads=1)
    assert (policy.name, policy.parameters > 0, policy.busy) == ("tiny", True, False)
    assert policy.entry.separator == "\n\n"
    policy.close()


def test_a_bare_prm_says_its_format(declared: Path) -> None:
    prm = load_prm(str(declared), threads=1)
    assert (prm.name, prm.entry.family) == ("declared", "nano-prm")
    prm.close()


def test_a_bare_prm_is_given_its_format(tiny: Path) -> None:
    prm = load_prm(str(tiny), prm_format="nano-prm", threads=1)
    prm.close()


def test_a_model_of_the_users_registry(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tiny.with_name("mine.yaml")
    mine.write_text(
        "models:\n"
        f"  mine: {{role: prm, file: {tiny.name}, format: nano-prm}}\n"
        f"  other: {{role: policy, file: {tiny.name}, separator: ';'}}\n"
    )
    monkeypatch.setenv("TTS_MODELS_FILE", str(mine))
    monkeypatch.setenv("TTS_MODELS_DIR", str(tiny.parent))
    prm, policy = load_prm("mine", threads=1), load_policy("other", threads=1)
    assert (prm.name, policy.name, policy.entry.separator) == ("mine", "other", ";")
    prm.close()
    policy.close()


def test_a_bare_prm_without_a_format_names_the_known_ones(tiny: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_prm(str(tiny), threads=1)
    assert all(name in caught.value.hint for name in registry.read().formats)


def test_a_bare_prm_with_a_format_that_is_not_known(folder: Path) -> None:
    path = write_prm_gguf(folder / "odd.gguf", declares="from-the-future")
    with pytest.raises(ModelError, match="from-the-future"):
        load_prm(str(path), threads=1)


def test_an_unknown_format_on_the_command_line(tiny: Path) -> None:
    with pytest.raises(UsageError, match="no PRM format named 'nope'"):
        load_prm(str(tiny), prm_format="nope", threads=1)


def test_a_prm_without_its_marker(folder: Path) -> None:
    path = write_tiny_gguf(folder / "markerless.gguf", special=["<|problem|>", "<|end|>"])
    with pytest.raises(ModelError, match=r"special token '<\|solution\|>' is not one token"):
        load_prm(str(path), prm_format="nano-prm", threads=1)


def test_a_prm_of_another_vocabulary(folder: Path) -> None:
    path = write_sentencepiece_gguf(folder / "spm.gguf", ["▁ки", "ки", "▁+", "▁-"])
    with pytest.raises(ModelError, match="is token 261, not 648"):
        load_prm(str(path), prm_format="math-shepherd", threads=1)


def test_importing_the_protocols_imports_nothing_heavy() -> None:
    code = (
        "import sys, tts_cli.protocols, tts_cli.models.registry, tts_cli.models.load\n"
        "heavy = {'llama_cpp', 'numpy', 'sympy', 'math_verify', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from tts_cli.models.load import load_prm\n"
        "assert 'llama_cpp' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_prm_is_no_policy(declared: Path) -> None:
    with pytest.raises(UsageError, match="is a PRM and cannot be used as a policy"):
        load_policy(str(declared), threads=1)


def test_a_broken_chat_template(folder: Path) -> None:
    path = write_tiny_gguf(folder / "template.gguf", chat_template="{% if %}")
    with pytest.raises(ModelError, match="chat template cannot be used"):
        load_policy(str(path), threads=1)


@pytest.mark.parametrize("name", ["x" * 5000 + ".gguf", "a\0b.gguf", "~nobody-here/x.gguf", "x" * 5000, "", "a b"])
def test_impossible_names(name: str) -> None:
    with pytest.raises((ModelError, UsageError)) as caught:
        load_policy(name)
    assert caught.value.hint


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _directory(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("this is not a model\n" * 100)


def _truncated(path: Path) -> None:
    write_tiny_gguf(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _unknown_architecture(path: Path) -> None:
    write_tiny_gguf(path, architecture="llamas")


def _vocabulary_only(path: Path) -> None:
    write_tiny_gguf(path, tensors=False)


@pytest.mark.parametrize(
    "make", [_missing, _directory, _empty, _text, _truncated, _unknown_architecture, _vocabulary_only]
)
@pytest.mark.parametrize("load", [load_policy, load_prm])
def test_bad_files(tmp_path: Path, make: Callable[[Path], None], load: Callable[[str], object]) -> None:
    path = tmp_path / "bad.gguf"
    make(path)
    with pytest.raises(TtsError) as caught:
        load(str(path))
    assert caught.value.exit_code == 4
    assert caught.value.what and caught.value.hint
