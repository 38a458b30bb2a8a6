"""Training rows: several token trees packed into rows of one length.

A tree is a trunk (problem, solution) and, for a PRM, branches: other versions of one step that see the trunk
only up to where they fork. So a near miss costs the tokens of its step and not of the whole solution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LENGTH = 512
IGNORE = -100


@dataclass
class Tree:
    """Parallel lists, one entry a token. `target` is the next token to predict or IGNORE; `fork` is the position
    from which a branch leaves the trunk (IGNORE on the trunk); `branch` is 0 on the trunk."""

    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    branch: list[int] = field(default_factory=list)
    fork: list[int] = field(default_factory=list)
    verdicts: list[int] = field(default_factory=list)  # 1 right, 0 wrong, IGNORE where no step ends
    sound: list[int] = field(default_factory=list)  # 1 all right up to this token, 0 not, IGNORE not known
    slip: list[int] = field(default_factory=list)  # 1 this very token is the first wrong one, 0 it is right

    def __len__(self) -> int:
        return len(self.tokens)

    def extend(
        self, tokens: list[int], at: int, *, branch: int, learn: bool, verdict: int = IGNORE, follows: int = IGNORE
    ) -> None:
        """Append tokens from position `at`; the verdict stands at the last of them, then comes `follows`."""
        count = len(tokens)
        self.tokens += tokens
        self.positions += range(at, at + count)
        self.targets += [*tokens[1:], follows] if learn else [IGNORE] * count
        self.branch += [branch] * count
        self.fork += [at if branch else IGNORE] * count
        self.verdicts += [IGNORE] * (count - 1) + [verdict]
        self.sound += [IGNORE] * count
        self.slip += [IGNORE] * count


@dataclass
class Rows:
    """Arrays of shape [rows, LENGTH]; `doc` numbers the tree in its row (0: padding)."""

    tokens: NDArray[np.int16]
    positions: NDArray[np.int16]
    targets: NDArray[np.int16]
    branch: NDArray[np.int16]
    fork: NDArray[np.int16]
    verdicts: NDArray[np.int16]
    sound: NDArray[np.int16]
    slip: NDArray[np.int16]
    doc: NDArray[np.int16]

    def save(self, path: str) -> None:
        np.savez(path, **vars(self))

    @classmethod
    def load(cls, path: str) -> Rows:
        with np.load(path) as arrays:
            return cls(**{name: arrays[name] for name in arrays})


def pack(trees: Iterable[Tree], open_rows: int = 64) -> Rows:
    """First-fit into `open_rows` rows at a time; a tree longer than a row is left out."""
    finished: list[list[Tree]] = []
    rows: list[list[Tree]] = []
    room: list[int] = []
    for tree in trees:
        if len(tree) > LENGTH:
            continue
        at = next((i for i, free in enumerate(room) if free >= len(tree)), None)
        if at is None:
            if len(rows) == open_rows:
                fullest = room.index(min(room))
                finished.append(rows.pop(fullest))
                room.pop(fullest)
            rows.append([])
            room.append(LENGTH)
            at = len(rows) - 1
        rows[at].append(tree)
        room[at] -= len(tree)
    return _arrays(finished + rows)


def _arrays(rows: list[list[Tree]]) -> Rows:
    names = ("tokens", "positions", "targets", "branch", "fork", "verdicts", "sound", "slip")
    fill = {
        "tokens": 0,
        "positions": 0,
        "targets": IGNORE,
        "branch": 0,
        "fork": IGNORE,
        "verdicts": IGNORE,
        "sound": IGNORE,
        "slip": IGNORE,
    }
    arrays = {name: np.full((len(rows), LENGTH), fill[name], np.int16) for name in names}
    doc = np.zeros((len(rows), LENGTH), np.int16)
    for i, trees in enumerate(rows):
        at = 0
        for number, tree in enumerate(trees, 1):
            span = slice(at, at + len(tree))
            for name in names:
                arrays[name][i, span] = getattr(tree, name)
            doc[i, span] = number
            at += len(tree)
    return Rows(**arrays, doc=doc)


def attention_mask(positions: Tensor, branch: Tensor, fork: Tensor, doc: Tensor) -> Tensor:
    """[B, 1, T, T], true where a token may look: back, within its tree, along its own branch, and on the trunk
    before the fork."""
    length = positions.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=positions.device).tril()
    same_tree = doc[:, :, None] == doc[:, None, :]
    same_branch = branch[:, :, None] == branch[:, None, :]
    trunk_before = (branch[:, None, :] == 0) & (positions[:, None, :] < fork[:, :, None])
    return (causal & same_tree & (same_branch | trunk_before))[:, None]


def parents(positions: Tensor, mask: Tensor) -> Tensor:
    """[B, T]: where, in the row, the token before each one stands, along its branch; 0 for the first of a tree."""
    before = positions[:, None, :] == positions[:, :, None] - 1
    return (mask[:, 0] & before).int().argmax(-1)


def batches(rows: Rows, size: int, seed: int, epochs: int = 1) -> Iterator[dict[str, Tensor]]:
    """Shuffled batches of `size` rows as int64 tensors, the same for the same seed."""
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        order = random.permutation(len(rows.tokens))
        for at in range(0, len(order) - size + 1, size):
            take = order[at : at + size]
            yield {name: torch.from_numpy(array[take].astype(np.int64)) for name, array in vars(rows).items()}
