"""Hands the results of engine jobs on to the jobs that searches await, in a search's own terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tts_cli.protocols import Job

S = TypeVar("S")
T = TypeVar("T")


class Task(Generic[S, T]):
    """One engine job, all who wait for it, what its result means, and what to do if there will be none."""

    __slots__ = ("give_up", "inner", "read", "waiting")

    def __init__(self, inner: Job[S], read: Callable[[S], T], give_up: Callable[[], None]) -> None:
        self.inner = inner
        self.read = read
        self.give_up = give_up
        self.waiting: list[Job[T]] = []

    @property
    def alive(self) -> bool:
        """False once it has ended, or nobody waits for it any more."""
        return bool(self.waiting) and not self.inner.done

    def join(self) -> Job[T]:
        """One more job that ends when the engine's does."""
        job: Job[T] = Job()
        self.waiting.append(job)
        return job

    def settle(self) -> None:
        """Resolve or fail all who wait; the engine's job has ended."""
        if self.inner.error is not None:
            self.give_up()
            for job in self.waiting:
                job.fail(self.inner.error)
            return
        result = self.read(self.inner.result())
        for job in self.waiting:
            job.resolve(result)


class Relay:
    """The tasks under way, oldest first."""

    def __init__(self) -> None:
        self._tasks: list[Task[Any, Any]] = []

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def add(self, task: Task[S, T]) -> Task[S, T]:
        self._tasks.append(task)
        return task

    def settle(self) -> None:
        """End the jobs of every task whose engine job has ended."""
        ended = [task for task in self._tasks if task.inner.done]
        self._tasks = [task for task in self._tasks if not task.inner.done]
        for task in ended:
            task.settle()

    def leave(self, job: Job[Any]) -> Task[Any, Any] | None:
        """Take `job` out of its task. Returns the task when nobody waits for it any more."""
        task = next((task for task in self._tasks if job in task.waiting), None)
        if task is None:
            return None
        task.waiting.remove(job)
        if task.waiting:
            return None
        self._tasks.remove(task)
        task.give_up()
        return task
