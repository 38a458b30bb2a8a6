"""What is known of a search from its events alone: the tree, the candidate solutions, the vote so far.

The one place where events become a tree: for the live view, the page, and what `tts explain` works out. Pure
bookkeeping, no drawing and no model. The vote here groups answers by their text; the record's vote, which is final,
groups them by equivalence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tts_cli.search.events import (
    Decided,
    Event,
    SearchEnded,
    SearchStarted,
    SolutionFinished,
    Spent,
    StepMerged,
    StepPruned,
    StepRefuted,
    StepSampled,
    StepScored,
    StepTooLong,
)


@dataclass(slots=True)
class TreeStep:
    """A node of the tree; number 0 is the problem. `copies`: how often its first sample counts; `branches`: the sample
    or tree that each of its samples belongs to (see StepSampled). `refuted`: what is false in it. `live_children`: that
    may still be extended."""

    number: int
    parent: int
    depth: int
    text: str = ""
    tokens: int = 0
    finish: str = ""
    copies: int = 1
    branches: list[int | None] = field(default_factory=list)
    score: float | None = None
    children: list[int] = field(default_factory=list)
    pruned: bool = False
    refuted: StepRefuted | None = None
    solution: bool = False
    answer: str | None = None
    solution_score: float | None = None
    live_children: int = 0
    dead: bool = False

    @property
    def count(self) -> int:
        """How many samples came out as this step."""
        return self.copies + len(self.branches) - 1

    @property
    def finished(self) -> bool:
        """The solution ended here."""
        return self.finish in ("boxed", "eos")


@dataclass(frozen=True, slots=True)
class Tally:
    """One answer so far: how many solutions gave it, their scores summed, and the best of them."""

    answer: str
    count: int
    weight: float
    best: float


class TreeState:
    """The tree after events, which `apply` takes in order. Raises ValueError where one names a step that is not there.

    >>> from tts_cli.search.events import SolutionFinished, StepSampled
    >>> tree = TreeState([StepSampled(1, 0, "3 + 4 = 7", 5, "eos"), SolutionFinished(1, "7", 0.9)])
    >>> [step.text for step in tree.path(1)], tree.tally("majority")[0].answer
    (['3 + 4 = 7'], '7')
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.started: SearchStarted | None = None
        self.decided: Decided | None = None
        self.ended: SearchEnded | None = None
        self.spent = Spent(0, 0, 0)
        self.steps: dict[int, TreeStep] = {0: TreeStep(0, 0, 0)}
        self.solutions: list[int] = []
        self.pruned = 0
        self.refuted: list[StepRefuted] = []
        self.too_long: list[int] = []
        self.sampled_tokens = 0
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        match event:
            case SearchStarted():
                self.started = event
            case StepSampled():
                self._add(event)
            case StepScored(step, score):
                self.step(step).score = score
            case StepTooLong(step):
                self.too_long.append(self.step(step).number)
            case StepPruned(step):
                self._prune(self.step(step))
            case StepRefuted():
                self._refute(event)
            case StepMerged(step, branch):
                self.step(step).branches.append(branch)
            case SolutionFinished():
                self._finish(event)
            case Decided():
                self.decided = _after(self.decided, event)
            case Spent():
                self.spent = event
            case SearchEnded():
                if event.step is not None:
                    self.step(event.step)
                self.ended = event

    @property
    def sampled(self) -> list[TreeStep]:
        """All steps, in the order in which they were sampled."""
        return [step for step in self.steps.values() if step.number]

    def step(self, number: int) -> TreeStep:
        try:
            return self.steps[number]
        except KeyError:
            raise ValueError(f"there is no step {number}") from None

    def path(self, number: int) -> list[TreeStep]:
        """The steps from the first one to this one; the root is left out."""
        steps = []
        while number:
            step = self.step(number)
            steps.append(step)
            number = step.parent
        return steps[::-1]

    def leaves(self) -> list[TreeStep]:
        """Where the living branches end now, and every solution, in order of appearance."""
        return [step for step in self.sampled if not step.dead and (step.solution or not step.live_children)]

    @property
    def finished(self) -> int:
        """Finished solutions as sampled: identical ones count each."""
        return sum(self.steps[number].count for number in self.solutions)

    @property
    def sampled_so_far(self) -> int:
        """Tokens that the policy has sampled, those of unfinished steps too where they were reported."""
        return max(self.spent.policy_tokens, self.sampled_tokens)

    def chosen(self) -> list[TreeStep]:
        """The chosen solution's steps; empty where there is none."""
        return self.path(self.ended.step) if self.ended and self.ended.step else []

    def tally(self, select: str) -> list[Tally]:
        """The answers so far, best first by `select` (weighted, max or majority; by count without scores)."""
        groups: dict[str, list[TreeStep]] = {}
        for number in self.solutions:
            step = self.steps[number]
            if step.answer is not None:
                groups.setdefault(" ".join(step.answer.split()), []).append(step)
        tallies = [_tally(answer, steps) for answer, steps in groups.items()]
        order = {"weighted": lambda t: (t.weight, t.count), "max": lambda t: (t.best, t.count)}
        return sorted(tallies, key=order.get(select, lambda t: (t.count, t.weight)), reverse=True)

    def _add(self, event: StepSampled) -> None:
        parent = self.step(event.parent)
        if event.step in self.steps or event.count < 1:
            raise ValueError(f"step {event.step} comes twice or has no sample")
        step = TreeStep(
            event.step, parent.number, parent.depth + 1, event.text, event.tokens, event.finish, event.count
        )
        step.branches.append(event.branch)
        self.steps[event.step] = step
        parent.children.append(event.step)
        self.sampled_tokens += event.tokens * event.count
        self._gain_child(parent)

    def _gain_child(self, parent: TreeStep) -> None:
        """A refilled parent comes back to life, and so may its ancestors."""
        parent.live_children += 1
        if parent.dead and not parent.pruned and parent.number:
            parent.dead = False
            self._gain_child(self.steps[parent.parent])

    def _prune(self, step: TreeStep) -> None:
        if step.pruned or not step.number:
            return
        step.pruned = True
        self.pruned += 1
        self._die(step)

    def _refute(self, event: StepRefuted) -> None:
        """It dies alone: its parent lives on, as another step is drawn there or the search goes on from this one."""
        step = self.step(event.step)
        self.refuted.append(event)
        step.refuted = event
        if not step.dead:
            step.dead = True
            self.steps[step.parent].live_children -= 1

    def _die(self, step: TreeStep) -> None:
        """A step dies when it is pruned or its last living child does; a solution stays."""
        while step.number and not step.dead and not step.solution:
            step.dead = True
            step = self.steps[step.parent]
            step.live_children -= 1
            if step.live_children:
                return

    def _finish(self, event: SolutionFinished) -> None:
        step = self.step(event.step)
        step.answer, step.solution_score = event.answer, event.score
        if not step.solution:
            step.solution = True
            self.solutions.append(event.step)
        if step.dead:  # a solution lives, whatever was given up before it finished
            step.dead = False
            self._gain_child(self.steps[step.parent])


def _after(before: Decided | None, now: Decided) -> Decided:
    """A later decision has no difficulty: that of the first one stands."""
    return now if before is None else replace(now, difficulty=now.difficulty or before.difficulty)


def _tally(answer: str, steps: list[TreeStep]) -> Tally:
    count = sum(step.count for step in steps)
    scores = [(step.solution_score or 0.0, step.count) for step in steps]
    return Tally(answer, count, sum(s * n for s, n in scores), max(s for s, _ in scores))
