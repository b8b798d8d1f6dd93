"""The consumer of queues: messages for a handler, or for a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any

from ._core.settlements import Settlement
from ._core.tracing import processing
from ._io.consuming import ConsumerConfig, Consuming
from ._io.delivered import Delivered, Settle, ack_of, extend_of, nack_of, reject_of, release_of
from ._io.inbox import running_future
from ._io.iterating import Iterating, iterate
from ._io.loop_thread import LoopThread
from ._io.transport import Transport
from .async_consumer import Wrap, deliver, is_here, unwrapped
from .errors import aborted


class Message(Delivered):
    """A message that a queue delivered. Settle it with `ack`, `nack`, `reject` or `release`, in any thread.

    You need not wait for the futures that these return; a failure then only goes to `on_error`.
    """

    __slots__ = ("_thread",)

    def __init__(self, fields: dict[str, Any], settle: Settle, thread: LoopThread) -> None:
        """Made by the consumer."""
        super().__init__(fields, settle)
        self._thread = thread

    def ack(self) -> Future[None]:
        """Acknowledges the message. The future is done when the broker has stored that.

        The future raises PosthornError `settlement_refused`, `timeout`, `aborted`. Raises `invalid_argument` if the
        message is settled already.
        """
        return self._settled(ack_of(self))

    def nack(self, error: BaseException | str | None = None, *, delay_ms: int | None = None) -> Future[None]:
        """Reports a failed attempt; the dead letter keeps the error.

        The message is tried again by the queue's retry schedule, or after `delay_ms` (0: at once, at its old position).
        After the last retry it becomes a dead letter. Otherwise as `ack`.
        """
        return self._settled(nack_of(self, error, delay_ms))

    def reject(self, error: BaseException | str | None = None) -> Future[None]:
        """Dead-letters the message now. Otherwise as `nack`."""
        return self._settled(reject_of(self, error))

    def release(self) -> Future[None]:
        """Gives the message back unprocessed, to its old position. This is not a failure. Otherwise as `ack`."""
        return self._settled(release_of(self))

    def extend(self, lease_ms: int) -> Future[None]:
        """Extends the lease to that time from now. The consumer extends leases by itself."""
        return self._settled(extend_of(self, lease_ms))

    def _settled(self, settlement: Settlement) -> Future[None]:
        future: Future[None] = running_future()
        self._thread.post(self.settle_with, settlement, future)
        return future


MessageHandler = Callable[[Message], object]


class Consumer:
    """Takes messages from a queue and hands them to a function, several at once, until it is stopped. It begins at once.

    The function runs in threads of the consumer, `concurrency` of them. A message is acknowledged when the function
    returns, and nacked with the error when it raises; the queue's retry schedule then says when it comes again. The
    consumer extends the lease while it holds a message. **A message can arrive twice**, if the process or the network
    fails after the handler and before the acknowledgement is stored.

    The consumer repeats requests after temporary failures for ever, and reports them to `on_error`. A permanent failure,
    such as `queue_not_found`, ends the consumer, and `wait` raises it.
    """

    def __init__(
        self,
        thread: LoopThread,
        transport: Transport,
        queue: str,
        handler: MessageHandler,
        config: ConsumerConfig,
        wrap: Wrap = unwrapped,
    ) -> None:
        """Made by `Posthorn.consumer`."""
        self._thread = thread
        self._pool = ThreadPoolExecutor(int(config.concurrency), thread_name_prefix=f"posthorn-{queue}")
        traced = processing(transport.config.tracing, queue, handler)
        self._run = thread.run(self._start(transport, queue, traced, config, wrap))

    @property
    def in_hand(self) -> int:
        """Messages that the consumer holds: in handlers, or waiting for one."""
        return self._run.in_hand

    def wait(self) -> None:
        """Returns when the consumer has stopped. Raises what ended it, if that was not `stop`."""
        self._thread.run(_done(self._run))

    def stop(self) -> None:
        """Takes no more messages, gives back those that no handler has begun, waits for running handlers.

        Their messages are settled. With `settle="manual"` it waits for every message to be settled. Do not call it in a
        handler, because it waits for that handler.
        """
        try:
            self._thread.run(self._run.stop())
        finally:
            self._pool.shutdown(wait=False)

    def abort(self) -> None:
        """Ends the consumer at once. Handlers run on; their messages come again when the leases end."""
        self._thread.post(self._run.abort, aborted())
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Consumer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def _start(
        self, transport: Transport, queue: str, handler: MessageHandler, config: ConsumerConfig, wrap: Wrap
    ) -> Consuming:
        handle = wrap(partial(_handle_in, self._pool, handler))
        run = Consuming(transport, queue, handle, config, partial(_make, self._thread))
        run.start()
        return run


class Messages:
    """The messages of a queue for a loop that settles each, in the loop or later.

    At most `prefetch` messages come before you settle one. The first is taken when the loop begins. Leaving the loop
    gives unsettled messages back. Temporary failures are retried for ever and reported to `on_error`; permanent ones,
    such as `queue_not_found`, are raised in the loop.
    """

    def __init__(self, thread: LoopThread, transport: Transport, queue: str, config: ConsumerConfig) -> None:
        """Made by `Posthorn.messages`."""
        self._thread = thread
        self._transport = transport
        self._queue = queue
        self._config = config
        self._open: list[Iterating[list[Delivered]]] = []

    def __iter__(self) -> Iterator[Message]:
        for batch in iterate(self._thread, lambda: deliver(self._begin), self._open):
            for message in batch:
                assert isinstance(message, Message)
                if is_here(message):
                    yield message

    def close(self) -> None:
        """Ends its loops, and gives unsettled messages back. Another thread may call it."""
        for iterating in list(self._open):
            iterating.close()

    def __enter__(self) -> Messages:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _begin(self, handle: Callable[[Delivered], Awaitable[object]]) -> Consuming:
        return Consuming(self._transport, self._queue, handle, self._config, partial(_make, self._thread))


def _make(thread: LoopThread, fields: dict[str, Any], settle: Settle) -> Message:
    return Message(fields, settle, thread)


async def _handle_in(pool: ThreadPoolExecutor, handler: MessageHandler, message: Delivered) -> object:
    assert isinstance(message, Message)
    try:
        handled = asyncio.get_running_loop().run_in_executor(pool, handler, message)
    except RuntimeError:
        # The program ends, and no thread begins any more: the message goes back.
        if not message.is_settled:
            message.settle_with(release_of(message), None)
        return None
    return await handled


async def _done(run: Consuming) -> None:
    await asyncio.shield(run.done)
