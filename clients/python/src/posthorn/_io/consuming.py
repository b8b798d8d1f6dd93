"""Consuming: takes messages from a queue by long polls, hands them to handlers, several at once, and settles them."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal

from .._core.calls import Call, json_body
from .._core.json_text import read_items
from .._core.limits import (
    DELIVER_MESSAGES_MAX,
    LEASE_MS_MAX,
    PROPERTY_LENGTH_MAX,
    SETTLE_TAGS_MAX,
    WAIT_MS_MAX,
    check_range,
)
from .._core.names import check_wide_name, queue_path
from .._core.retry import delay_s
from .._core.settlements import Settlement
from .._core.typing import Unpack
from ..admin.queues import get_queue
from ..errors import PosthornError, invalid_argument
from ..options import MessagesOptions
from .backlog import Tasks, seen, unexpected
from .claims import open_claims
from .delivered import Delivered, Settle, ack_of, extend_of, nack_of, release_of
from .leases import Leases
from .reading import check_one_of
from .settling import Settling, Waiting
from .transport import Transport

EMPTY_PAUSE_S = 0.05
"""A wait that ends at once and brings nothing is not repeated faster than this."""

ANSWER_S = 0.25
ASKED_MAX = 4
"""A request under way when the consumer stops may bring messages, which nobody would handle until their lease ends. So
the broker is asked to answer it, and again if that call overtook the request. In the end the request is cancelled."""

LEASE_MS_MIN = 500
"""The shortest lease that can be extended in time."""

OnError = Callable[[BaseException, Any], object]
Handle = Callable[[Delivered], Awaitable[object]]
MakeMessage = Callable[[dict[str, Any], Settle], Delivered]


@dataclass(frozen=True)
class ConsumerConfig:
    prefetch: int
    concurrency: float
    settle: str
    is_auto_ack: bool
    lease_ms: int | None
    wait_ms: int
    settle_batch: int
    consumer_id: str
    on_error: OnError | None


def consumer_config(
    *,
    prefetch: int = 1_000,
    concurrency: float = 10,
    settle: Literal["auto", "manual"] = "auto",
    delivery: Literal["at-most-once", "at-least-once"] = "at-least-once",
    lease_ms: int | None = None,
    wait_ms: int = 30_000,
    settle_batch: int = 1_000,
    consumer_id: str | None = None,
    on_error: OnError | None = None,
) -> ConsumerConfig:
    """Checks the options. Raises PosthornError `invalid_argument`."""
    check_range("prefetch", prefetch, 1, DELIVER_MESSAGES_MAX)
    check_range("concurrency", concurrency, 1, float("inf"))
    check_range("wait_ms", wait_ms, 1, WAIT_MS_MAX)
    check_range("settle_batch", settle_batch, 1, SETTLE_TAGS_MAX)
    check_one_of("settle", settle, "auto", "manual")
    check_one_of("delivery", delivery, "at-most-once", "at-least-once")
    is_auto_ack = delivery == "at-most-once"
    if lease_ms is not None:
        check_range("lease_ms", lease_ms, LEASE_MS_MIN, LEASE_MS_MAX)
    if is_auto_ack and (lease_ms is not None or settle != "auto"):
        raise invalid_argument('delivery "at-most-once" has neither leases nor settlements')
    consumer_id = f"py-{uuid.uuid4()}" if consumer_id is None else consumer_id
    if not 1 <= len(consumer_id) <= PROPERTY_LENGTH_MAX:
        raise invalid_argument(f"consumer_id is text of 1 to {PROPERTY_LENGTH_MAX} characters")
    return ConsumerConfig(prefetch, concurrency, settle, is_auto_ack, lease_ms, wait_ms, settle_batch, consumer_id, on_error)


def messages_config(**options: Unpack[MessagesOptions]) -> ConsumerConfig:
    """Checks the options of a loop."""
    options.setdefault("prefetch", 100)
    return consumer_config(**options, concurrency=float("inf"), settle="manual")


class Consuming:
    """One run of a consumer."""

    def __init__(self, transport: Transport, queue: str, handle: Handle, config: ConsumerConfig, make: MakeMessage) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises what ended the consumer, if that was not `stop`."""
        self.done.add_done_callback(seen)
        self._transport = transport
        self._queue = check_wide_name("queue", queue)
        self._handle = handle
        self._config = config
        self._make = make
        self._settling = Settling(transport, queue, config.consumer_id, config.settle_batch, self._tell, self._wake_up)
        self._leases = Leases(self._extend)
        self._line: deque[Delivered] = deque()
        """Messages that wait for a handler."""
        self._handlers = Tasks()
        self._running = 0
        self._stopping: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopped: asyncio.Task[None] | None = None
        self._waking: list[asyncio.Future[None]] = []
        self._tasks = Tasks()
        self._taking: asyncio.Task[None] | None = None
        transport.add_user(self)

    @property
    def _is_stopping(self) -> bool:
        return self._stopping.done()

    @property
    def in_hand(self) -> int:
        return self._leases.count

    def start(self) -> None:
        self._taking = self._tasks.start(self._take())

    async def stop(self) -> None:
        """Takes no more, gives back what no handler has begun, waits for running handlers, and settles their messages."""
        if self._stopped is None:
            self._stopped = self._tasks.start(self._stop())
        await asyncio.shield(self._stopped)
        await asyncio.shield(self.done)

    def abort(self, error: PosthornError) -> None:
        """Ends at once. Handlers are cancelled; their messages go to another consumer when the leases end."""
        self._handlers.cancel()
        self._fail(error)

    def settle(self, message: Delivered, settlement: Settlement, waiter: Any) -> None:
        """Called by messages, in the thread of the event loop."""
        if settlement.kind != "extend":
            self._let_go(message)
        self._settling.add(Waiting(message, settlement, waiter))

    def release_all(self) -> None:
        """Gives back everything, without waiting for running handlers."""
        for message in self._leases.all():
            self._release(message)

    async def _take(self) -> None:
        try:
            if not self._config.is_auto_ack:
                await self._prepare()
            while not self._is_stopping:
                most = self._room()
                if most > 0:
                    await self._take_some(most)
                else:
                    await self._change()
        except PosthornError as error:
            if not self._is_stopping:
                self._fail(error)
        except Exception as cause:
            self._fail(unexpected(cause))

    async def _prepare(self) -> None:
        lease_ms = self._config.lease_ms
        if lease_ms is None:
            queue = await self._persistently(lambda: self._transport.run_once(get_queue(self._queue)))
            lease_ms = queue["lease_ms"]
        self._settling.give_up_ms = lease_ms
        self._leases.lease_ms = lease_ms

    def _room(self) -> int:
        """Returns how many messages to ask for now.

        A few large requests are cheaper than many small ones: the next goes when half of the room is free, or when no
        message waits for a handler. Unstored settlements limit requests too.
        """
        prefetch = self._config.prefetch
        room = prefetch - self._leases.count
        if room <= 0 or self._settling.unsettled > prefetch:
            return 0
        return room if room >= prefetch / 2 or not self._line else 0

    async def _take_some(self, most: int) -> None:
        config = self._config
        fields: dict[str, Any] = {"max": most, "wait_ms": config.wait_ms, "consumer_id": config.consumer_id}
        if config.is_auto_ack:
            fields["auto_ack"] = True
        else:
            fields["lease_ms"] = self._leases.lease_ms
        path = f"{queue_path(self._queue)}/deliveries"
        call = Call("POST", path, body=json_body(fields), wait_ms=config.wait_ms)
        started = monotonic()
        reply = await self._persistently(lambda: self._transport.call(call))
        _, items = read_items(reply.content, "deliveries", "body")
        if items:
            self._accept([self._make(item, self.settle) for item in items])
        elif monotonic() - started < EMPTY_PAUSE_S and not self._is_stopping:
            await asyncio.sleep(EMPTY_PAUSE_S)

    async def _persistently(self, run: Callable[[], Awaitable[Any]]) -> Any:
        """Tries for as long as the consumer runs."""
        failures = 0
        while True:
            try:
                return await run()
            except PosthornError as error:
                if not error.retryable or self._is_stopping:
                    raise
                failures += 1
                self._tell(error, None)
                pause = delay_s(self._transport.config.retry, failures, error)
            await asyncio.wait([self._stopping], timeout=pause)

    def _accept(self, messages: list[Delivered]) -> None:
        self._leases.take(messages)
        self._line.extend(messages)
        if self._is_over:
            self._give_back()
        else:
            self._work()

    @property
    def _is_over(self) -> bool:
        """No further handler begins. Messages that are settled already would reach nobody else, so they are handled."""
        return self._is_stopping and not self._config.is_auto_ack

    def _work(self) -> None:
        while self._running < self._config.concurrency and self._line and not self._is_over:
            message = self._line.popleft()
            if message.hand is not None:
                self._running += 1
                self._handlers.start(self._run(message))
        self._wake_up()

    async def _run(self, message: Delivered) -> None:
        try:
            await open_claims(self._transport, [message])
            await self._handle(message)
        except asyncio.CancelledError:
            # The consumer is aborted, or the handler has cancelled itself.
            self._end_of(message, PosthornError("aborted", "the handler was cancelled"))
        except Exception as error:
            self._end_of(message, error)
        else:
            self._end_of(message, None)
        self._work()

    def _end_of(self, message: Delivered, error: BaseException | None) -> None:
        self._running -= 1
        if error is not None:
            self._tell(error, message)
        if message.is_settled or message.hand is None:
            self._let_go(message)
        elif error is not None:
            self.settle(message, nack_of(message, error, None), None)
        elif self._config.settle == "auto":
            self.settle(message, ack_of(message), None)

    def _let_go(self, message: Delivered) -> None:
        if self._leases.drop(message):
            self._wake_up()

    def _release(self, message: Delivered) -> None:
        if not message.is_settled and message.hand is not None:
            self.settle(message, release_of(message), None)

    def _give_back(self) -> None:
        """Messages that no handler has begun go to another consumer."""
        waiting, self._line = self._line, deque()
        for message in waiting:
            self._release(message)

    def _extend(self, message: Delivered, lease_ms: int) -> None:
        def done(error: PosthornError | None) -> None:
            if error is not None and message.hand is not None:
                self._lose(message)

        self._settling.add(Waiting(message, extend_of(message, lease_ms), None, done))

    def _lose(self, message: Delivered) -> None:
        message.is_lost = True
        self._let_go(message)

    async def _stop(self) -> None:
        if self.done.done() or self._is_stopping:
            return
        self._stopping.set_result(None)
        if self._is_over:
            self._give_back()
        self._wake_up()
        await self._end_taking()
        while (self._running > 0 or self._leases.count > 0) and not self.done.done():
            await self._change()
        await self._settling.idle()
        if not self._config.is_auto_ack:
            # A queue with a single active consumer turns to the next one.
            await self._end_waits()
        if not self.done.done():
            self.done.set_result(None)

    async def _end_taking(self) -> None:
        taking = self._taking
        if taking is None:
            return
        for _ in range(ASKED_MAX):
            if taking.done():
                return
            asking = self._tasks.start(self._end_waits())
            await asyncio.wait([taking, asking], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([taking], timeout=ANSWER_S)
        taking.cancel()
        await asyncio.wait([taking])

    async def _end_waits(self) -> None:
        """Never raises: a broker that does not answer this answers nothing else either."""
        path = f"{queue_path(self._queue)}/waits"
        query = {"consumer_id": self._config.consumer_id}
        call = Call("DELETE", path, query=query, timeout_ms=ANSWER_S * ASKED_MAX * 1_000)
        with suppress(PosthornError):
            await self._transport.call(call)

    def _fail(self, error: PosthornError) -> None:
        if not self._is_stopping:
            self._stopping.set_result(None)
        if not self.done.done():
            self.done.set_exception(error)
        if self._taking is not None:
            self._taking.cancel()
        self._settling.abort()
        for message in self._leases.all():
            self._lose(message)
        self._line.clear()
        self._wake_up()

    def _tell(self, error: BaseException, message: Delivered | None) -> None:
        if self._config.on_error is None or (message is not None and self.done.done()):
            return
        try:
            self._config.on_error(error, message)
        except Exception as bug:
            # An error in the application's `on_error` must not end the consumer.
            context = {"message": "posthorn: on_error raised", "exception": bug}
            asyncio.get_running_loop().call_exception_handler(context)

    async def _change(self) -> None:
        """Returns when room, running handlers, or whether it stops may have changed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waking.append(future)
        await future

    def _wake_up(self) -> None:
        waking, self._waking = self._waking, []
        for future in waking:
            if not future.done():
                future.set_result(None)
