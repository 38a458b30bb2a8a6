"""The tree of steps that a search grows, and how candidates in it are ranked and share a budget.

Data and arithmetic only: sampling, scoring and pruning are in context.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tts_cli.answers import Aggregate, aggregate
from tts_cli.answers.false_equality import FalseEquality
from tts_cli.protocols import Finish, Prefix

DOUBT = 0.5
"""A step that scores less is in doubt: best-first search neither goes on from it nor scores what comes after it."""


@dataclass(eq=False, slots=True)
class Node:
    """One step, and thereby the path to it; equal to itself only. Number 0 is a root (no step).

    `path`: the key of this step's random stream (the first one's, where several samples came out as this step).
    `count`: how many did. `ended`: how many samples ended the solution here. `finish` is None for a root.
    `prm_tokens`: how many the PRM runs for this step. `logprob`: the policy's own, of the tokens sampled for it.
    `visitors`: samples that have come to this step and not left it (see context.py). `answered`: the answer stands here
    or before; what may follow is the rest of the turn, which belongs to the sample that came here. `refuted`: what is
    false in it; `revived`: it is gone on from all the same (refuted.py).
    """

    number: int
    parent: Node | None
    text: str
    tokens: int
    finish: Finish | None
    path: tuple[int, ...]
    prefix: Prefix | None = None
    reward: Prefix | None = None
    count: int = 1
    ended: int = 0
    score: float | None = None
    prm_tokens: int = 0
    pruned: bool = False
    visitors: int = 0
    depth: int = 0
    solution_tokens: int = 0
    logprob: float = 0.0
    answered: bool = False
    refuted: FalseEquality | None = None
    revived: bool = False
    children: dict[tuple[str, str], Node] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """True where a next step may follow: the step ended at the separator (or this is a root)."""
        return self.finish in (None, Finish.STEP)

    @property
    def cut(self) -> bool:
        """True where a limit cut the step: it is neither finished nor can it be gone on from."""
        return self.finish is not None and self.finish.cut

    @property
    def finished(self) -> bool:
        return self.ended > 0

    @property
    def lost(self) -> bool:
        """The search does not go on from here: it was given up, or refuted."""
        return self.pruned or (self.refuted is not None and not self.revived)

    @property
    def sound(self) -> bool:
        """No step from the first one to here is known to be false."""
        return all(node.refuted is None for node in path_to(self))

    @property
    def steps(self) -> list[str]:
        """The step texts from the root to here."""
        return [node.text for node in path_to(self)]

    @property
    def scores(self) -> list[float | None]:
        """The PRM scores of `steps`."""
        return [node.score for node in path_to(self)]


def path_to(node: Node) -> list[Node]:
    """The steps from the root (left out) to `node`."""
    reverse = []
    at: Node | None = node
    while at is not None and at.parent is not None:
        reverse.append(at)
        at = at.parent
    return reverse[::-1]


def solution_text(node: Node) -> str:
    """The text of the solution that ends at `node`."""
    return "\n\n".join(node.steps)


def walk(root: Node) -> Iterator[Node]:
    """All steps under `root`, parents first."""
    stack = list(reversed(root.children.values()))
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children.values()))


def tips(root: Node) -> list[Node]:
    """Where unfinished paths under `root` stop: steps that were not given up and have nothing after them."""
    nodes = [node for node in walk(root) if not (node.lost or node.finished or node.answered)]
    return [node for node in nodes if all(child.lost for child in node.children.values())]


def score_of(steps: Sequence[float | None], how: Aggregate) -> float | None:
    """The score of a solution some of whose `steps` were not scored (None): by those that were.

    The minimum of a part is unknown, unless a step in doubt settles it.

    >>> score_of([0.9, None], "mean"), score_of([0.9, None], "min"), score_of([0.3, None], "min")
    (0.9, None, 0.3)
    """
    known = [score for score in steps if score is not None]
    if not known or (how == "min" and len(known) < len(steps) and min(known) >= DOUBT):
        return None
    return aggregate(known, how)


def ranked(candidates: Iterable[Node]) -> list[Node]:
    """Best first, by the score of the last step (PRM-last), ties by path. Steps without a score are left out."""
    scored = [(node.score, node) for node in candidates if node.score is not None]
    return [node for _, node in sorted(scored, key=lambda pair: (-pair[0], pair[1].path))]


def shares(budget: int, beam_width: int) -> list[int]:
    """How many children each kept node gets: ceil(N/M) nodes, N children in all, larger shares first.

    >>> shares(16, 4), shares(10, 4), shares(3, 4)
    ([4, 4, 4, 4], [4, 3, 3], [3])
    """
    return spread(budget, -(-budget // beam_width))


def spread(budget: int, nodes: int) -> list[int]:
    """`budget` children over `nodes` nodes as evenly as can be, larger shares first."""
    small, larger = divmod(budget, nodes)
    return [small + 1] * larger + [small] * (nodes - larger)
