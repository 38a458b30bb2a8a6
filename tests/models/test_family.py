"""The family of a policy that the registry does not have: by what its file says of itself, then by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.gguf_files import with_metadata
from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.models import registry
from tts_cli.models.load import load_policy, resolve


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("family") / "plain.gguf", chat_template=CHAT_TEMPLATE)


CASES = [
    ("big", {"general__name": "Qwen2.5 Math 1.5B Instruct"}, "qwen"),
    ("big", {"general__name": "model", "general__basename": "Llama-3.2"}, "llama-3"),
    ("big", {"general__name": None, "general__finetune": "DeepSeek-R1-Distill"}, "deepseek-r1"),
    ("big", {"general__name": "DeepSeek R1 Distill Qwen 1.5B", "general__basename": "Qwen"}, "deepseek-r1"),
    ("llama-3-renamed", {"general__name": "Qwen3 0.6B"}, "qwen"),
    ("Qwen2.5-0.5B-Q4_K_M", {"general__name": "model"}, "qwen"),
    ("big", {"general__name": "Ünnamed\x1b[31m"}, None),
    ("big", {"general__name": "tiny", "general__basename": ""}, None),
]


@pytest.mark.parametrize(("name", "metadata", "family"), CASES)
def test_family_and_prompt_are_of_one_mind(
    plain: Path, tmp_path: Path, name: str, metadata: dict[str, str | None], family: str | None
) -> None:
    path = with_metadata(plain, tmp_path / f"{name}.gguf", **metadata)
    known = registry.read()
    assert resolve(str(path), "policy", known).family == family
    policy = load_policy(str(path), registry=known, threads=1)
    policy.close()
    assert policy.family == family
    assert known.prompt_for(name, policy.engine.metadata) is known.prompts[family or "generic"]


@pytest.mark.parametrize(
    ("name", "architecture", "family"),
    [
        ("big", "qwen2", "qwen"),
        ("big", "qwen3", "qwen"),
        ("big", "llama", None),
        ("DeepSeek-R1-Distill-1.5B", "qwen2", "deepseek-r1"),
        ("big", "", None),
    ],
)
def test_the_architecture_comes_last(name: str, architecture: str, family: str | None) -> None:
    metadata = {"general.name": "model", "general.architecture": architecture}
    assert registry.read().family_of(name, metadata) == family


def test_a_file_that_cannot_be_read_goes_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "qwen-text.gguf").write_text("This is not a model.")
    assert resolve(str(tmp_path / "qwen-text.gguf"), "policy").family == "qwen"
