"""Consent: asked on a terminal, given by a flag, and never assumed."""

from __future__ import annotations

import io
import sys

import pexpect
import pytest

from tests.cli.conftest import Program
from tts_cli.cli.sampling import asker

ASK = "from tts_cli.cli.sampling import asker; print('answer', asker(False)('Fetch it?'))"


@pytest.mark.parametrize(
    ("typed", "answer"), [("y", True), ("Yes", True), ("n", False), ("", False), ("maybe", False), ("\x04", False)]
)
def test_a_person_is_asked_on_a_terminal(tts: Program, typed: str, answer: bool) -> None:
    env = tts.env | {"TERM": "xterm"}
    with pexpect.spawn(sys.executable, ["-c", ASK], env=env, encoding="utf-8", timeout=60) as screen:  # type: ignore[arg-type]
        screen.expect_exact("Fetch it? [y/N] ")
        screen.sendline(typed) if typed != "\x04" else screen.sendeof()
        screen.expect_exact(f"answer {answer}")


def test_without_a_terminal_only_the_flag_is_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not asker(False)("Fetch it?")
    monkeypatch.setattr(sys, "stdin", None)
    assert not asker(False)("Fetch it?")
    assert asker(True)("Fetch it?")
