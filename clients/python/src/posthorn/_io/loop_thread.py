"""Loop thread: the event loop of a sync client, in a thread of its own.

The sync client is the async one in this thread. Leases and memberships go on while the application works or waits, and each
decision is written once.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ..errors import PosthornError

Result = TypeVar("Result")

STOP_S_MAX = 5.0


class _Running:
    """The loop and its thread, which do not know who uses them."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=_run, args=(self.loop,), name="posthorn", daemon=True)
        self.pid = os.getpid()
        self.is_closed = False
        self.thread.start()

    def close(self) -> None:
        """Ends both. At the end of a program too: afterwards a call would wait for a thread that runs no more."""
        if self.is_closed:
            return
        self.is_closed = True
        if self.pid != os.getpid():
            return
        with suppress(RuntimeError):  # closed already
            self.loop.call_soon_threadsafe(self.loop.stop)
        if threading.current_thread() is not self.thread:
            self.thread.join(STOP_S_MAX)


class LoopThread:
    """Begins when it is first used, and ends with `close`, with the program, or when nobody holds it any more."""

    def __init__(self) -> None:
        self._running: _Running | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def is_current(self) -> bool:
        """Whether this runs in the thread: a call that waits here would wait for itself."""
        return self._running is not None and threading.current_thread() is self._running.thread

    @property
    def is_running(self) -> bool:
        """Whether it was begun, in this process, and not closed."""
        running = self._running
        return running is not None and not running.is_closed and running.pid == os.getpid()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Runs in the thread, and waits. If the wait is interrupted, by Ctrl-C for example, that is cancelled."""
        try:
            loop = self._started()
            self.check_may_wait()
        except BaseException:
            coroutine.close()
            raise
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError as ended:
            if self.is_running:
                raise
            raise PosthornError("closed", "the client is closed") from ended
        except BaseException:
            future.cancel()
            raise

    def submit(self, coroutine: Coroutine[Any, Any, Result]) -> concurrent.futures.Future[Result]:
        """Runs in the thread, and does not wait."""
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._started())
        except BaseException:
            coroutine.close()
            raise

    def post(self, callback: Callable[..., object], *args: Any) -> None:
        """Calls in the thread, soon."""
        self._started().call_soon_threadsafe(callback, *args)

    def check_may_wait(self) -> None:
        """Raises PosthornError `invalid_argument` in the thread itself."""
        if self.is_current:
            raise PosthornError(
                "invalid_argument",
                "a callback of the client cannot wait for the client; use another thread",
            )

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            running = self._running
        if running is not None:
            running.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        running = self._running
        if running is not None and not running.is_closed and running.pid == os.getpid():
            return running.loop
        with self._lock:
            if self._is_closed or (self._running is not None and self._running.is_closed):
                raise PosthornError("closed", "the client is closed")
            if self._running is None:
                self._running = _Running()
                weakref.finalize(self, self._running.close)
            elif self._running.pid != os.getpid():
                raise PosthornError("closed", "the process has forked since: make a new client in the child")
            return self._running.loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=STOP_S_MAX))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
