"""Coroutines that run beside each other within one search: `Task`, `start` and `gather`.

Only what a search may say; who runs the tasks, and when, is the driver's business (driver.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator, Sequence
from typing import Any, TypeVar

from tts_cli.protocols import Job

T = TypeVar("T")


class Task(Job[T]):
    """A coroutine under way beside the one that started it; `await task` waits for its result.

    An exception that escapes from a task ends the whole search (see Driver), never only its waiter.
    """

    __slots__ = ("coroutine",)

    def __init__(self, awaitable: Awaitable[T]) -> None:
        super().__init__()
        self.coroutine: Coroutine[Any, Any, T] = _as_coroutine(awaitable)


class Start:
    """What a coroutine yields to have tasks started; it goes on at once."""

    __slots__ = ("tasks",)

    def __init__(self, tasks: Sequence[Task[Any]]) -> None:
        self.tasks = tasks

    def __await__(self) -> Generator[Start, None, None]:
        yield self


def _as_coroutine(awaitable: Awaitable[T]) -> Coroutine[Any, Any, T]:
    return awaitable if isinstance(awaitable, Coroutine) else _wait(awaitable)


async def _wait(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def start(awaitable: Awaitable[T]) -> Task[T]:
    """Run `awaitable` beside the caller and return its task without waiting for it."""
    task = Task(awaitable)
    await Start([task])
    return task


async def gather(*awaitables: Awaitable[T]) -> list[T]:
    """Run all at the same time; their results in the order given."""
    tasks = [Task(awaitable) for awaitable in awaitables]
    await Start(tasks)
    return [await task for task in tasks]
