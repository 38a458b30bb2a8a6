"""`tts models import` and `tts models remove`: a directory in, a model that has a name, and out again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Here, Program
from tests.cli.test_terminal import finish, without_styles
from tests.models.importing.checkpoints import config, random_weights, write_directory
from tests.models.importing.test_import import LABELS
from tts_cli.models.importing.heads import FORMATS
from tts_cli.models.registry import read

PROBLEM = "What is 1 + 1?"


@pytest.fixture
def folder(tts: Program) -> Path:
    """A PRM as TRL saves it, in the working directory; the models directory is empty, and the program's own."""
    tts.env["TTS_MODELS_DIR"] = str(tts.home / "my-models")
    fields = config(cls="Qwen2ForTokenClassification", max_position_embeddings=2048)
    return write_directory(tts.work / "My-PRM", fields, random_weights(fields) | LABELS, dtype="BF16", shards=2)


def test_from_a_directory_to_scores_and_away(tts: Program, folder: Path, here: Here) -> None:
    models = tts.home / "my-models"
    done = here("models", "import", "My-PRM")
    files = [models / "My-PRM-Q8_0.gguf", models / "My-PRM-Q8_0.head.safetensors"]
    assert (done.returncode, done.stdout) == (0, f"file  {files[0]}\nhead  {files[1]}\n")
    assert done.stderr == "Use it as `--prm My-PRM-Q8_0`.\n"
    assert here("models", "list", "-q").stdout.splitlines()[-1] == "My-PRM-Q8_0"
    shown = json.loads(here("models", "show", "--json", "My-PRM-Q8_0").stdout)
    assert (shown["role"], shown["family"], shown["head"]) == ("prm", "trl", str(files[1]))
    solved = here(
        *("solve", "--json", "--policy", "nano", "--prm", "My-PRM-Q8_0", "--method", "best-of-n", PROBLEM), stdin=""
    )
    record = json.loads(solved.stdout)
    assert record["prm"] == "My-PRM-Q8_0" and record["cost"]["prm_tokens"] > 0, solved.stderr
    done = here("models", "remove", "--yes", "My-PRM-Q8_0")
    assert (done.returncode, done.stdout) == (0, "".join(f"removed {file}\n" for file in files))
    assert list(models.iterdir()) == []


def test_quiet_and_json_and_a_place_of_ones_own(tts: Program, folder: Path, here: Here) -> None:
    done = here("models", "import", "-q", "--type", "F16", "--out", "mine.gguf", "My-PRM")
    assert (done.returncode, done.stdout, done.stderr) == (0, "mine.gguf\n", "")
    done = here("models", "import", "--json", "--head-only", "mine.gguf", "--out", "alone.head.safetensors", "My-PRM")
    assert json.loads(done.stdout) == {"file": None, "head": "alone.head.safetensors"}
    head = "mine.head.safetensors"
    assert (tts.work / "alone.head.safetensors").read_bytes() == (tts.work / head).read_bytes()


def test_a_policy_by_its_name(tts: Program, here: Here) -> None:
    tts.env["TTS_MODELS_DIR"] = str(tts.home / "my-models")
    fields = config("llama", max_position_embeddings=2048)
    write_directory(tts.work / "Plain", fields, random_weights(fields))
    assert here("models", "import", "Plain", "--type", "F32").stderr == "Use it as `--policy Plain-F32`.\n"
    done = here("solve", "--json", "--policy", "Plain-F32", "--max-tokens", "20", "--method", "greedy", PROBLEM)
    assert json.loads(done.stdout)["policy"] == "Plain-F32"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("import", "nowhere"), 4, "There is no directory nowhere."),
        (("import", "My-PRM", "--prm-format", "none"), 2, "There is no PRM format named 'none'."),
        (("import", "My-PRM", "--type", "Q3"), 2, "Q3"),
        (("import", "My-PRM", "--head-only", "nano"), 4, "The head is for another model"),
        (("remove", "--yes", "none"), 4, "There is no model"),
        (("remove", "--yes", "nano"), 2, "nano is not in the models directory"),
        (("remove", "--yes", "../work/x"), 2, "is not in the models directory"),
        (("remove", "--yes", "versaprm"), 4, "'versaprm' is not on this machine"),
    ],
)
def test_failures(folder: Path, here: Here, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = here("models", *arguments)
    assert (done.returncode, done.stdout) == (code, "") and message in " ".join(done.stderr.split()), done.stderr


def test_a_format_of_pairs_is_no_format_of_a_head(folder: Path, here: Here) -> None:
    """It would be refused when it is used: better now, before a model is written."""
    done = here("models", "import", "My-PRM", "--prm-format", "rlhflow")
    assert done.returncode == 2 and "rlhflow" in done.stderr


def test_removing_asks_on_a_terminal(tts: Program, folder: Path, here: Here) -> None:
    here("models", "import", "My-PRM")
    refused = here("models", "remove", "My-PRM-Q8_0")
    assert refused.returncode == 2 and "--yes" in refused.stderr, "no terminal, no answer"
    child = tts.terminal("models", "remove", "My-PRM-Q8_0")
    child.expect_exact("[y/N]")
    child.sendline("y")
    assert "removed" in without_styles(finish(child))
    assert list((tts.home / "my-models").iterdir()) == []


def test_progress_is_drawn_on_a_terminal(tts: Program, folder: Path) -> None:
    output = finish(tts.terminal("models", "import", "My-PRM"))
    assert "/100" in without_styles(output) and "My-PRM-Q8_0.gguf" in without_styles(output)


def test_every_class_has_a_format_of_the_registry() -> None:
    formats = read().formats
    assert all(formats[name].read == "head" for name in FORMATS.values())
