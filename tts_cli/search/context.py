"""`Search`: all that a method may do to one problem's tree of steps. It asks the policy here, the PRM in scoring.py.

Which steps to try, keep and prune is the method's decision; here steps are numbered, their random streams named, equal
siblings merged, and the listener is kept informed.

What one sample of a step goes through (`draw`):

1. The policy samples a step after the node's prefix, from the random stream that `path` names.
2. An empty step is no step: where it ended with EOS the solution ended at the node itself, else it came to nothing
   and may be drawn anew (`extend`, `expand`).
3. A step that a sibling has already, and that ended alike, is that sibling: one node, with one more to its `count`.
4. Any other becomes a node. A cut step is one too, but is neither scored, nor gone on from, nor a solution.
5. Nor is a step that states a false equality: the calculator *refutes* it, and it may be drawn anew as an empty one may
   (refuted.py). Not where a limit cut it, perhaps in the middle of a number, nor after an answer: "Check: 3 + 4 = 8,
   no" is a remark, and takes nothing from the answer before it. Where all is refuted, see revival.py.
6. A step that holds the answer is followed by the rest of the turn at once: by as many further steps as the policy
   writes there, from the streams that the sample would have next. Methods see only the last one, a finished candidate,
   as if the turn ended with its answer: no slot goes to a last remark, and none is expanded into many.
7. `score` has the PRM score it after the steps before it, once. `finish` makes a finished path a `Solution`.

Who holds what. A node holds the policy's prefix up to its step (`node.prefix`) while something may be drawn after it,
and the PRM's (`node.reward`) while something may be scored after it. Each is released once, as early as can be:

- of a step that nothing can come after (finished or cut): at once;
- of a step that was expanded: the policy's, when its children are there (`expand`);
- of a step on the way of independent samples, or of one after whose answer the turn went on: the policy's, when the
  last of them has passed (`visitors`, `leave`); of a refuted one, when something better was drawn in its place;
- of a step that is given up, and of all below it (`prune`);
- of the rest, and of the problem's prompt, which all roots share: when the search is over (`close`). Best-first search
  leaves its steps for then: it may go on from any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tts_cli.answers import How
from tts_cli.answers.false_equality import Refute, never
from tts_cli.protocols import (
    Backend,
    Draw,
    Job,
    Policy,
    Prefix,
    PromptTokens,
    RewardModel,
    SampledStep,
    SampleKey,
    Sampling,
    Usage,
)
from tts_cli.search import events
from tts_cli.search.driver import Task, gather
from tts_cli.search.refuted import Parked, RefutedSteps
from tts_cli.search.scoring import ScoredSteps
from tts_cli.search.tree import Node, walk

T = TypeVar("T")

EMPTY_DRAWS = 4
"""How often a sample draws a step that is empty or refuted before it counts as a dead end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_steps`: depth cap. `max_tokens`: sampled tokens of one whole solution."""

    max_steps: int = 40
    max_tokens: int = 2048


@dataclass(frozen=True, slots=True)
class Solution:
    """A finished path: its last step, the answer in its text and how it was found, the aggregate of its step scores."""

    node: Node
    answer: str | None
    score: float | None
    how: How | None = None


Conclude = Callable[[Node], Solution]
"""Extracts the answer and aggregates the step scores of the path to a node."""


class Search:
    """One problem's search.

    `conclude` extracts the answer of a finished path. `copies`: every sample counts that often (at temperature 0 all
    are equal). `begun`: samples that each go their way to the end; none in a search that keeps the best of several
    steps. `solutions`: the finished paths, by their last step. `draws`: all that was sampled, by path; with the scores
    in the tree that is all it takes to run the search again. `refute`: finds a false equality in a step; `refuted`: the
    steps where it did. `jobs`: those under way (under_way.py reads them).
    """

    def __init__(
        self,
        problem: str,
        *,
        id: str,
        policy: Policy,
        prm: RewardModel | None,
        conclude: Conclude,
        seed: int,
        sampling: Sampling,
        limits: Limits,
        listener: Callable[[events.Event], None] = lambda event: None,
        copies: int = 1,
        refute: Refute = never,
    ) -> None:
        self.problem, self.id, self.seed = problem, id, seed
        self.sampling, self.limits, self.copies = sampling, limits, copies
        self.begun = 0
        self.solutions: dict[Node, Solution] = {}
        self.draws: dict[tuple[int, ...], Draw] = {}
        self.prompt_tokens = PromptTokens(0)
        self._policy, self._conclude, self.emit = policy, conclude, listener
        self._numbers = 0
        self.jobs: dict[Job[Any], tuple[Backend, Node, tuple[int, ...]]] = {}
        self._scores = ScoredSteps(prm, self._wait, listener)
        self.policy_usage, self.prm_usage = Usage(), self._scores.usage
        self.refuted = RefutedSteps(refute, self.leave)
        self.root = _root(())
        self.roots: list[Node] = [self.root]

    def open(self) -> None:
        """Give the problem to the models; before anything else. Raises PromptTooLong."""
        self.root.prefix = self._policy.start(self.problem, self.policy_usage)
        self._scores.open(self.problem, self.root)
        prm = self.root.reward.length if self.root.reward is not None else None
        self.prompt_tokens = PromptTokens(self.root.prefix.length, prm)

    def stream(self, *index: int) -> Node:
        """A further root: what is drawn under it is independent of other roots' steps, and never merged with them."""
        root = _root((*self.root.path, *index))
        root.prefix, root.reward = self.root.prefix, self.root.reward
        self.roots.append(root)
        return root

    def start_anew(self, *index: int) -> None:
        """Make a further root `root`: what a method draws from now on repeats no sample of those before it."""
        self.root = self.stream(*index)

    def nodes(self) -> list[Node]:
        """All steps so far."""
        return [node for root in self.roots for node in walk(root)]

    def has_room(self, node: Node) -> bool:
        """True where one more step is within the limits."""
        limits = self.limits
        return node.depth < limits.max_steps and node.solution_tokens < limits.max_tokens

    # Sampling

    async def draw(
        self,
        node: Node,
        path: tuple[int, ...],
        *,
        after: tuple[int, ...] | None = None,
        counts: bool = True,
        greedy: bool = False,
    ) -> Node | None:
        """Sample one step after `node` from the random stream `path`; `greedy`: its likeliest tokens instead.

        The rest of a turn has the streams (*after, 0), (*after, 0, 0), ...; `after` is `path` unless given.

        Returns the child, which an identical earlier sample may have made, or where it holds the answer the last step
        of its turn; `node` itself where the solution ended there (no text, then EOS); None for a step that is empty or
        refuted. With `counts` false a repetition of an earlier sample is as if never drawn. Raises ValueError where no
        step can follow `node`.
        """
        if node.prefix is None or not self.has_room(node):
            raise ValueError("this step cannot be gone on from")
        sampled = await self._sample(node.prefix, node, path, greedy)
        if not sampled.text.strip():
            self._policy.release(sampled.prefix)
            if node.parent is None or not sampled.finish.finished:
                return None
            node.ended += self.copies
            return node
        place = path if after is None else after
        child, votes = self._child(node, path, sampled, counts, again=place in self.refuted.parked)
        if self.refuted.refuse(place, Parked(child, votes, greedy), sampled.tokens):
            return None
        if child.answered and child.open:
            return await self.rest_of_turn(child, place, votes, counts, greedy)
        return child

    async def _sample(self, prefix: Prefix, node: Node, path: tuple[int, ...], greedy: bool) -> SampledStep:
        tokens = min(self.sampling.max_step_tokens, self.limits.max_tokens - node.solution_tokens)
        key = SampleKey(self.seed, self.problem, path)
        temperature = 0.0 if greedy else self.sampling.temperature
        sampling = replace(self.sampling, temperature=temperature, max_step_tokens=tokens)
        sampled = await self._wait(self._policy, self._policy.sample(prefix, key, sampling), node, path)
        self.draws[path] = Draw(sampled.text, sampled.tokens, sampled.finish, sampled.logprob, sampled.answered)
        return sampled

    async def rest_of_turn(self, node: Node, path: tuple[int, ...], votes: int, counts: bool, greedy: bool) -> Node:
        """Go on from an answer until the turn ends or a limit is reached; the last step with text, where it ended.

        `votes`: how often the sample counts. They stay with the step that has been reached, so that a search which is
        stopped meanwhile has the answer.
        """
        while node.open:
            node.ended += votes
            prefix, path = node.prefix, (*path, 0)
            if prefix is None or not self.has_room(node):
                self.leave(node)
                return node
            sampled = await self._sample(prefix, node, path, greedy)
            if not sampled.text.strip() or sampled.finish.cut:  # nothing more, or nothing whole
                self._policy.release(sampled.prefix)
                self.leave(node)
                return node
            node.ended -= votes
            child, votes = self._child(node, path, sampled, counts)
            self.leave(node)
            node = child
        return node

    async def extend(self, node: Node, path: tuple[int, ...], *, greedy: bool = False) -> Node | None:
        """`draw` for one independent sample: anew while the step is empty or refuted; returns None at a dead end.

        A greedy step is drawn anew where it is refuted, from its random stream.
        """
        place = (*path, 0)
        for number in range(EMPTY_DRAWS):
            random = not greedy or place in self.refuted.parked
            child = await self.draw(node, (*path, number), after=place, greedy=not random)
            likeliest = self.sampling.temperature == 0 or (greedy and place not in self.refuted.parked)
            if child is not None or likeliest:  # what is likeliest is so again
                break
        self.refuted.settle([place], keep=int(child is None), replaced=number)
        return child

    async def expand(self, node: Node, n: int) -> list[Node]:
        """Take `n` samples after `node` and return the distinct children, in order of their child indexes.

        Repeated, empty and refuted samples are replaced by drawing further child indexes: n/4 at a time, at most `n`,
        and no more once a round brings nothing new. A repetition among those adds no vote, so that siblings
        together weigh about as much as `n` samples. `node` itself is in the result where samples ended there.
        """
        found: dict[Node, None] = {}
        drawn, width = 0, n
        while width > 0:
            before, indexes = len(found), range(drawn, drawn + width)
            draws = [self.draw(node, (*node.path, index), counts=drawn == 0) for index in indexes]
            found.update((child, None) for child in await gather(*draws) if child is not None)
            drawn += width
            exhausted = self.sampling.temperature == 0 or (found and drawn > n and len(found) == before)
            width = 0 if exhausted else min(max(1, n // 4), n - len(found), 2 * n - drawn)
        self.refuted.settle([(*node.path, i) for i in range(drawn)], keep=0 if found else n, replaced=drawn - n)
        self.release(node)
        return [child for child in found if child.ended or not child.answered]  # else a repetition alone ended there

    def _child(
        self, node: Node, path: tuple[int, ...], sampled: SampledStep, counts: bool, again: bool = False
    ) -> tuple[Node, int]:
        """The step as a node, and how often this sample counts. `again`: it is drawn in place of a refuted one."""
        # Siblings of one text that ended differently are different: one is a solution, the other goes on.
        key = (sampled.text, "finished" if sampled.finish.finished else "cut" if sampled.finish.cut else "open")
        child, votes = node.children.get(key), self.copies
        if child is None:
            child = node.children[key] = self._new(node, path, sampled)
            child.ended *= not (again and child.refuted)  # of a sample its first slip counts
        else:
            counts = counts and not (again and child.refuted)
            self._merge(child, path, sampled, counts)
            votes = int(counts)
        if child.open:
            child.visitors += 1
        else:
            self.release(child)
        return child, votes

    def _new(self, node: Node, path: tuple[int, ...], sampled: SampledStep) -> Node:
        self._numbers += 1
        finish = sampled.finish
        child = Node(
            number=self._numbers,
            parent=node,
            text=sampled.text,
            tokens=sampled.tokens,
            finish=finish,
            path=path,
            prefix=sampled.prefix,
            count=self.copies,
            ended=self.copies if finish.finished else 0,
            depth=node.depth + 1,
            solution_tokens=node.solution_tokens + sampled.tokens,
            logprob=sampled.logprob,
            answered=sampled.answered or node.answered,
            refuted=None if finish.cut or node.answered else self.refuted.look(sampled.text),
        )
        child.revived = child.refuted is not None and self.refuted.forgiven
        self.emit(
            events.StepSampled(
                child.number, node.number, child.text, child.tokens, finish.value, self.copies, branch=path[0]
            )
        )
        if child.refuted is not None:
            self.emit(events.StepRefuted(child.number, child.refuted.text, child.refuted.value))
        return child

    def _merge(self, child: Node, path: tuple[int, ...], sampled: SampledStep, counts: bool) -> None:
        child.path = min(child.path, path)  # which sample was there first depends on what shared its batch
        child.logprob = max(child.logprob, sampled.logprob)  # equal text may be of other tokens
        if counts:
            child.count += 1
            child.ended += 1 if child.finish is not None and child.finish.finished else 0
            self.emit(events.StepMerged(child.number, branch=path[0]))
        if child.open and child.prefix is None and not child.pruned:
            child.prefix = sampled.prefix  # earlier samples have passed and released theirs; this one goes on
        else:
            self._policy.release(sampled.prefix)

    # Scoring

    async def score(self, nodes: Iterable[Node]) -> None:
        """Score steps (once each, those on the way to them too) and wait for it.

        A cut step gets no score, nor does one that the PRM's context has no room for.
        """
        await self._scores.score(nodes)

    async def score_soon(self, node: Node) -> Task[None]:
        """Like `score` for one step, without waiting: the search goes on while the PRM works."""
        return await self._scores.score_soon(node)

    # Keeping and leaving

    def finish(self, node: Node) -> None:
        """Register the path to `node` as a candidate solution, or anew where its score has become known.

        Nothing unless a sample ended there.
        """
        solution = self._conclude(node) if node.finished else None
        if solution is not None and self.solutions.get(node) != solution:
            self.solutions[node] = solution
            self.emit(events.SolutionFinished(node.number, solution.answer, solution.score))
            if not node.open:
                self._scores.release(node)

    def finish_rest(self) -> None:
        """After a search was stopped: register the complete solutions, not given up, that it had yet to register."""
        for node in self.nodes():
            if not node.lost:
                self.finish(node)

    def prune(self, node: Node) -> None:
        """Give up the subtree at `node`; solutions in it stay."""
        node.pruned = True
        self.emit(events.StepPruned(node.number))
        for lost in (node, *walk(node)):
            self.release(lost)
            self._scores.release(lost)

    def leave(self, node: Node) -> None:
        """One sample has gone on from (or ended at) `node`; the last one to do so releases its prefix."""
        node.visitors -= 1
        if node.visitors == 0:
            self.release(node)

    def release(self, node: Node) -> None:
        """Nothing more will be drawn after `node` (roots stay until the search is closed)."""
        if node.prefix is not None and node.parent is not None:
            self._policy.release(node.prefix)
            node.prefix = None

    def close(self) -> None:
        """Cancel all jobs under way and release every prefix. The tree and the solutions stay."""
        for job, (backend, *_) in self.jobs.items():
            backend.cancel(job)
        self.jobs.clear()
        for node in reversed(self.nodes()):
            self.release(node)
            self._scores.release(node)
        if self.root.prefix is not None:
            self._policy.release(self.root.prefix)
        self._scores.release(self.root)
        for root in self.roots:
            root.prefix = root.reward = None

    async def gather(self, *coroutines: Coroutine[Any, Any, T]) -> list[T]:
        """Run all at the same time; their results in the order given."""
        return await gather(*coroutines)

    async def _wait(self, backend: Backend, job: Job[T], node: Node, path: tuple[int, ...] = ()) -> T:
        self.jobs[job] = backend, node, path
        result = await job
        del self.jobs[job]
        return result


def _root(path: tuple[int, ...]) -> Node:
    return Node(number=0, parent=None, text="", tokens=0, finish=None, path=path)
