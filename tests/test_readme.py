"""The README stays true: its commands and its Python run, its set-up is what CI does, it stays short."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import markdown
from tests.cli.conftest import BIAS, WORDS
from tests.hub.fake_hub import FakeHub, serving
from tests.markdown import ROOT
from tests.models import gguf_files, templates
from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.paths import PACKAGED

PAGE = ROOT / "README.md"
COMMANDS = markdown.commands(PAGE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home and work folder, shared by the commands as one reader would."""
    return tmp_path_factory.mktemp("readme")


def test_it_is_read_in_three_minutes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 140
    assert len(COMMANDS) >= 8 and markdown.blocks(PAGE, "python")


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_the_readme_runs(command: str, home: Path) -> None:
    result = markdown.run(home, "bash", "-c", command)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    if "solve" in command and "37 + 4" in command:
        assert "65" in result.stdout


def test_the_python_example_runs(home: Path) -> None:
    result = markdown.run_script(PAGE, home)
    assert result.returncode == 0, result.stderr
    assert set(markdown.promised(markdown.script(PAGE))) <= set(result.stdout.splitlines())
    assert re.search(r"^1 7 \d+\n2 20 \d+$", result.stdout, re.MULTILINE)


def test_commands_for_real_models_run_with_files_of_those_names(tmp_path: Path) -> None:
    """Tiny models in their place; token ids of the format are those of the real vocabulary, and are not asked for."""
    commands = [line for block in markdown.blocks(PAGE, "sh") for line in block.splitlines() if line.startswith("tts ")]
    files = {name for line in commands for name in re.findall(r"\S+\.gguf", line)}
    assert len(commands) == 2 and len(files) == 3
    for name in files:
        if "PRM" in name:
            special = gguf_files.LLAMA3
            write_tiny_gguf(tmp_path / name, special=special, chat_template=templates.LLAMA3, context=2048)
        else:
            write_tiny_gguf(tmp_path / name, words=WORDS, bias=BIAS, chat_template=CHAT_TEMPLATE, context=2048)
    (tmp_path / "models.yaml").write_text("formats: {rlhflow: {good_ids: [], bad_ids: []}}")
    for line in commands:
        result = markdown.run(tmp_path, "bash", "-c", line, TTS_MODELS_FILE="models.yaml", TTS_BUDGET="4")
        assert result.returncode in (0, 3), result.stderr


def test_pull_and_solve_as_shown(home: Path) -> None:
    """The Hub is on the loopback interface, and its only file is nano."""
    repo, file = "Qwen/Qwen2.5-0.5B-Instruct-GGUF", "qwen2.5-0.5b-instruct-q8_0.gguf"
    lines = markdown.blocks(PAGE, "sh pull")[0].splitlines()
    assert len(lines) == 3 and all(repo in line for line in lines)
    with serving(FakeHub({file: (PACKAGED / "nano.gguf").read_bytes()}, repo=repo)) as hub:
        variables = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home / "hf"), "TTS_MODELS_DIR": str(home / "models")}
        results = [
            markdown.run(home, "bash", "-c", line, **variables)
            for line in (
                lines[0] + " --yes",
                lines[1],
                "ls $TTS_MODELS_DIR",
                lines[2] + " --yes",
                "ls -A $TTS_MODELS_DIR",
            )
        ]
    assert [result.returncode for result in results] == [0] * 5, results
    assert "65" in results[1].stdout and hub.ranges == [None]
    assert (results[2].stdout, results[4].stdout) == (f"{file}\n", "")


def test_set_up_commands_are_the_ones_that_ci_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    set_up = [line for block in markdown.blocks(PAGE, "sh") for line in block.splitlines() if "venv" in line]
    assert [line.partition(" ")[0] for line in set_up] == ["python3", ".venv/bin/pip"]
    assert set_up[1].endswith("-m pytest")
    for command in set_up:
        assert command in script.splitlines()


def test_the_lock_file_has_a_version_of_every_dependency_and_nothing_but_versions() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    locked = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        requirement = Requirement(text)
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier, text
    assert "PIP_CONSTRAINT=requirements.lock" in (ROOT / ".ci" / "run").read_text()
