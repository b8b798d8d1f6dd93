"""Inbox: what other threads hand to the event loop, in order, with one wake-up for many."""

from __future__ import annotations

import concurrent.futures
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from ..errors import PosthornError
from .loop_thread import LoopThread

Item = TypeVar("Item")
Result = TypeVar("Result")


class Inbox(Generic[Item]):
    def __init__(
        self,
        thread: LoopThread,
        accept: Callable[[Item], None],
        refuse: Callable[[Item, PosthornError], None],
        size_of: Callable[[Item], int],
        has_room: Callable[[int, int], bool],
        ready: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """`has_room` gets the items and bytes that are here; `ready` waits for room where they go."""
        self._thread = thread
        self._accept = accept
        self._refuse = refuse
        self._size_of = size_of
        self._has_room = has_room
        self._ready = ready
        self._lock = threading.Lock()
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._is_closed = False

    def put(self, item: Item) -> None:
        """Hands over. Waits while there is no room, except in callbacks of the client, which could wait for ever."""
        while not self._has_room(len(self._items), self._bytes) and not self._thread.is_current:
            self.wait_for_room()
        with self._lock:
            is_first = not self._items
            self._items.append(item)
            self._bytes += self._size_of(item)
        if is_first:
            self._thread.post(self._drain)

    def wait_for_room(self) -> None:
        self._thread.run(self._drain_and_wait())

    async def _drain_and_wait(self) -> None:
        self._drain()
        await self._ready()

    async def drained(self) -> None:
        """Hands over what is here."""
        self._drain()

    def _drain(self) -> None:
        with self._lock:
            items, self._items = self._items, deque()
            self._bytes = 0
        for item in items:
            try:
                self._accept(item)
            except PosthornError as error:
                self._refuse(item, error)


def running_future() -> concurrent.futures.Future[Any]:
    """Returns a future that cannot be cancelled: what it stands for is on its way."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()
    return future
