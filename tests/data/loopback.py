"""A Hub on the loopback interface that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.loopback_server import QuietHandler, listening


@dataclass
class Hub:
    """`body`, `status` and `headers` are sent; `announced` is the Content-Length, if it is not the true one."""

    url: str = ""
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None
    paths: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            hub.paths.append(self.path)
            hub.tokens.append(self.headers["Authorization"])
            elsewhere = self.path.startswith("/elsewhere")
            self.send_response(200 if elsewhere else hub.status)
            for name, value in hub.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(hub.body) if hub.announced is None else hub.announced))
            self.end_headers()
            self.wfile.write(hub.body)

    with listening(Handler) as hub.url:
        yield hub
