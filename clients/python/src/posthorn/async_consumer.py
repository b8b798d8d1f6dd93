"""The async consumer of queues: messages for a handler, or for a loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any

from ._core.settlements import Settlement
from ._core.tracing import processing_async
from ._io.backlog import seen, unfinished
from ._io.consuming import ConsumerConfig, Consuming, Handle
from ._io.delivered import Delivered, Settle, ack_of, extend_of, nack_of, reject_of, release_of
from ._io.transport import Transport
from .errors import aborted


class AsyncMessage(Delivered):
    """A message that a queue delivered. Settle it with `ack`, `nack`, `reject` or `release`.

    You need not await what these return; a failure then only goes to `on_error`.
    """

    __slots__ = ()

    def ack(self) -> asyncio.Future[None]:
        """Acknowledges the message. The future is done when the broker has stored that.

        The future raises PosthornError `settlement_refused`, `timeout`, `aborted`. Raises `invalid_argument` if the
        message is settled already.
        """
        return self._settled(ack_of(self))

    def nack(self, error: BaseException | str | None = None, *, delay_ms: int | None = None) -> asyncio.Future[None]:
        """Reports a failed attempt; the dead letter keeps the error.

        The message is tried again by the queue's retry schedule, or after `delay_ms` (0: at once, at its old position).
        After the last retry it becomes a dead letter. Otherwise as `ack`.
        """
        return self._settled(nack_of(self, error, delay_ms))

    def reject(self, error: BaseException | str | None = None) -> asyncio.Future[None]:
        """Dead-letters the message now. Otherwise as `nack`."""
        return self._settled(reject_of(self, error))

    def release(self) -> asyncio.Future[None]:
        """Gives the message back unprocessed, to its old position. This is not a failure. Otherwise as `ack`."""
        return self._settled(release_of(self))

    def extend(self, lease_ms: int) -> asyncio.Future[None]:
        """Extends the lease to that time from now. The consumer extends leases by itself."""
        return self._settled(extend_of(self, lease_ms))

    def _settled(self, settlement: Settlement) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(seen)
        self.settle_with(settlement, future)
        return future


def make_message(fields: dict[str, Any], settle: Settle) -> AsyncMessage:
    return AsyncMessage(fields, settle)


MessageHandler = Callable[[AsyncMessage], Awaitable[object]]

Wrap = Callable[[Handle], Handle]
"""What is done around a handler."""


def unwrapped(handle: Handle) -> Handle:
    return handle


class AsyncConsumer:
    """Takes messages from a queue and hands them to a function, several at once, until it is stopped. It begins at once.

    A message is acknowledged when the function returns, and nacked with the error when it raises; the queue's retry
    schedule then says when it comes again. The consumer extends the lease while it holds a message. **A message can
    arrive twice**, if the process or the network fails after the handler and before the acknowledgement is stored.

    The consumer repeats requests after temporary failures for ever, and reports them to `on_error`. A permanent failure,
    such as `queue_not_found`, ends the consumer, and `wait` raises it.
    """

    def __init__(
        self, transport: Transport, queue: str, handler: MessageHandler, config: ConsumerConfig, wrap: Wrap = unwrapped
    ) -> None:
        """Made by `AsyncPosthorn.consumer`."""

        traced = processing_async(transport.config.tracing, queue, handler)

        async def handle(message: Delivered) -> object:
            assert isinstance(message, AsyncMessage)
            return await traced(message)

        self._run = Consuming(transport, queue, wrap(handle), config, make_message)
        self._run.start()

    @property
    def in_hand(self) -> int:
        """Messages that the consumer holds: in handlers, or waiting for one."""
        return self._run.in_hand

    async def wait(self) -> None:
        """Returns when the consumer has stopped. Raises what ended it, if that was not `stop`."""
        await asyncio.shield(self._run.done)

    async def stop(self) -> None:
        """Takes no more messages, gives back those that no handler has begun, waits for running handlers.

        Their messages are settled. With `settle="manual"` it waits for every message to be settled. Do not await it in a
        handler, because it waits for that handler.
        """
        await self._run.stop()

    def abort(self) -> None:
        """Ends the consumer at once and cancels its handlers. Their messages come again when the leases end."""
        self._run.abort(aborted())

    async def __aenter__(self) -> AsyncConsumer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class AsyncMessages:
    """The messages of a queue for a loop that settles each, in the loop or later.

    At most `prefetch` messages come before you settle one. The first is taken when the loop begins. Leaving the loop
    gives unsettled messages back. Temporary failures are retried for ever and reported to `on_error`; permanent ones,
    such as `queue_not_found`, are raised in the loop.
    """

    def __init__(self, begin: Callable[[Callable[[Delivered], Awaitable[object]]], Consuming]) -> None:
        """Made by `AsyncPosthorn.messages`."""
        self._begin = begin
        self._iterators: list[AsyncIterator[AsyncMessage]] = []

    def __aiter__(self) -> AsyncIterator[AsyncMessage]:
        iterator = self._iterate()
        self._iterators = [*unfinished(self._iterators), iterator]
        return iterator

    async def close(self) -> None:
        """Ends the loops over it, and gives unsettled messages back."""
        iterators, self._iterators = self._iterators, []
        for iterator in iterators:
            await iterator.aclose()  # type: ignore[attr-defined]

    async def __aenter__(self) -> AsyncMessages:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _iterate(self) -> AsyncIterator[AsyncMessage]:
        batches = deliver(self._begin)
        try:
            async for batch in batches:
                for message in batch:
                    assert isinstance(message, AsyncMessage)
                    if is_here(message):
                        yield message
        finally:
            await batches.aclose()  # type: ignore[attr-defined]


def is_here(message: Delivered) -> bool:
    """Whether it may be handled: its lease was not lost since it came."""
    return message.hand is not None


async def deliver(
    begin: Callable[[Callable[[Delivered], Awaitable[object]]], Consuming],
) -> AsyncIterator[list[Delivered]]:
    """Yields messages as they come. Gives unsettled ones back at its end."""
    waiting: list[Delivered] = []
    arrived = asyncio.Event()

    async def handle(message: Delivered) -> None:
        waiting.append(message)
        arrived.set()

    run = begin(handle)
    run.done.add_done_callback(lambda _: arrived.set())
    run.start()
    try:
        while not run.done.done():
            await arrived.wait()
            arrived.clear()
            batch, waiting = waiting, []
            if batch:
                yield batch
        await asyncio.shield(run.done)
    finally:
        if not run.done.done():
            stopping = asyncio.ensure_future(run.stop())
            stopping.add_done_callback(seen)
            run.release_all()
            await asyncio.shield(stopping)
