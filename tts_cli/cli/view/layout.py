"""Which steps of a tree fit into a given number of lines, and where each goes. Pure, no drawing.

A chain of steps stands one below the other in one column; only where a shown step has several shown children
does a new column begin:

    ├─ 12 - 5 = 7
    │  4 * 7 = 28
    └─ 37 + 4 = 41

What is being written belongs to the tree as a step with a negative number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tts_cli.analysis.tree import TreeState, TreeStep
from tts_cli.search.events import StepUnderWay

Steps = Mapping[int, TreeStep]


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One step: `guide` is the drawing left of its text, `inner` that of its further lines; `above` counts hidden steps
    between it and its parent; `pruned` and `refuted` steps after it that are not shown."""

    step: TreeStep
    guide: str
    inner: str = ""
    above: int = 0
    pruned: int = 0
    refuted: int = 0

    @property
    def writing(self) -> bool:
        return self.step.number < 0


def with_under_way(state: TreeState, under_way: Iterable[StepUnderWay]) -> tuple[Steps, list[TreeStep]]:
    """All steps by number, with those that are being written; and where branches end now, in order of appearance."""
    written = [
        TreeStep(-place, one.parent, state.steps[one.parent].depth + 1, one.text, one.tokens, branches=[one.path[0]])
        for place, one in enumerate(under_way, start=1)
        if one.parent in state.steps
    ]
    parents = {step.parent for step in written}
    leaves = [leaf for leaf in state.leaves() if leaf.solution or leaf.number not in parents]
    return state.steps | {step.number: step for step in written}, leaves + written


def path_of(steps: Steps, number: int) -> list[TreeStep]:
    """From the first step to this one."""
    path = []
    while number:
        path.append(steps[number])
        number = steps[number].parent
    return path[::-1]


def rows(state: TreeState, limit: int, under_way: Iterable[StepUnderWay] = ()) -> tuple[list[TreeRow], int]:
    """The best branches as at most `limit` rows in tree order, and how many living branches are left out.

    Ends of branches and the steps where these part come first; then, while there is room, the steps on the way.
    """
    steps, found = with_under_way(state, under_way)
    siblings: Counter[int] = Counter()
    rank: dict[int, tuple[bool, int, float, int]] = {}
    for end in found:
        # Of those that are being written after one step the first stands by its parent's rank, the others come last.
        place = siblings[end.parent] if end.number < 0 else 0
        siblings[end.parent] += end.number < 0
        chosen = state.ended is not None and state.ended.step == end.number
        rank[end.number] = (not chosen, place, -_score(steps, end), abs(end.number))
    ends = sorted(rank, key=lambda number: rank[number])
    shown: set[int] = set()
    covered: set[int] = {0}  # on the way to a shown end
    hidden = 0
    for end_number in ends:
        fork = end_number
        while fork not in covered:
            fork = steps[fork].parent
        missing = {end_number, fork} - shown - {0}
        if len(shown) + len(missing) <= limit or (not shown and limit > 0):
            shown |= missing
            covered.update(step.number for step in path_of(steps, end_number))
        else:
            hidden += 1
    for end_number in ends:
        for step in reversed(path_of(steps, end_number) if end_number in shown else []):
            if len(shown) < limit:
                shown.add(step.number)
    return _arrange(steps, shown), hidden


def _score(steps: Steps, step: TreeStep) -> float:
    """A solution's score, else its step's; a step without one yet stands where its parent stood."""
    while step.number:
        score = step.solution_score if step.solution_score is not None else step.score
        if score is not None:
            return score
        step = steps[step.parent]
    return 0.0


def _arrange(steps: Steps, shown: set[int]) -> list[TreeRow]:
    """Depth first, without recursion: a chain may be as long as a search is deep."""
    children: dict[int, list[int]] = {}
    for number in sorted(shown, key=lambda number: (number < 0, abs(number))):
        children.setdefault(_shown_ancestor(steps, number, shown), []).append(number)
    out: list[TreeRow] = []
    stack = _branch(children.get(0, []), "")
    while stack:
        number, guide, inner = stack.pop()
        step = steps[number]
        above = step.depth - steps[_shown_ancestor(steps, number, shown)].depth - 1
        dead = [steps[child] for child in step.children if steps[child].dead]
        refuted = sum(child.refuted is not None for child in dead)
        out.append(TreeRow(step, guide, inner, above, len(dead) - refuted, refuted))
        stack += _branch(children.get(number, []), inner)
    return out


def _branch(numbers: Sequence[int], guide: str) -> list[tuple[int, str, str]]:
    """(step, its guide, its children's guide), last first as a stack wants them."""
    if len(numbers) == 1:
        return [(numbers[0], guide, guide)]
    out = [(number, guide + "├─ ", guide + "│  ") for number in numbers[:-1]]
    out += [(number, guide + "└─ ", guide + "   ") for number in numbers[-1:]]
    return out[::-1]


def _shown_ancestor(steps: Steps, number: int, shown: set[int]) -> int:
    number = steps[number].parent
    while number and number not in shown:
        number = steps[number].parent
    return number
