"""What is said on stderr of input that is given and not used: a flag that the method ignores, stdin beside an argument.

Nothing is refused for it, and `--quiet` drops it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from typing import Any

from tts_cli.cli.channels import Channels
from tts_cli.config import Settings
from tts_cli.search.methods import METHODS, writes_one


def note_unused_flags(channels: Channels, flags: Mapping[str, Any], settings: Settings) -> None:
    """Of flags alone: a budget in tts.yaml or in the environment is meant for the methods that use one."""
    method = settings.method
    if writes_one(method) and (flags.get("budget") or 1) > 1:
        channels.note(f"note: {method} draws one solution; the budget of {flags['budget']} is not used.")
    if method in METHODS and not METHODS[method].grows_trees and flags.get("beam_width") is not None:
        channels.note(f"note: {method} grows no trees; the beam width of {flags['beam_width']} is not used.")


def note_unread_stdin(channels: Channels, taken: str) -> None:
    """`taken`: what was taken and from where ("the problem is taken from the argument")."""
    if _stdin_holds_data():
        channels.note(f"note: {taken}; stdin is not read.")


def _stdin_holds_data() -> bool:
    """Found out without reading, which could wait for ever where a CI job or a service leaves an open pipe: a file has
    bytes left, or bytes have arrived in a pipe. /dev/null and a terminal hold none, nor does a pipe that was closed."""
    try:
        descriptor = sys.stdin.fileno()
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return status.st_size > os.lseek(descriptor, 0, os.SEEK_CUR)
        if not (stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)):
            return False
        from fcntl import ioctl  # neither is there on Windows
        from termios import FIONREAD

        return any(ioctl(descriptor, FIONREAD, bytes(4)))
    except (AttributeError, ImportError, OSError, ValueError):  # no stdin, or one that cannot say
        return False
