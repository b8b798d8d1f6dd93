"""Dispatching: passes records to the handler, several at once, and retries failures.

After the last retry a record goes to the dead letters.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from .._core.group_records import GroupBatch, GroupRecord
from .._core.partition_work import PartitionWork, Unit
from ..errors import PosthornError
from .backlog import Tasks
from .burying import Bury
from .group_config import GroupConfig

HandleUnit = Callable[[Any], Awaitable[object]]


class DispatcherHost(Protocol):
    works: list[PartitionWork]

    def handled(self, work: PartitionWork) -> None:
        """Progress was made: something can be committed, and perhaps more be fetched."""

    def drained(self) -> None:
        """Some of what was fetched is not waiting any more."""

    def tell(self, error: BaseException, record: Any = None) -> None: ...
    def fail(self, error: BaseException) -> None: ...


class Dispatcher:
    def __init__(self, host: DispatcherHost, config: GroupConfig, handle: HandleUnit, bury: Bury | None) -> None:
        """`handle` gets a `GroupRecord`, or a `GroupBatch` if the configuration says so."""
        self._host = host
        self._config = config
        self._handle = handle
        self._bury = bury
        self._running = 0
        self._cursor = 0
        """Where the search for work begins, so that each partition has its turn."""
        self._due: deque[Unit] = deque()
        """Units whose delay before a retry is over."""
        self._delayed: dict[Unit, asyncio.TimerHandle] = {}
        self._tasks = Tasks()
        self._idle: dict[PartitionWork, list[asyncio.Future[None]]] = {}

    def work(self) -> None:
        """Begins whatever can begin."""
        limit = self._config.concurrency
        while self._running < limit and self._due:
            self._begin(self._due.popleft())
        idle = 0
        while self._running < limit and idle < len(self._host.works):
            works = self._host.works
            self._cursor = (self._cursor + 1) % len(works)
            unit = works[self._cursor].take(self._config.by, self._config.max_batch_records)
            if unit is None:
                idle += 1
            else:
                idle = 0
                self._begin(unit)
        self._host.drained()

    async def idle(self, work: PartitionWork) -> None:
        """Returns when nothing of the partition is in hand. Retries that wait are given up."""
        for unit, timer in list(self._delayed.items()):
            if unit.work is work:
                timer.cancel()
                del self._delayed[unit]
                self._finish(unit, False)
        while work.in_hand > 0:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.setdefault(work, []).append(future)
            await future

    def cancel(self) -> None:
        """Ends running handlers."""
        self._tasks.cancel()

    def _begin(self, unit: Unit) -> None:
        if unit.work.state == "ended":
            return self._finish(unit, False)
        unit.attempts += 1
        self._running += 1
        self._tasks.start(self._attempt(unit))
        return None

    async def _attempt(self, unit: Unit) -> None:
        error: BaseException | None = None
        try:
            await self._handle(self._item_of(unit))
        except asyncio.CancelledError:
            error = PosthornError("aborted", "the handler was cancelled")
        except Exception as cause:
            error = cause
        if error is None:
            self._handled(unit)
        else:
            await self._failed(unit, error)
        self._running -= 1
        self.work()

    def _item_of(self, unit: Unit) -> GroupRecord | GroupBatch:
        for record in unit.records:
            record.attempt = unit.attempts
        if self._config.by != "batch":
            return unit.records[0]

        def handled(position: int) -> None:
            unit.work.handled_up_to(unit, position)
            if self._config.commit == "interval":
                self._host.handled(unit.work)

        return GroupBatch(list(unit.records), unit.attempts, handled)

    def _handled(self, unit: Unit) -> None:
        self._finish(unit, True)
        self._host.handled(unit.work)

    async def _failed(self, unit: Unit, error: BaseException) -> None:
        self._host.tell(error, unit.records[0] if unit.records else None)
        if not unit.records:
            return self._handled(unit)
        if unit.work.state == "ended":
            return self._finish(unit, False)
        schedule = self._config.retry_schedule_ms
        if unit.attempts <= len(schedule):
            loop = asyncio.get_running_loop()
            delay = schedule[unit.attempts - 1] / 1_000
            self._delayed[unit] = loop.call_later(delay, self._is_due, unit)
            return None
        if self._bury is None:
            self._host.fail(_handler_failed(unit.records[0], error, unit.attempts))
            return self._finish(unit, False)
        try:
            await self._bury(unit.records, error, unit.attempts)
        except Exception as failure:
            self._host.fail(failure)
            return self._finish(unit, False)
        return self._handled(unit)

    def _is_due(self, unit: Unit) -> None:
        del self._delayed[unit]
        self._due.append(unit)
        self.work()

    def _finish(self, unit: Unit, is_handled: bool) -> None:
        unit.work.finish(unit, is_handled)
        if unit.work.in_hand == 0:
            for future in self._idle.pop(unit.work, []):
                if not future.done():
                    future.set_result(None)


def _handler_failed(record: GroupRecord, cause: BaseException, attempts: int) -> PosthornError:
    where = f'topic "{record.topic}", partition {record.partition}, offset {record.offset}'
    error = PosthornError(
        "handler_failed",
        f"the handler of {where} failed {attempts} times: {cause}",
        details={
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "attempts": attempts,
        },
    )
    error.__cause__ = cause
    return error
