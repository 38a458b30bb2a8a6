"""Problems as training trees: a solution to imitate (policy), or steps to judge with near misses (PRM)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from training.packing import Tree
from training.problems import Problem, generate
from training.problems.corrupt import near_misses
from training.problems.problem import ended_at_box
from training.samples import Sample
from training.tokenizer import END, PROBLEM, SOLUTION, Tokenizer


def policy_trees(tokenizer: Tokenizer, seed: int, count: int) -> Iterator[Tree]:
    """`<|problem|>…<|solution|>steps<|end|>`; the loss is on what follows `<|solution|>`."""
    stream = generate(seed, split="train")
    for _ in range(count):
        problem = next(stream)
        question = _question(tokenizer, problem)
        solution = [*tokenizer.encode(problem.solution), tokenizer.special(END)]
        tree = Tree()
        tree.extend(question, 0, branch=0, learn=False)
        tree.targets[-1] = solution[0]
        tree.extend(solution, len(question), branch=0, learn=True)
        yield tree


def _question(tokenizer: Tokenizer, problem: Problem) -> list[int]:
    return [tokenizer.special(PROBLEM), *tokenizer.encode(problem.problem), tokenizer.special(SOLUTION)]


def judged_tree(tokenizer: Tokenizer, problem: Problem, steps: Sequence[str], verdicts: Sequence[bool]) -> Tree:
    """A solution with a verdict after each step."""
    tree = Tree()
    tree.extend(_question(tokenizer, problem), 0, branch=0, learn=False)
    for step, verdict in zip(steps, verdicts, strict=True):
        _append(tree, tokenizer, step, len(tree), branch=0, right=verdict)
    return tree


def sampled_tree(tokenizer: Tokenizer, group: Sequence[Sample]) -> Tree:
    """The policy's samples of one problem, each a branch that forks where the problem ends."""
    tree = Tree()
    question = _question(tokenizer, group[0].problem)
    tree.extend(question, 0, branch=0, learn=False)
    for branch, sample in enumerate(group, 1):
        start = len(tree)
        for step, verdict in zip(sample.steps, sample.verdicts, strict=True):
            _append(tree, tokenizer, step, len(question) + len(tree) - start, branch=branch, right=verdict)
        tree.fork[start:] = [len(question)] * (len(tree) - start)
    return tree


def _append(
    tree: Tree, tokenizer: Tokenizer, step: str, at: int, *, branch: int, right: bool, instead_of: str | None = None
) -> None:
    """A step and its verdict. `instead_of`: the right step that this one is a near miss of, which tells from which
    token on it is wrong."""
    tokens = step_tokens(tokenizer, step)
    tree.extend(tokens, at, branch=branch, learn=right, verdict=int(right))
    start = len(tree) - len(tokens)
    if right:
        tree.sound[start:], tree.slip[start:] = [1] * len(tokens), [0] * len(tokens)
    elif instead_of is not None:
        same = _shared(tokens, step_tokens(tokenizer, instead_of))
        tree.sound[start:] = [1] * same + [0] * (len(tokens) - same)
        if same < len(tokens):
            tree.slip[start : start + same + 1] = [0] * same + [1]


def step_tokens(tokenizer: Tokenizer, step: str) -> list[int]:
    """A step and the blank line after it, where its verdict stands."""
    return tokenizer.encode(ended_at_box(step) + "\n\n")


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def contrast_trees(tokenizer: Tokenizer, seed: int, count: int, misses: int = 3) -> Iterator[Tree]:
    """The right solution as the trunk; at every step `misses` near misses branch off, one of them (at random)
    followed by the steps after it, all wrong from there."""
    random, stream = Random(f"contrast {seed}"), generate(seed, split="train")
    for _ in range(count):
        problem = next(stream)
        tree = judged_tree(tokenizer, problem, problem.steps, [True] * len(problem.steps))
        add_near_misses(tree, tokenizer, problem, random, misses)
        yield tree


def add_near_misses(tree: Tree, tokenizer: Tokenizer, problem: Problem, random: Random, misses: int) -> None:
    """Branch near misses off a trunk that is the right solution."""
    at = len(_question(tokenizer, problem))
    carried = random.randrange(len(problem.steps))
    branch = 0
    for i, step in enumerate(problem.steps):
        for miss in near_misses(problem, i, random, misses):
            branch += 1
            fork, start = at, len(tree)
            _append(tree, tokenizer, miss, fork, branch=branch, right=False, instead_of=step)
            if i == carried:
                carried = -1
                for later in problem.steps[i + 1 : i + 3]:
                    _append(tree, tokenizer, later, fork + len(tree) - start, branch=branch, right=False)
                    tree.sound[-len(step_tokens(tokenizer, later)) :] = [0] * len(step_tokens(tokenizer, later))
            tree.fork[start:] = [fork] * (len(tree) - start)
        at += len(step_tokens(tokenizer, step))
