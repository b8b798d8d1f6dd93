"""Backlog: what a producer or publisher holds, and who waits for room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeVar

from ..errors import PosthornError

Item = TypeVar("Item")


class Backlog:
    """Counts bytes or messages up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: list[asyncio.Future[None]] = []
        self.held = 0

    @property
    def has_room(self) -> bool:
        return self.held < self._limit

    def add(self, amount: int) -> None:
        self.held += amount

    def remove(self, amount: int) -> None:
        self.held -= amount
        if self.has_room:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    async def ready(self) -> None:
        """Returns when there is room."""
        while not self.has_room:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future


class Tasks:
    """Tasks that run by themselves, kept alive while they do. An error in one is a bug, and is told as such."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, coroutine: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    async def ended(self) -> None:
        """Returns when all tasks have ended, whatever became of them."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))


def seen(future: asyncio.Future[Any]) -> None:
    """Says that nobody needs to hear of a failure, which was told elsewhere."""
    if not future.cancelled():
        future.exception()


def unexpected(cause: Exception) -> PosthornError:
    """Returns the error for a reply that is not as the contract says."""
    error = PosthornError("unexpected_reply", f"the reply cannot be read: {type(cause).__name__}: {cause}")
    error.__cause__ = cause
    return error


def unfinished(iterators: Iterable[AsyncIterator[Item]]) -> list[AsyncIterator[Item]]:
    """Returns the generators that have not ended: those are to be closed, and no others to be kept."""
    return [each for each in iterators if getattr(each, "ag_frame", None) is not None]
