"""Iterating: an async iterator of the loop thread, for a loop in another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Generic, TypeVar

from ..errors import PosthornError
from .backlog import seen
from .loop_thread import LoopThread

Item = TypeVar("Item")


class _End:
    """Says that there are no more."""


class Iterating(Generic[Item]):
    """A task of the loop thread asks for each item, so that closing ends what is asked for."""

    def __init__(self, thread: LoopThread, make: Callable[[], AsyncIterator[Item]]) -> None:
        self._thread = thread
        self._make = make
        self._iterator: AsyncIterator[Item] | None = None
        self._asking: asyncio.Task[Item | _End] | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    def next(self) -> Item | _End:
        return self._thread.run(self._next())

    def close(self) -> None:
        """Ends a loop that waits, and frees what it holds. May be called twice, and by any thread."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        try:
            if self._thread.is_current:  # a loop that was left may be collected there
                self._thread.submit(self._close())
            else:
                self._thread.run(self._close())
        except PosthornError:
            pass  # the client is closed, and with it all of this

    def _has_ended(self) -> bool:
        return self._is_closed

    async def _next(self) -> Item | _End:
        if self._has_ended():
            return _End()
        self._asking = asyncio.ensure_future(self._ask())
        try:
            return await asyncio.shield(self._asking)
        except asyncio.CancelledError:
            if self._has_ended():
                return _End()
            self._asking.cancel()
            raise

    async def _ask(self) -> Item | _End:
        if self._iterator is None:
            self._iterator = self._make()
        try:
            return await self._iterator.__anext__()
        except StopAsyncIteration:
            return _End()

    async def _close(self) -> None:
        if self._asking is not None and not self._asking.done():
            self._asking.cancel()
            self._asking.add_done_callback(seen)
            await asyncio.wait([self._asking])
        if self._iterator is not None:
            await self._iterator.aclose()  # type: ignore[attr-defined]


def iterate(thread: LoopThread, make: Callable[[], AsyncIterator[Item]], open: list[Iterating[Item]]) -> Iterator[Item]:
    """Iterates in this thread. `open` names what can be closed from outside."""
    iterating = Iterating(thread, make)
    open.append(iterating)
    try:
        while True:
            item = iterating.next()
            if isinstance(item, _End):
                return
            yield item
    finally:
        open.remove(iterating)
        iterating.close()
