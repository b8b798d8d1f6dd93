"""Settling: sends settlements, together with those that gather while others are under way, with retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from .._core.calls import Call, json_body
from .._core.names import queue_path
from .._core.records import settle as tell
from .._core.settlements import Settlement, refusal_of, settle_fields
from ..errors import PosthornError
from .backlog import Tasks, unexpected
from .delivered import Delivered
from .transport import Transport, with_retries

REQUEST_BYTES_MAX = 4 * 1024 * 1024
"""Nacks with long errors are split: a request may have 16 MiB."""

ENTRY_BYTES = 128
"""What a settlement takes beside its error, at most."""

GATHER_S_MIN = 0.005
GATHER_S_MAX = 0.25
"""The longest wait behind what is under way is twice the time of the last request, between these, and an eighth of a lease
at most: a request that hangs holds nothing up."""


@dataclass(frozen=True)
class Waiting:
    message: Delivered
    settlement: Settlement
    waiter: Any
    """A future of whoever waits, or None."""
    done: Callable[[PosthornError | None], None] | None = None


class Settling:
    def __init__(
        self,
        transport: Transport,
        queue: str,
        consumer_id: str,
        settle_batch: int,
        failed: Callable[[PosthornError, Delivered], None],
        settled: Callable[[], None],
    ) -> None:
        self.give_up_ms: float = 30_000
        """How long a request is tried: no longer than a lease, after which nothing is left to settle."""
        self.unsettled = 0
        """Handed over and not done, those on their way included."""
        self._transport = transport
        self._path = f"{queue_path(queue)}/settlements"
        self._consumer_id = consumer_id
        self._settle_batch = settle_batch
        self._failed = failed
        self._settled = settled
        self._waiting: list[Waiting] = []
        self._under_way = 0
        self._gather_s = GATHER_S_MIN
        self._timer: asyncio.Handle | None = None
        self._tasks = Tasks()
        self._idle: list[asyncio.Future[None]] = []

    def add(self, waiting: Waiting) -> None:
        self.unsettled += 1
        self._waiting.append(waiting)
        if len(self._waiting) >= self._settle_batch:
            self.flush()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            if self._under_way == 0:
                self._timer = loop.call_soon(self.flush)
            else:
                pause = min(self._gather_s, self.give_up_ms / 8_000)
                self._timer = loop.call_later(pause, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._tasks.start(self._settle(self._next_batch()))

    async def idle(self) -> None:
        """Flushes, and returns when all is done."""
        self.flush()
        while self.unsettled > 0:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(future)
            await future

    def abort(self) -> None:
        self._tasks.cancel()

    def _next_batch(self) -> list[Waiting]:
        count = size = 0
        for waiting in self._waiting[: self._settle_batch]:
            error = waiting.settlement.fields.get("error", {})
            size += ENTRY_BYTES + 4 * sum(len(text) for text in error.values())
            if count > 0 and size > REQUEST_BYTES_MAX:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _settle(self, batch: list[Waiting]) -> None:
        settlements = [waiting.settlement for waiting in batch]
        fields, order = settle_fields(settlements, self._consumer_id)
        body = json_body(fields)
        attempts = 0

        async def attempt() -> list[str]:
            nonlocal attempts
            attempts += 1
            started = monotonic()
            reply = await self._transport.call(Call("POST", self._path, body=body))
            self._gather_s = min(GATHER_S_MAX, max(GATHER_S_MIN, 2 * (monotonic() - started)))
            results = reply.json()["results"]
            if len(results) != len(order):
                raise PosthornError("unexpected_reply", f"the reply does not tell of {len(order)} messages")
            return [result["outcome"] for result in results]

        self._under_way += 1
        errors: list[PosthornError | None]
        try:
            outcomes = await with_retries(self._transport.config.retry, attempt, within_ms=self.give_up_ms)
            errors = [None] * len(batch)
            for index, outcome in zip(order, outcomes, strict=True):
                errors[index] = refusal_of(settlements[index], outcome, attempts > 1)
        except PosthornError as error:
            errors = [error] * len(batch)
        except Exception as cause:
            errors = [unexpected(cause)] * len(batch)
        except asyncio.CancelledError:
            errors = [PosthornError("aborted", "the consumer was aborted")] * len(batch)
        self._under_way -= 1
        for waiting, one in zip(batch, errors, strict=True):
            self._conclude(waiting, one)
        self.unsettled -= len(batch)
        if self._under_way == 0 and self._waiting:
            self.flush()
        self._settled()
        if self.unsettled == 0:
            idle, self._idle = self._idle, []
            for future in idle:
                if not future.done():
                    future.set_result(None)

    def _conclude(self, waiting: Waiting, error: PosthornError | None) -> None:
        if error is not None:
            self._failed(error, waiting.message)
        if waiting.waiter is not None:
            tell(waiting.waiter, error)
        if waiting.done is not None:
            waiting.done(error)
