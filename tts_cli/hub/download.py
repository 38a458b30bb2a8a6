"""The bytes of one file, so that neither a kill nor a power cut loses much of what has come.

1. A lock: of two pulls of one file the second waits, and finds it there.
2. Bytes go, unbuffered, into `.NAME.pull.part`; `.NAME.json.part` beside it says of which file they are.
3. After a kill the partial file is trusted whole, as the system has its pages; after a reboot only as far as it was
   flushed. The rest comes by an HTTP range.
4. The SHA-256 of the whole is compared, then the file is renamed.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from tts_cli.errors import TtsError, reason
from tts_cli.hub import cache, client
from tts_cli.hub.plan import PullPlan, RemoteFile
from tts_cli.hub.pulled import PulledFile, other_file, read_record, write_json, write_record

CHUNK = 1 << 16  # bytes; a kill loses at most one
SYNC = 1 << 24  # bytes; a power cut loses at most so many
PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds before the tries after one that brought nothing
LONGEST_WAIT = 120.0  # seconds, of those that the Hub asks for
_SAME_BOOT = 2.0  # seconds by which the time of the last boot may seem to move

OnBytes = Callable[[int], None]
OnNote = Callable[[str], None]


def boot_time() -> float:
    """When this machine was started, in seconds of the epoch."""
    import psutil

    return float(psutil.boot_time())


def pull_file(plan: PullPlan, file: RemoteFile, target: Path, on_bytes: OnBytes, on_note: OnNote) -> None:
    """Make `target` that file: found there, linked from the Hub's cache, or fetched. `on_bytes` gets how many are here.
    Raises TtsError; what has come is kept, and the next call goes on from it."""
    with _locked(target, on_note):
        if not is_here(file, target):
            cached = cache.blob(plan.repo, file.sha256, file.size)
            if cached is None or not _link(cached, target, file):
                _fetch(plan, file, target, on_bytes, on_note)
        write_record(target, PulledFile(plan.repo, file.path, plan.revision, file.size, file.sha256))
        on_bytes(file.size)


def is_here(file: RemoteFile, target: Path) -> bool:
    """Is `target` this very file? Raises TtsError where it is another one: nothing is overwritten."""
    if not target.exists():
        return False
    record = read_record(target)
    if target.stat().st_size == file.size and file.sha256 is not None:
        known = record.sha256 if record is not None and record.size == file.size else None
        if (known or _sha256(target)) == file.sha256:
            return True
    elif record is not None and file.sha256 is None and record.path == file.path and record.size == file.size:
        return True
    raise other_file(target, record)


def still_to_fetch(file: RemoteFile, target: Path) -> int:
    """Bytes, by what is here."""
    if target.exists():
        return 0
    try:
        return max(0, file.size - _partial(target).stat().st_size)
    except OSError:
        return file.size


def _fetch(plan: PullPlan, file: RemoteFile, target: Path, on_bytes: OnBytes, on_note: OnNote) -> None:
    if client.is_offline():
        raise _broken(plan, target, "HF_HUB_OFFLINE is set")
    with Partial.open(file, target) as partial:
        resumed = partial.offset > 0
        while True:
            _transfer(plan, file, partial, on_bytes, on_note)
            if file.sha256 is None or _sha256(partial.path) == file.sha256:
                break
            partial.restart()
            if not resumed:
                what = f"{file.name} of {plan.page} came with another SHA-256 than the Hub publishes, and was not kept."
                raise TtsError(what, "Try again; a proxy or mirror (HF_ENDPOINT) may have changed it.")
            resumed = False
            on_note("note: What an earlier pull had left does not belong to this file: it is fetched anew.")
        partial.finish(target)


def _transfer(plan: PullPlan, file: RemoteFile, partial: Partial, on_bytes: OnBytes, on_note: OnNote) -> None:
    """Until all bytes are here. A try that brought some does not count as one that failed."""
    failed = 0
    while partial.offset < file.size:
        before = partial.offset
        try:
            _request(plan.url(file), file, partial, on_bytes)
        except client.FAILURES as error:
            failed = failed + 1 if partial.offset <= before else 1
            wait = _pause(error, failed)
            why = _why(plan, error)
            if wait is None:
                raise _broken(plan, partial.path, why) from error
            on_note(f"note: {why}; trying again{f' in {wait:.0f} s' if wait >= 1 else ''}.")
            time.sleep(wait)


def _request(url: str, file: RemoteFile, partial: Partial, on_bytes: OnBytes) -> None:
    """One request for all that is missing. Raises one of client.FAILURES."""
    headers = {"Accept-Encoding": "identity"}
    if partial.offset:
        headers["Range"] = f"bytes={partial.offset}-"
        if file.sha256 is None and partial.etag:  # else the hash decides, whatever a mirror calls it
            headers["If-Range"] = partial.etag
    try:
        response = client.open_url(url, headers)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            partial.restart()
        raise
    with response:
        _check_start(response, file, partial)
        while chunk := response.read(CHUNK):
            if partial.offset + len(chunk) > file.size:
                partial.restart()
                raise ValueError("more came than the file has")
            partial.write(chunk)
            on_bytes(partial.offset)
    if partial.offset < file.size:
        raise http.client.IncompleteRead(b"")


def _check_start(response: http.client.HTTPResponse, file: RemoteFile, partial: Partial) -> None:
    """What comes must begin where the partial file ends; a server that knows no ranges sends all. Raises ValueError."""
    if response.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if not found or int(found[1]) != partial.offset or found[2] not in ("*", str(file.size)):
            partial.restart()
            raise ValueError("another range came than was asked for")
        return
    if response.length is not None and response.length != file.size:
        raise ValueError(f"{response.length} bytes were announced, not {file.size}")
    partial.restart()
    partial.note_etag(response.headers.get("ETag"))


def _pause(error: Exception, failed: int) -> float | None:
    """Seconds until the next try; None: there is no point in one."""
    if failed > len(PAUSES):
        return None
    if isinstance(error, urllib.error.HTTPError):
        if error.code not in (408, 416, 425, 429) and error.code < 500:
            return None
        asked = error.headers.get("Retry-After", "")
        if asked.isdecimal():
            return float(asked) if int(asked) <= LONGEST_WAIT else None
    return PAUSES[failed - 1]


def _why(plan: PullPlan, error: Exception) -> str:
    if plan.gated and isinstance(error, urllib.error.HTTPError) and error.code in (401, 403):
        return f"it is gated (HTTP {error.code}): accept its terms on {plan.page} and set HF_TOKEN"
    return client.why(error)


def _broken(plan: PullPlan, place: Path, why: str) -> TtsError:
    kept = place.stat().st_size if place.exists() else 0
    hint = f"{kept / 1e6:.1f} MB are kept; the same command goes on from there." if kept else "Try again later."
    return TtsError(f"{plan.page} could not be fetched: {why}.", hint)


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.pull.part")


def _state(target: Path) -> Path:
    return target.with_name(f".{target.name}.json.part")


@dataclass(slots=True)
class Partial:
    """What has come of a file: `offset` bytes, of which `synced` survive a power cut."""

    path: Path
    state: Path
    what: dict[str, Any]
    stream: BinaryIO
    offset: int = 0
    synced: int = 0
    etag: str | None = None

    @classmethod
    @contextmanager
    def open(cls, file: RemoteFile, target: Path) -> Iterator[Partial]:
        """At the byte where to go on: 0 where the bytes are of another file. Raises TtsError."""
        what = {"path": file.path, "size": file.size, "sha256": file.sha256}
        with _disk(target), _partial(target).open("ab", buffering=0) as stream:
            partial = cls(_partial(target), _state(target), what, stream)
            partial.offset = partial.synced = partial._usable()
            stream.truncate(partial.offset)
            partial.save()
            yield partial

    def _usable(self) -> int:
        """How many bytes that are there can be trusted."""
        try:
            state = json.loads(self.state.read_bytes())
            there = self.path.stat().st_size
            same_boot = abs(state["boot"] - boot_time()) < _SAME_BOOT
            usable = there if same_boot else min(there, int(state["synced"]))
            if state["what"] != self.what or usable > self.what["size"]:
                return 0
            self.etag = str(state["etag"]) if state["etag"] else None
            return usable if self.what["sha256"] or self.etag else 0
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return 0

    def write(self, chunk: bytes) -> None:
        """Raises TtsError: the disk is full, say."""
        with _disk(self.path):
            view = memoryview(chunk)
            while view:
                view = view[self.stream.write(view) :]
        self.offset += len(chunk)
        if self.offset - self.synced >= SYNC:
            self.save()

    def save(self) -> None:
        """Flush to the disk, and note how far that is."""
        with _disk(self.path):
            os.fsync(self.stream.fileno())
            self.synced = self.offset
            state = {"what": self.what, "synced": self.synced, "etag": self.etag, "boot": boot_time()}
            write_json(self.state, state)

    def note_etag(self, etag: str | None) -> None:
        """Which version comes; a weak one names none."""
        self.etag = etag if etag and not etag.startswith("W/") else None
        self.save()

    def restart(self) -> None:
        """Drop what has come."""
        if self.offset:
            with _disk(self.path):
                self.stream.truncate(0)
            self.offset = self.synced = 0
            self.save()

    def finish(self, target: Path) -> None:
        """The partial file becomes the file, at once and for good."""
        with _disk(target):
            os.fsync(self.stream.fileno())
            self.path.replace(target)
            self.state.unlink(missing_ok=True)
            _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(cached: Path, target: Path, file: RemoteFile) -> bool:
    """Have the cache's file under `target`, without a second copy where both lie on one disk. False: it is damaged."""
    if _sha256(cached) != file.sha256:
        return False
    with _disk(target):
        try:
            os.link(cached.resolve(), target)
        except OSError:  # another disk
            shutil.copyfile(cached, _partial(target))
            _partial(target).replace(target)
    return True


def _sha256(path: Path) -> str:
    with _disk(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _locked(target: Path, on_note: OnNote) -> Iterator[None]:
    with _disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target.with_name(f".{target.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_note(f"note: Another tts fetches {target.name}: waiting for it.")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Failures of the disk as TtsError, so that they are not taken for the network's."""
    try:
        yield
    except (OSError, NotImplementedError) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "Make room" if full else "Name a folder that you may write to in TTS_MODELS_DIR"
        raise TtsError(
            f"{path.parent} cannot take the model: {reason(error)}.",
            f"{hint}; what has come is kept for the next pull.",
        ) from error
