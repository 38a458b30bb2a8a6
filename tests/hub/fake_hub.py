"""A Hub on the loopback interface: the API's model information, files behind a redirect to a "CDN", ranges, and faults
on order. It remembers what it was asked and how many bytes it sent."""

from __future__ import annotations

import hashlib
import json
import re
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.loopback_server import QuietHandler, listening

REPO = "someone/Tiny-GGUF"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Fault:
    """What happens to one request for a file instead of an answer: a status, or an end after `cut` bytes."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    no_range: bool = False
    content: bytes | None = None


@dataclass
class FakeHub:
    """`files` by path; `sha256` where another one is to be published; `faults` are used up in order."""

    files: dict[str, bytes] = field(default_factory=dict)
    repo: str = REPO
    sha256: dict[str, str | None] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    info_status: int = 200
    pace: float = 0.0  # seconds a chunk
    etag: str = '"one"'
    url: str = ""
    ranges: list[str | None] = field(default_factory=list)
    tokens: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0

    def api(self) -> bytes:
        siblings: list[dict[str, Any]] = [{"rfilename": "README.md", "size": 10}]
        for path, data in self.files.items():
            sha256 = self.sha256.get(path, hashlib.sha256(data).hexdigest())
            lfs = {"lfs": {"size": len(data), "sha256": sha256}} if sha256 else {}
            siblings.append({"rfilename": path, "size": len(data)} | lfs)
        info = {"id": self.repo, "sha": COMMIT, "gated": False, "cardData": {"license": "mit"}, "siblings": siblings}
        return json.dumps(info | self.info).encode()


class Handler(QuietHandler):
    hub: FakeHub

    def do_GET(self) -> None:
        path = urllib.parse.unquote(self.path.partition("?")[0])
        self.hub.tokens.append((path, self.headers["Authorization"]))
        with suppress(BrokenPipeError, ConnectionResetError):
            if path == f"/api/models/{self.hub.repo}/revision/main":
                self.answer(self.hub.info_status, self.hub.api())
            elif path.startswith(f"/{self.hub.repo}/resolve/{COMMIT}/"):
                self.answer(302, b"", Location=self.path.replace(f"/{self.hub.repo}/resolve/{COMMIT}", "/cdn", 1))
            elif path.startswith("/cdn/"):
                self.file(path.removeprefix("/cdn/"))
            else:
                self.answer(404, b"")

    def file(self, path: str) -> None:
        fault = self.hub.faults.pop(0) if self.hub.faults else Fault()
        self.hub.ranges.append(self.headers["Range"])
        if fault.status is not None:
            return self.answer(fault.status, b"", **fault.headers)
        data = self.hub.files[path] if fault.content is None else fault.content
        start = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "bytes=0-")[1])  # type: ignore[index]
        if fault.no_range or self.headers.get("If-Range", self.hub.etag) != self.hub.etag:
            start = 0
        elif start >= len(data):
            return self.answer(416, b"")
        ranged = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        self.send_response(206 if start else 200)
        for name, value in ({"Content-Length": str(len(data) - start), "ETag": self.hub.etag} | ranged).items():
            self.send_header(name, value)
        self.end_headers()
        self.send(data[start:] if fault.cut is None else data[start : start + fault.cut])
        return None

    def send(self, data: bytes) -> None:
        for at in range(0, len(data), 1 << 16):
            self.wfile.write(data[at : at + (1 << 16)])
            self.hub.sent += len(data[at : at + (1 << 16)])
            time.sleep(self.hub.pace)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    with listening(type("Bound", (Handler,), {"hub": hub})) as hub.url:
        yield hub
