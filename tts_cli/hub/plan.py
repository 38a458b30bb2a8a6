"""What a pull would fetch: files, sizes, hashes and the licence, as the Hub's API says; nothing is fetched here."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
from dataclasses import dataclass
from typing import Any

from tts_cli.errors import ModelError, TtsError, UsageError
from tts_cli.hub import cache, client
from tts_cli.hub.reference import PREFIX, SUFFIX, Reference, is_safe, quant_of, split_of

MOST_BYTES = 32 * 2**20  # of the API's answer
_NO_POLICY = ("mmproj", "imatrix")
"""How files begin or end that are GGUF, and no language model."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file: `path` in the repository, `size` in bytes, `sha256` where the Hub publishes it."""

    path: str
    size: int
    sha256: str | None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class PullPlan:
    """A model at one `revision` (a commit, so that nothing changes while it is fetched); `files` in order."""

    repo: str
    revision: str
    files: tuple[RemoteFile, ...]
    licence: str | None
    gated: bool

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def page(self) -> str:
        return f"huggingface.co/{self.repo}"

    def url(self, file: RemoteFile) -> str:
        return f"{client.endpoint()}/{self.repo}/resolve/{self.revision}/{urllib.parse.quote(file.path)}"


def make(reference: Reference) -> PullPlan:
    """Raises UsageError where the reference fits no file or several models, TtsError where the Hub does not answer."""
    if client.is_offline():
        return _offline(reference)
    url = f"{client.endpoint()}/api/models/{reference.repo}/revision/main?blobs=true"
    try:
        info = json.loads(client.get(url, MOST_BYTES))
        files = [_file(one) for one in info["siblings"] if str(one["rfilename"]).lower().endswith(SUFFIX)]
        revision = str(info["sha"])
        if not re.fullmatch("[0-9a-f]{40}", revision):
            raise ValueError("it names no commit")
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise failure(reference.repo, "the Hub's answer cannot be read") from error
    except client.FAILURES as error:
        raise failure(reference.repo, _why(error)) from error
    chosen = choose(reference, files)
    return PullPlan(reference.repo, revision, chosen, _licence(info), bool(info.get("gated")))


def choose(reference: Reference, files: list[RemoteFile]) -> tuple[RemoteFile, ...]:
    """The files of the one model that is meant. Raises UsageError that lists what there is."""
    models: dict[str, list[RemoteFile]] = {}
    for file in sorted(files, key=lambda file: file.path):
        if is_safe(file.path) and not any(part in file.name.lower() for part in _NO_POLICY):
            models.setdefault(split_of(file.path)[0], []).append(file)
    if not models:
        hint = "Look for a repository of the same model whose name ends in -GGUF."
        raise UsageError(f"The repository {reference.repo} has no GGUF file.", hint)
    wanted = split_of(reference.file)[0] if reference.file else None
    found = [one for stem, one in models.items() if (stem == wanted if wanted else reference.matches(one[0].path))]
    if len(found) != 1:
        what = f"{reference} is ambiguous" if found else f"{reference.repo} has no file for {reference}"
        raise UsageError(f"{what}.", f"There are: {_listed(reference.repo, found or list(models.values()))}.")
    parts = [part for file in found[0] if (part := split_of(file.path)[1])]
    if parts and [number for number, _ in parts] != list(range(1, parts[0][1] + 1)):
        raise UsageError(f"{reference} is split, and parts of it are missing.", "Choose another file.")
    return tuple(found[0])


def failure(
    repo: str, why: str, hint: str = "Try again; HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are honoured."
) -> TtsError:
    """The error that names the repository."""
    return TtsError(f"huggingface.co/{repo} could not be read: {why}.", hint)


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError) and error.code in (401, 404):
        error.close()
        return f"there is no such repository, or it is private (HTTP {error.code})"
    return client.why(error)


def _file(sibling: dict[str, Any]) -> RemoteFile:
    """Raises ValueError for what is no size or hash."""
    lfs = sibling.get("lfs") or {}
    size, sha256 = lfs.get("size", sibling.get("size")), lfs.get("sha256")
    if isinstance(size, bool) or not isinstance(size, int) or size <= 0:
        raise ValueError(f"{sibling['rfilename']} has no size")
    if sha256 is not None and not re.fullmatch("[0-9a-f]{64}", str(sha256)):
        raise ValueError(f"{sibling['rfilename']} has no SHA-256")
    return RemoteFile(str(sibling["rfilename"]), size, sha256)


def _licence(info: dict[str, Any]) -> str | None:
    card = info.get("cardData")
    named = card.get("license") if isinstance(card, dict) else None
    tags = [tag for tag in info.get("tags") or () if isinstance(tag, str)]
    tagged = next((tag.partition(":")[2] for tag in tags if tag.startswith("license:")), None)
    return str(named) if named else tagged


def _listed(repo: str, models: list[list[RemoteFile]]) -> str:
    """Each by the shortest name that means it alone."""
    quants = [(quant_of(files[0].path) or "").upper() for files in models]
    lines = []
    for files, quant in zip(models, quants, strict=True):
        end = f":{quant}" if quant and quants.count(quant) == 1 else f"/{files[0].path}"
        lines.append(f"{PREFIX}{repo}{end} ({sum(file.size for file in files) / 1e9:.2f} GB)")
    return ", ".join(lines[:20]) + (f" and {len(lines) - 20} more" if len(lines) > 20 else "")


def _offline(reference: Reference) -> PullPlan:
    """From what the Hub's shared cache has. Raises ModelError."""
    revision, found = cache.snapshot(reference.repo)
    files = [RemoteFile(path, size, sha256) for path, size, sha256 in found if path.lower().endswith(SUFFIX)]
    if not files:
        what = f"{reference} is neither among the pulled models nor in the Hub's cache, and HF_HUB_OFFLINE is set"
        raise ModelError(f"{what}.", "Unset HF_HUB_OFFLINE to fetch it.")
    return PullPlan(reference.repo, revision, choose(reference, files), None, False)
