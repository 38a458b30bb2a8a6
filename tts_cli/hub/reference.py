"""`hf:USER/REPO[:QUANT|/FILE]`: which GGUF of which repository is meant, and which names may be trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tts_cli.errors import UsageError

PREFIX = "hf:"
SUFFIX = ".gguf"
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_SYNTAX = re.compile(rf"({_PART}/{_PART})(?::([A-Za-z0-9][A-Za-z0-9._-]*)|/(.+))?", re.DOTALL)
_QUANT = re.compile(r"(?:^|[-._])((?:UD-)?(?:I?Q\d\w*|TQ\d\w*|BF16|F16|F32|MXFP4\w*))(?=[-.]|$)", re.IGNORECASE)
_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})$")
MOST_BYTES_OF_A_NAME = 200
"""File systems take 255; the partial file's name is longer."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A repository, and what of it: `file` (its path there), else `quant`, else its only GGUF."""

    repo: str
    quant: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        end = f":{self.quant}" if self.quant else f"/{self.file}" if self.file else ""
        return f"{PREFIX}{self.repo}{end}"

    def matches(self, path: str) -> bool:
        """Does it mean this file of the repository? Of a split model, by its first part."""
        if self.file is not None:
            return self.file == path
        return self.quant is None or (quant_of(path) or "").upper() == self.quant.upper()


def parse(text: str) -> Reference:
    """Raises UsageError for what does not have the form, or would lead out of the repository.

    >>> parse("hf:Qwen/Qwen3-0.6B-GGUF:q8_0").quant
    'q8_0'
    """
    found = _SYNTAX.fullmatch(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else None
    file = found[3] if found else None
    if found is None or ".." in found[1] or (file is not None and not is_safe(file)):
        raise UsageError(
            f"{text!r} names no model of the Hub.", "Write hf:USER/REPO, hf:USER/REPO:QUANT or hf:USER/REPO/FILE.gguf."
        )
    if file is not None and not file.lower().endswith(SUFFIX):
        raise UsageError(f"{file} is not a GGUF file.", "Name a file that ends in .gguf.")
    return Reference(found[1], found[2], file)


def is_safe(path: str) -> bool:
    """May a file of this path in a repository be written under its last name? Not one that leads elsewhere or hides."""
    parts = path.split("/")
    plain = (
        all(part not in ("", ".", "..") for part in parts) and path.isprintable() and not set(path) & set('\\:*?"<>|')
    )
    return plain and not parts[-1].startswith((".", "-")) and len(parts[-1].encode()) <= MOST_BYTES_OF_A_NAME


def quant_of(path: str) -> str | None:
    """The quantisation that a file's name gives.

    >>> quant_of("Q4/model-Q4_K_M-00001-of-00002.gguf")
    'Q4_K_M'
    """
    stem, _ = split_of(path)
    found = _QUANT.findall(stem.rpartition("/")[2])
    return found[-1] if found else None


def split_of(path: str) -> tuple[str, tuple[int, int] | None]:
    """The path without its ending and number, and (number, count) where the file is a part of a split model."""
    stem = path[: -len(SUFFIX)] if path.lower().endswith(SUFFIX) else path
    found = _SPLIT.search(stem)
    return (stem[: found.start()], (int(found[1]), int(found[2]))) if found else (stem, None)
