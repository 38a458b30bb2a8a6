"""Runs the real program: in a process of its own on pipes or on a pseudo-terminal, or, where neither the streams nor
the start of the process matter, inside this one, which is ten times as fast.

Its models are tiny random GGUFs that are biased towards a few words, so that real llama.cpp finds `\\boxed{65}`
more often than `\\boxed{56}` in well under a second. Its home is empty.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.cli import app

ROOT = Path(__file__).parents[2]
BOXES = ("\\boxed{65}", "\\boxed{56}")
WORDS = ("\n\n", *BOXES, "12 - 5 = 7", "4 * 7 = 28", " so", "+", "-")
BIAS = {"\n\n": 9.0, "\\boxed{65}": 8.0, "\\boxed{56}": 7.0, "12 - 5 = 7": 8.0, "4 * 7 = 28": 8.0}
ENDLESS = {"\n\n": 9.0, "12 - 5 = 7": 9.0}
PROSE = {"\n\n": -99.0, "<|end|>": -99.0, "12 - 5 = 7": 14.0}  # one step without an end
REGISTRY = """
models:
  tiny: {role: policy, file: tiny.gguf, prm: tiny-prm, prompt: {user: "{problem}"}}
  tiny-prm: {role: prm, file: tiny-prm.gguf, format: nano-prm}
  endless: {role: policy, file: endless.gguf, prompt: {user: "{problem}"}}
  prose: {role: policy, file: prose.gguf, prompt: {user: "{problem}"}}
  toy: {role: policy, file: tiny.gguf, demonstration: true, note: toy is a toy., prompt: {user: "{problem}"}}
"""

Here = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Program:
    """The `tts` command with its own home, working directory and models."""

    home: Path
    env: dict[str, str]

    @property
    def work(self) -> Path:
        return self.home / "work"

    def __call__(
        self, *arguments: str, stdin: bytes | str = b"", timeout: float = 60, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run with pipes; the streams are decoded as UTF-8."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            self.command(*arguments),
            input=data,
            capture_output=True,
            env=self.env | env,
            cwd=self.work,
            timeout=timeout,
            check=False,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def terminal(self, *arguments: str, size: tuple[int, int] = (80, 24), **env: str) -> pexpect.spawn:
        """Start on a pseudo-terminal of (columns, rows)."""
        command = self.command(*arguments)
        return pexpect.spawn(
            command[0],
            command[1:],
            env=self.env | {"TERM": "xterm-256color"} | env,  # type: ignore[arg-type]
            cwd=str(self.work),
            dimensions=size[::-1],
            encoding="utf-8",
            timeout=60,
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tts_cli", *arguments]


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models directory."""
    folder = tmp_path_factory.mktemp("models")
    shape = {"words": WORDS, "chat_template": CHAT_TEMPLATE, "context": 2048, "layers": 1}
    write_tiny_gguf(folder / "tiny.gguf", bias=BIAS, last_words=BOXES, **shape)  # type: ignore[arg-type]
    write_tiny_gguf(folder / "endless.gguf", bias=ENDLESS, **shape)  # type: ignore[arg-type]
    write_tiny_gguf(folder / "prose.gguf", bias=PROSE, **shape)  # type: ignore[arg-type]
    write_tiny_gguf(folder / "tiny-prm.gguf", words=WORDS, seed=3, layers=1, context=2048)
    (folder / "models.yaml").write_text(REGISTRY)
    return folder


@pytest.fixture
def tts(tmp_path: Path, model_files: Path) -> Program:
    """A fresh account whose default policy is `tiny`."""
    (tmp_path / "work").mkdir()
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TTS_MODELS_DIR": str(model_files),
        "TTS_MODELS_FILE": str(model_files / "models.yaml"),
        "TTS_POLICY": "tiny",
        "TTS_THREADS": "1",
        "TTS_BUDGET": "8",
        "TTS_METHOD": "majority",
    }
    return Program(tmp_path, env)


@pytest.fixture
def here(tts: Program, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Here:
    """Like calling `tts`, inside this process."""

    def call(*arguments: str, stdin: bytes | str = b"", **env: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(("TTS_", "XDG_"))]:
                patch.delenv(name)
            for name, value in (tts.env | {"COLUMNS": "80"} | env).items():
                patch.setenv(name, value)
            patch.chdir(tts.work)
            data = stdin.encode() if isinstance(stdin, str) else stdin
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
            capfd.readouterr()
            code = app.run(list(arguments))
        streams = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, code, streams.out, streams.err)

    return call
