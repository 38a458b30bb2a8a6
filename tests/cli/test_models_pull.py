"""`tts models pull` and `--policy hf:...`: what is asked, printed and left, against a Hub on the loopback interface."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pexpect
import pytest

from tests.cli.conftest import Here, Program
from tests.hub.fake_hub import REPO, FakeHub, Fault, serving
from tts_cli.paths import PACKAGED

FILE = "tiny-Q8_0.gguf"
NAME = f"hf:{REPO}:Q8_0"


@pytest.fixture
def hub(tts: Program) -> Iterator[FakeHub]:
    """It has nano; the models directory is empty."""
    models = tts.home / "pulled"
    models.mkdir()
    with serving(FakeHub({FILE: (PACKAGED / "nano.gguf").read_bytes()})) as hub:
        tts.env.update(HF_ENDPOINT=hub.url, TTS_MODELS_DIR=str(models), HF_HUB_OFFLINE="", HF_TOKEN="")
        yield hub


def target(tts: Program) -> Path:
    return tts.home / "pulled" / FILE


def test_pull_prints_the_path_and_the_policy_works_without_the_hub(tts: Program, hub: FakeHub, here: Here) -> None:
    done = here("models", "pull", "--yes", NAME)
    assert (done.returncode, done.stdout) == (0, f"{target(tts)}\n")
    assert done.stderr == f"Fetching 0.15 MB of huggingface.co/{REPO}.\n"
    again = here("models", "pull", "-q", NAME)  # it is here: nothing to ask
    assert (again.returncode, again.stdout, again.stderr) == (0, f"{target(tts)}\n", "")
    assert hub.ranges == [None]
    solved = here("solve", "-q", "--policy", NAME, "--prm", "none", "Compute 3 + 4.", HF_HUB_OFFLINE="1")
    assert (solved.returncode, solved.stdout) == (0, "7\n"), solved.stderr


def test_nothing_is_fetched_unasked(tts: Program, hub: FakeHub, here: Here) -> None:
    done = here("models", "pull", NAME)
    assert done.returncode == 1 and "hint: Add --yes to fetch it." in done.stderr
    missing = here("solve", "--policy", NAME, "Compute 3 + 4.")
    assert missing.returncode == 4 and f"hint: `tts models pull {NAME}` fetches it." in missing.stderr
    assert not hub.ranges and not target(tts).exists()


def test_a_dry_run_says_all_and_fetches_nothing(tts: Program, hub: FakeHub, here: Here) -> None:
    plain = here("models", "pull", "--dry-run", NAME)
    for part in (FILE, "0.15 MB", hub.api().decode().split('"sha256": "')[1][:64], "mit", str(target(tts)), "free"):
        assert part in plain.stdout
    fields = json.loads(here("models", "pull", "--dry-run", "--json", NAME).stdout)
    assert fields["path"] == str(target(tts)) and fields["licence"] == "mit" and fields["free"] > 0
    assert [file["path"] for file in fields["files"]] == [FILE]
    assert here("models", "pull", "--dry-run", "-q", NAME).stdout == f"{target(tts)}\n"
    assert not hub.ranges and not list(target(tts).parent.iterdir())


def test_without_room_it_ends_before_a_byte_came(
    tts: Program, hub: FakeHub, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=100_000))
    done = here("models", "pull", "--yes", NAME)
    assert done.returncode == 1 and "0.15 MB are to be fetched, and the disk has 0.10 MB free" in done.stderr
    assert not hub.ranges


def test_a_name_of_the_registry_is_pulled(tts: Program, hub: FakeHub, here: Here, tmp_path: Path) -> None:
    registry = tmp_path / "known.yaml"
    registry.write_text(f"models: {{mine: {{role: policy, pull: '{NAME}', family: nano}}}}")
    known = {"TTS_MODELS_FILE": str(registry)}
    missing = here("solve", "--policy", "mine", "Compute 3 + 4.", **known)
    assert missing.returncode == 4 and "hint: `tts models pull mine` fetches it;" in missing.stderr
    assert here("models", "pull", "-qy", "mine", **known).stdout == f"{target(tts)}\n"
    assert here("models", "show", "-q", "mine", **known).stdout == f"{target(tts)}\n"


def test_what_cannot_be_pulled_is_said(hub: FakeHub, here: Here) -> None:
    for name, code, says in [
        ("tiny", 2, "names no GGUF at the Hub for 'tiny'"),
        ("absent", 2, "There is no model named 'absent'"),
        ("hf:../x", 2, "names no model of the Hub"),
        ("hf:someone/absent", 1, "no such repository"),
    ]:
        done = here("models", "pull", name)
        assert done.returncode == code and says in done.stderr, done.stderr
        assert "hint: " in done.stderr


def test_every_part_of_a_split_model_comes(tts: Program, hub: FakeHub, here: Here) -> None:
    parts = [f"Q4/big-Q4_0-0000{number}-of-00002.gguf" for number in (1, 2)]
    hub.files = {part: part.encode() for part in parts}
    assert here("models", "pull", "-qy", f"hf:{REPO}").stdout == f"{target(tts).parent / parts[0][3:]}\n"
    assert [(target(tts).parent / part[3:]).read_text() for part in parts] == parts


def ask(tts: Program, *arguments: str) -> pexpect.spawn:
    screen = tts.terminal(*arguments, size=(200, 24))
    screen.expect_exact("Fetch it? [y/N] ")
    return screen


def test_on_a_terminal_a_policy_is_asked_for_once(tts: Program, hub: FakeHub) -> None:
    arguments = ("solve", "--policy", NAME, "--prm", "none", "Compute 3 + 4.")
    with ask(tts, *arguments) as screen:
        assert FILE in screen.before and "licence" in screen.before and not hub.ranges
        screen.sendline("n")
        screen.expect_exact(f"hint: Fetch it with `tts models pull {NAME}`.")
        screen.expect(pexpect.EOF)
    with ask(tts, *arguments) as screen:
        screen.sendline("y")
        screen.expect_exact("7")
        screen.expect(pexpect.EOF)
    assert hub.ranges == [None] and target(tts).exists()


def test_progress_is_shown_and_ctrl_c_keeps_what_has_come(tts: Program, hub: FakeHub) -> None:
    hub.files[FILE] = bytes(3_000_000)
    hub.pace = 0.05
    with ask(tts, "models", "pull", NAME) as screen:
        screen.sendline("y")
        screen.expect(r"1/3 MB.*MB/s.*left")
        screen.sendintr()
        screen.expect_exact("the same command goes on from there")
        screen.expect(pexpect.EOF)
        screen.close()
        assert screen.exitstatus == 130
    hub.pace = 0.0
    done = tts("models", "pull", "-qy", NAME)
    assert done.returncode == 0 and hub.ranges[1] is not None
    assert target(tts).stat().st_size == 3_000_000


def test_a_broken_connection_is_noted_and_gone_on_from(tts: Program, hub: FakeHub, here: Here) -> None:
    hub.faults = [Fault(cut=1000)]
    done = here("models", "pull", "-y", NAME)
    assert done.returncode == 0 and "note: the connection broke off; trying again." in done.stderr
