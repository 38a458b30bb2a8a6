"""llama-cpp-python's OpenAI-compatible server as a process of its own, and clients that drive it.

Server and clients run in a Python that has the peers installed (benchmarks/README.md says how); llama_cpp itself is
taken from this one, so that all have the same build.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).parent / "server_client.py"
_SERVER = (
    "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module('llama_cpp.server', run_name='__main__')"
)
_PATIENCE = 60.0  # seconds


@contextmanager
def serving(python: Path, model: Path, threads: int, n_ctx: int) -> Iterator[str]:
    """The address of a server that is up. Raises RuntimeError when it does not come up."""
    port = _free_port()
    flags = {"model": model, "host": "127.0.0.1", "port": port, "n_ctx": n_ctx, "n_threads": threads}
    # Its default would compute the logits of every prompt token: off, which is faster.
    flags |= {"n_threads_batch": threads, "verbose": False, "logits_all": False}
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [str(python), "-c", _SERVER, _packages(), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}/v1"
        _wait(process, address)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def drive(python: Path, client: str, address: str, text: str, n: int, max_tokens: int, temperature: float) -> Any:
    """What a client says of its run: {"tokens", "seconds", "samples"}, or {"missing": why}."""
    asked = {"client": client, "address": address, "text": text, "n": n, "max_tokens": max_tokens}
    asked |= {"temperature": temperature}
    done = subprocess.run([str(python), str(CLIENT), json.dumps(asked)], capture_output=True, text=True, check=False)
    if done.returncode:
        return {"missing": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it failed"}
    return json.loads(done.stdout.splitlines()[-1])


def prompt_length(address: str, text: str) -> int:
    """Tokens of the chat prompt that the server makes of a text."""
    body = {"messages": [{"role": "user", "content": text}], "max_tokens": 1}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
        return int(json.load(answer)["usage"]["prompt_tokens"])


def _packages() -> str:
    """The folder that holds llama_cpp here."""
    import llama_cpp

    return str(Path(llama_cpp.__file__).parents[1])


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/models", timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"llama_cpp.server does not come up: does {sys.executable} or the peers' Python lack a package?")
