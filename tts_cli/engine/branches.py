"""The tree of token stretches that searches grow. A branch knows its tokens, not where they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tts_cli.protocols import Usage


class Branch:
    """The tokens of one step after its parent's; equal by identity. Children are not listed: unused ones vanish.

    The last token of a sampled branch is pending: it is run only when somebody goes on from there.
    """

    __slots__ = (
        "__weakref__",
        "_tokens",
        "logits",
        "parent",
        "ran",
        "released",
        "sampled",
        "start",
        "usage",
    )

    def __init__(self, parent: Branch | None, tokens: Sequence[int], usage: Usage, *, sampled: bool) -> None:
        self.parent = parent
        self.start = parent.length if parent else 0
        self._tokens = list(tokens)
        self.usage = usage
        self.sampled = sampled
        self.ran = 0  # own tokens that went through the model at least once
        self.released = False
        self.logits: NDArray[np.float32] | None = None  # after the last token, as long as they are kept

    @property
    def length(self) -> int:
        """Tokens from the start of the problem to the end of this branch."""
        return self.start + len(self._tokens)

    @property
    def tokens(self) -> tuple[int, ...]:
        """Its own tokens, without its parent's."""
        return tuple(self._tokens)

    def append(self, token: int) -> None:
        """Grow by one sampled token; only the job that samples the branch may."""
        self._tokens.append(token)

    def last(self) -> int:
        return self._tokens[-1]

    def chain(self) -> Iterator[Branch]:
        """This branch, its parent, and so on up to the root."""
        branch: Branch | None = self
        while branch is not None:
            yield branch
            branch = branch.parent

    def stretch(self, begin: int, end: int) -> list[int]:
        """The tokens at positions begin..end of the path that ends here."""
        if begin >= self.start:
            return self._tokens[begin - self.start : end - self.start]
        parts: list[list[int]] = []
        for branch in self.chain():
            if branch.start < end:
                parts.append(branch._tokens[max(0, begin - branch.start) : end - branch.start])
            if branch.start <= begin:
                break
        return [token for part in reversed(parts) for token in part]
