"""The cache that Hugging Face's own tools share: read, never written.

`hub/models--USER--REPO` holds `refs/main` (a commit), `snapshots/COMMIT/FILE` and `blobs/ETAG`, which the former link
to; the ETag of a large file is its SHA-256 (huggingface_hub, "Understand caching").
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from tts_cli.paths import expand


def folder(repo: str) -> Path:
    """Where the cache would keep a repository."""
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    home = os.environ.get("HF_HOME") or str(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    return (expand(named) if named else expand(home) / "hub") / f"models--{repo.replace('/', '--')}"


def blob(repo: str, sha256: str | None, size: int) -> Path | None:
    """The file of this hash, if it is there whole."""
    path = folder(repo) / "blobs" / (sha256 or "-")
    try:
        return path if path.is_file() and path.stat().st_size == size else None
    except OSError:
        return None


def snapshot(repo: str) -> tuple[str, list[tuple[str, int, str | None]]]:
    """The commit that `main` was, and its files: path, size in bytes, SHA-256. Nothing where it is not there."""
    try:
        revision = (folder(repo) / "refs" / "main").read_text(encoding="utf-8").strip()
        if not re.fullmatch("[0-9a-f]{40}", revision):
            return "", []
        root = folder(repo) / "snapshots" / revision
        files = [path for path in sorted(root.rglob("*")) if path.is_file()]
        return revision, [(path.relative_to(root).as_posix(), path.stat().st_size, _hash_of(path)) for path in files]
    except (OSError, ValueError):
        return "", []


def _hash_of(path: Path) -> str | None:
    name = path.resolve().name
    return name if re.fullmatch("[0-9a-f]{64}", name) else None
