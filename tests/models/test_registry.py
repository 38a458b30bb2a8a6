"""The registry: what ships, the user's file over it, and errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tts_cli.errors import ModelError, UsageError
from tts_cli.models import registry
from tts_cli.models.load import resolve


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TTS_MODELS_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TTS_MODELS_DIR", str(tmp_path / "models"))


@pytest.fixture
def user_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mine.yaml"
    monkeypatch.setenv("TTS_MODELS_FILE", str(path))
    return path


def test_root_file_is_the_packaged_one() -> None:
    root = Path(__file__).parents[2] / "models.yaml"
    assert root.resolve() == registry.SHIPPED.resolve()


def test_what_ships() -> None:
    models = registry.read().models
    assert models["nano"].prm == "nano-prm"
    assert models["nano"].demonstration and models["nano"].note
    assert models["nano-prm"].format is not None
    for entry in models.values():
        assert entry.role == "policy" or entry.format is not None, f"{entry.name} cannot be read"
        assert entry.prm is None or models[entry.prm].role == "prm"
        assert entry.role == "prm" or entry.prompt is not None


def test_user_entry_is_merged_field_by_field(user_yaml: Path) -> None:
    user_yaml.write_text(
        "models:\n"
        "  nano: {file: /elsewhere/nano.gguf}\n"
        "  mine: {role: prm, format: {prompt: '{problem}', step: '{step}{marker}', marker: '#'}}\n"
    )
    models = registry.read().models
    assert models["nano"].file == "/elsewhere/nano.gguf"
    assert models["nano"].prm == "nano-prm"
    assert models["mine"].format is not None and models["mine"].format.opening == "{step}{marker}"


def test_user_file_in_the_configuration_directory(tmp_path: Path) -> None:
    path = tmp_path / "config" / "tts" / "models.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("models: {mine: {role: policy, file: m.gguf}}")
    assert "mine" in registry.read().models


def test_user_format_and_prompt_are_known_by_name(user_yaml: Path) -> None:
    user_yaml.write_text(
        yaml.safe_dump(
            {
                "formats": {"own": {"prompt": "{problem}\n", "step": "{step}{marker}", "marker": "<s>"}},
                "prompts": {"own": {"match": ["zebra"], "user": "Q: {problem}"}},
                "models": {
                    "mine": {"role": "prm", "format": "own"},
                    "other": {"role": "policy", "prompt": "own"},
                },
            }
        )
    )
    known = registry.read()
    assert known.models["mine"].format == known.format("own")
    assert known.models["other"].prompt is known.prompt_for("Zebra 7B")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("models:\n  nano: [oops\n", "line 3, column 1"),
        ("- a list", "sections models, formats, prompts"),
        ("model: {}", "no section 'model'"),
        ("models: [nano]", "models"),
        ("models: {nano: 3}", "models, nano"),
        ("models: {x: {role: judge}}", "models, x, role"),
        ("models: {x: {role: policy, colour: red}}", "models, x, colour"),
        ("models: {x: {role: prm, format: nothing}}", "no format 'nothing', only nano-prm"),
        ("models: {x: {role: policy, sha256: abc}}", "models, x, sha256"),
        ("formats: {x: {prompt: '{problem}', step: '{step}', marker: m}}", "formats, x"),
        ("models: {x: {role: policy, sampling: {temperature: yes}}}", "models, x, sampling, temperature"),
        ("models: {x: {role: policy, sampling: {top_p: on}}}", "models, x, sampling, top_p"),
        ("models: {x: {role: policy, sampling: {max_step_tokens: true}}}", "models, x, sampling, max_step_tokens"),
        ("prompts: {x: {user: hello}}", "prompts, x, user"),
        ("models: \x00", "mine.yaml"),
    ],
)
def test_malformed_file_is_named_with_the_place(user_yaml: Path, text: str, where: str) -> None:
    user_yaml.write_text(text)
    with pytest.raises(UsageError) as caught:
        registry.read()
    assert str(user_yaml) in caught.value.what
    assert where in caught.value.what
    assert "\n" not in caught.value.what


def test_user_file_that_is_named_must_exist(user_yaml: Path) -> None:
    with pytest.raises(UsageError, match=r"mine\.yaml"):
        registry.read()


def test_empty_user_file_changes_nothing(user_yaml: Path) -> None:
    shipped = yaml.safe_load(registry.SHIPPED.read_text())
    user_yaml.write_text("")
    assert list(registry.read().models) == list(shipped["models"])


def test_unknown_name_suggests_close_ones() -> None:
    with pytest.raises(UsageError) as caught:
        resolve("nanno", "policy")
    assert "nano" in caught.value.hint
    assert caught.value.exit_code == 2


def test_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        registry.read().format("nope")
    assert "math-shepherd" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("DeepSeek-R1-Distill-Qwen-1.5B-Q4_K_M", "deepseek-r1"),
        ("Llama 3.2 1B Instruct", "llama-3"),
        ("meta_llama_3_8b", "llama-3"),
        ("Qwen2.5-Math-1.5B-Instruct", "qwen"),
        ("something-else", "generic"),
    ],
)
def test_prompt_by_family(name: str, style: str) -> None:
    known = registry.read()
    assert known.prompt_for(name) is known.prompts[style]
    assert resolve(f"{name}.gguf", "policy").family == (None if style == "generic" else style)


def test_every_prompt_asks_for_a_box() -> None:
    prompts = registry.read().prompts
    assert all("\\boxed{" in (style.system or "") + style.user for style in prompts.values())
    assert prompts["deepseek-r1"].system is None


def test_role_is_checked_before_anything_is_loaded() -> None:
    with pytest.raises(UsageError, match="is a PRM and cannot be used as a policy"):
        resolve("nano-prm", "policy")
    with pytest.raises(UsageError, match="is a policy and cannot be used as a PRM"):
        resolve("nano", "prm")


def test_a_path_is_never_taken_for_a_name(tmp_path: Path) -> None:
    entry = resolve(str(tmp_path / "nano.gguf"), "policy")
    assert (entry.name, entry.demonstration) == ("nano", False)
    assert resolve("./nanno", "policy").file is not None


def test_the_file_of_a_registered_model_is_that_model(user_yaml: Path, tmp_path: Path) -> None:
    file = tmp_path / "models" / "demo.gguf"
    file.parent.mkdir()
    file.write_bytes(b"")
    user_yaml.write_text("models: {demo: {role: policy, file: demo.gguf, demonstration: true, note: a toy}}")
    assert resolve(str(file), "policy").demonstration


def test_files_are_looked_for_in_the_models_directory(tmp_path: Path, user_yaml: Path) -> None:
    user_yaml.write_text("models: {mine: {role: policy, file: m.gguf, repo: someone/m}, far: {role: policy}}")
    entry = registry.read().entry("mine")
    with pytest.raises(ModelError) as caught:
        registry.locate(entry)
    assert caught.value.exit_code == 4
    assert "m.gguf" in caught.value.hint and str(tmp_path / "models") in caught.value.hint
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.gguf").write_bytes(b"")
    assert registry.locate(entry) == tmp_path / "models" / "m.gguf"


def test_a_model_without_a_file_says_how_to_get_it() -> None:
    with pytest.raises(ModelError) as caught:
        registry.locate(registry.read().entry("qwen2.5-math-1.5b-instruct"))
    assert "tts models pull qwen2.5-math-1.5b-instruct" in caught.value.hint
    assert "--policy FILE.gguf" in caught.value.hint
