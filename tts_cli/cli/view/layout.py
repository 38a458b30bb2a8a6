"""Which steps of a tree fit into a given number of lines, and where each goes. Pure, no drawing.

A chain of steps stands one below the other in one column; only where a shown step has several shown children
does a new column begin:

    ├─ 12 - 5 = 7
    │  4 * 7 = 28
    └─ 37 + 4 = 41
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_cli.analysis.tree import TreeState, TreeStep


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One line: `guide` is the drawing left of the text; `above` counts hidden steps between it and its parent."""

    step: TreeStep
    guide: str
    above: int = 0
    pruned: int = 0


def rows(state: TreeState, limit: int) -> tuple[list[TreeRow], int]:
    """The best branches as at most `limit` rows in tree order, and how many living branches are left out."""
    leaves = sorted(state.leaves(), key=lambda leaf: _rank(state, leaf))
    shown: set[int] = set()
    hidden = 0
    for leaf in leaves:
        missing = [step.number for step in state.path(leaf.number) if step.number not in shown]
        if len(shown) + len(missing) <= limit:
            shown.update(missing)
        elif not shown:
            shown.update(missing[-limit:] if limit > 0 else [])
        else:
            hidden += 1
    return _arrange(state, shown), hidden


def _rank(state: TreeState, leaf: TreeStep) -> tuple[bool, float, int]:
    """Smaller is better: the chosen solution, then high scores, then early ones."""
    chosen = state.ended is not None and state.ended.step == leaf.number
    return (not chosen, -_score(state, leaf), leaf.number)


def _score(state: TreeState, step: TreeStep) -> float:
    """A solution's score, else its step's; a step without one yet stands where its parent stood."""
    while step.number:
        score = step.solution_score if step.solution_score is not None else step.score
        if score is not None:
            return score
        step = state.steps[step.parent]
    return 0.0


def _arrange(state: TreeState, shown: set[int]) -> list[TreeRow]:
    """Depth first, without recursion: a chain may be as long as a search is deep."""
    children: dict[int, list[int]] = {}
    for number in sorted(shown):
        children.setdefault(_shown_ancestor(state, number, shown), []).append(number)
    out: list[TreeRow] = []
    stack = _branch(children.get(0, []), "")
    while stack:
        number, guide, inner = stack.pop()
        step = state.steps[number]
        above = step.depth - state.steps[_shown_ancestor(state, number, shown)].depth - 1
        pruned = sum(state.steps[child].dead for child in step.children)
        out.append(TreeRow(step, guide, above, pruned))
        stack += _branch(children.get(number, []), inner)
    return out


def _branch(numbers: Sequence[int], guide: str) -> list[tuple[int, str, str]]:
    """(step, its guide, its children's guide), last first as a stack wants them."""
    if len(numbers) == 1:
        return [(numbers[0], guide, guide)]
    out = [(number, guide + "├─ ", guide + "│  ") for number in numbers[:-1]]
    out += [(number, guide + "└─ ", guide + "   ") for number in numbers[-1:]]
    return out[::-1]


def _shown_ancestor(state: TreeState, number: int, shown: set[int]) -> int:
    number = state.steps[number].parent
    while number and number not in shown:
        number = state.steps[number].parent
    return number
