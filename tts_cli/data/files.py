"""Reading a file; writing one so that it is there whole or not at all, and finding out beforehand that it can be.

Writing covers regular files only: a device, a pipe or a directory is refused, because a rename would replace it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from tts_cli.errors import TtsError, reason

CHECK = "Check the name and its permissions."


def read_bytes(path: Path, what: str = "", *, hint: str = CHECK, most: int = -1) -> bytes:
    """What stands in a file, its first `most` bytes. Raises TtsError; `what` names the file's role ("The trace")."""
    try:
        with path.open("rb") as file:
            return file.read(most)
    except (OSError, ValueError) as error:
        raise TtsError(f"{f'{what} {path}'.strip()} cannot be read: {reason(error)}.", hint) from error


def check_writable(path: Path, what: str) -> None:
    """Raise TtsError now rather than after a long search. `what` names the file's role ("The trace")."""
    try:
        if path.exists() and not path.is_file():
            raise _unwritable(path, what, "it is not a regular file")
        if path.exists() and not os.access(path, os.W_OK):
            raise _unwritable(path, what, "permission denied")
        descriptor, temporary = _open_beside(Path(os.path.realpath(path)))
        os.close(descriptor)
        temporary.unlink()
    except (OSError, ValueError) as error:
        raise _unwritable(path, what, reason(error)) from error


def write_atomically(path: Path, content: str | bytes, what: str) -> None:
    """Write bytes, or text as UTF-8, beside `path`, then rename: no reader ever sees half a file. Raises TtsError."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    target = Path(os.path.realpath(path))
    try:
        descriptor, temporary = _open_beside(target)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(path, what, reason(error)) from error


def _open_beside(target: Path) -> tuple[int, Path]:
    """A new empty file in the folder of `target`, with the permissions that the user's umask gives."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), temporary


def _unwritable(path: Path, what: str, why: str) -> TtsError:
    return TtsError(
        f"{what} cannot be written to {path}: {why}.",
        "Name a file in a folder that exists, that you may write to, and that has room.",
    )
