"""What only POSIX has is not needed to import any module. That the program runs on Windows is not tested anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tts_cli

ROOT = Path(tts_cli.__file__).parents[1]
IMPORT_ALL = """
import sys
for missing in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[missing] = None  # importing it is an ImportError
import pkgutil, signal, tts_cli
for name in ("SIGKILL", "SIGHUP", "SIGPIPE", "SIGALRM", "setitimer", "ITIMER_REAL", "pthread_kill"):
    delattr(signal, name)
for module in pkgutil.walk_packages(tts_cli.__path__, "tts_cli."):
    __import__(module.name)
    print(module.name)
"""


def test_every_module_is_imported_where_posix_is_not() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"tts_cli.data.journal", "tts_cli.answers.worker", "tts_cli.cli.signals"} <= set(done.stdout.split())
