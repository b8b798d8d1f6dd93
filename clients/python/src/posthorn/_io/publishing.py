"""Publishing: sends batches of messages, one at a time for each destination, and handles replies and failures."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from time import monotonic, time_ns
from typing import Literal

from .._core.calls import Call
from .._core.limits import BATCH_BYTES_MAX, REQUEST_RECORDS_MAX, MiB, check_range
from .._core.message_batches import (
    Destination,
    MessageBatch,
    MessageLine,
    Outcome,
    PendingMessage,
    outcomes_of,
    stored_despite,
)
from .._core.names import check_exchange, check_wide_name
from .._core.reply_error import culprits_of
from .._core.retry import delay_s
from .._core.sequences import Sequences
from .._core.values import timestamp_ms
from ..admin.queues import get_queue
from ..errors import PosthornError, invalid_argument
from .backlog import Backlog, Tasks, unexpected
from .claiming import CLAIM_CHECK_BYTES, CLAIM_TTL_MS, Claiming
from .producing import ask_identity
from .transport import Transport

FULL_PAUSE_S = 1.0
"""How long a queue that was full is left alone, if the broker does not say."""

FORGOTTEN = {"unknown_producer", "out_of_order_sequence"}
"""The queue knows nothing, or less, of this producer than was answered before: it has none of what is sent now."""


@dataclass(frozen=True)
class PublisherConfig:
    batch_messages: int
    batch_bytes: int
    max_in_flight: int
    max_unconfirmed: int
    buffer_bytes: int
    delivery_timeout_ms: float
    idempotent: bool
    message_ids: bool | None
    claim_check_bytes: float
    claim_ttl_ms: float


def publisher_config(
    *,
    batch_messages: int = 5_000,
    batch_bytes: int = 512 * 1024,
    max_in_flight: int = 4,
    max_unconfirmed: int = 10_000,
    buffer_bytes: int = 32 * MiB,
    delivery_timeout_ms: float = 120_000,
    idempotent: bool | None = None,
    delivery: Literal["at-least-once", "exactly-once"] | None = None,
    message_ids: bool | None = None,
    claim_check_bytes: float = CLAIM_CHECK_BYTES,
    claim_ttl_ms: float = CLAIM_TTL_MS,
) -> PublisherConfig:
    """Checks the options. Raises PosthornError `invalid_argument`."""
    if delivery is not None:
        if delivery not in ("at-least-once", "exactly-once"):
            raise invalid_argument(f"delivery is at-least-once or exactly-once, got {delivery!r}")
        if idempotent is not None:
            raise invalid_argument(f'delivery "{delivery}" says what idempotent is; leave it out')
        idempotent = delivery == "exactly-once"
    infinity = float("inf")
    check_range("batch_messages", batch_messages, 1, REQUEST_RECORDS_MAX)
    check_range("batch_bytes", batch_bytes, 1, BATCH_BYTES_MAX)
    check_range("max_in_flight", max_in_flight, 1, 1_000)
    check_range("max_unconfirmed", max_unconfirmed, 1, infinity)
    check_range("buffer_bytes", buffer_bytes, 1, infinity)
    check_range("delivery_timeout_ms", delivery_timeout_ms, 1, infinity)
    check_range("claim_check_bytes", claim_check_bytes, 0, infinity)
    check_range("claim_ttl_ms", claim_ttl_ms, 1, infinity)
    return PublisherConfig(
        batch_messages,
        batch_bytes,
        max_in_flight,
        max_unconfirmed,
        buffer_bytes,
        delivery_timeout_ms,
        True if idempotent is None else idempotent,
        message_ids,
        claim_check_bytes,
        claim_ttl_ms,
    )


class Flush:
    """Batches that somebody waits for."""

    def __init__(self, batches: set[MessageBatch]) -> None:
        self.batches = batches
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended(None)

    def ended(self, batch: MessageBatch | None) -> None:
        if batch is not None:
            self.batches.discard(batch)
        if not self.batches and not self.future.done():
            self.future.set_result(None)


class Publishing:
    """The sender of one publisher."""

    def __init__(self, transport: Transport, config: PublisherConfig) -> None:
        self.bytes = Backlog(config.buffer_bytes)
        self.messages = Backlog(config.max_unconfirmed)
        self.tracing = transport.config.tracing
        self._transport = transport
        self._config = config
        self._sequences = Sequences() if config.idempotent else None
        self._lines: dict[Destination, MessageLine] = {}
        self._tasks = Tasks()
        self.claim_check_bytes = config.claim_check_bytes
        self._claiming: Claiming[Destination, PendingMessage] = Claiming(
            transport, self._tasks, config.claim_ttl_ms, self._life_in, self._enter, self._settle
        )
        self._identifying: asyncio.Task[None] | None = None
        self._id_prefix = f"{str(uuid.uuid4())[:18]}-"
        self._ids = 0
        self._in_flight = 0
        self._is_pump_due = False
        self._flushes: list[Flush] = []
        self._aborted: PosthornError | None = None
        transport.add_user(self)

    def accept(self, destination: Destination, message: PendingMessage) -> None:
        if self._aborted is not None:
            raise self._aborted
        line = self._lines.get(destination)
        if line is None:
            if destination.is_exchange:
                check_exchange(destination.name)
            else:
                check_wide_name("queue", destination.name)
            config = self._config
            timeout_s = config.delivery_timeout_ms / 1_000
            line = MessageLine(destination, config.batch_messages, config.batch_bytes, timeout_s)
            self._lines[destination] = line
        self.bytes.add(message.held_bytes)
        self.messages.add(1)
        if not self._claiming.takes(destination, message):
            self._enter(destination, message)

    def _enter(self, destination: Destination, message: PendingMessage) -> None:
        message.check_size()
        self._lines[destination].add(message, monotonic())
        self._pump_soon()

    async def _life_in(self, destination: Destination, message: PendingMessage) -> float:
        """How long the message, and a dead letter of it, may live at least, in ms."""
        later = float(message.life.get("delay_ms") or 0)
        at = message.life.get("deliver_at")
        if at is not None:
            later = max(0.0, timestamp_ms(at) - time_ns() / 1_000_000)
        life = float(message.life.get("expiration_ms") or 0)
        dead = self._config.claim_ttl_ms
        if not destination.is_exchange:
            queue = await self._transport.run(get_queue(destination.name))
            life = max(life, queue["message_ttl_ms"] or 0)
            target = queue["dead_letter"]
            if target is None:
                dead = max(dead, await self._dead_ttl(f"{destination.name}.dlq"))
            elif target != "none" and "exchange" not in target:
                dead = max(dead, await self._dead_ttl(target["queue"]))
        return later + life + dead

    async def _dead_ttl(self, queue: str) -> float:
        try:
            return (await self._transport.run(get_queue(queue)))["message_ttl_ms"] or 0
        except PosthornError:
            return 0  # it does not exist yet

    async def ready(self) -> None:
        while not (self.bytes.has_room and self.messages.has_room):
            await self.bytes.ready()
            await self.messages.ready()

    async def flush(self) -> None:
        """Returns when everything accepted before is confirmed or has failed."""
        await self._claiming.settled()
        flush = Flush({batch for line in self._lines.values() for batch in line.batches})
        self._flushes.append(flush)
        self._pump()
        try:
            await flush.future
        finally:
            self._flushes.remove(flush)

    def abort(self, error: PosthornError) -> None:
        """Gives up everything."""
        if self._aborted is not None:
            return
        self._aborted = error
        self._tasks.cancel()
        self._claiming.abort(error)
        for line in self._lines.values():
            for batch in line.drain():
                self._end(batch, error)

    async def ended(self) -> None:
        await self._tasks.ended()

    def _pump_soon(self) -> None:
        """At the end of this turn of the event loop: messages that are published within it share batches."""
        if not self._is_pump_due:
            self._is_pump_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._is_pump_due = False
        for line in list(self._lines.values()):
            if self._in_flight >= self._config.max_in_flight or self._aborted is not None:
                return
            batch = line.take()
            if batch is not None:
                # Behind the others.
                self._lines[line.destination] = self._lines.pop(line.destination)
                self._in_flight += 1
                self._tasks.start(self._send(line, batch))

    async def _send(self, line: MessageLine, batch: MessageBatch) -> None:
        error: PosthornError | None = None
        try:
            if batch.failures == 0:
                await self._give_ids(line, batch)
            await self._identify(line, batch)
            reply = await self._transport.call(Call("POST", f"{line.destination.path}/messages", body=batch.content()))
            outcomes = outcomes_of(line.destination, batch.messages, reply.json())
            if self._conclude(line, batch, outcomes):
                error = PosthornError(
                    "queue_full",
                    "the queue is full and refuses messages",
                    retryable=True,
                    retry_after=FULL_PAUSE_S,
                )
        except PosthornError as cause:
            error = cause
        except Exception as cause:
            error = unexpected(cause)
        self._in_flight -= 1
        if error is None:
            line.release()
            self._end(batch, None)
        else:
            await self._failed(line, batch, error)
        self._pump()

    async def _give_ids(self, line: MessageLine, batch: MessageBatch) -> None:
        """Whoever tries again needs ids, if the other side goes by them."""
        if line.gives_ids is None:
            line.gives_ids = self._config.message_ids
            if line.gives_ids is None:
                line.gives_ids = line.destination.is_exchange or await self._has_window(line.destination.name)
        if line.gives_ids:
            for message in batch.messages:
                if message.message_id is None:
                    message.identify(f"{self._id_prefix}{self._ids:x}")
                    self._ids += 1

    async def _has_window(self, queue: str) -> bool:
        found = await self._transport.run_once(get_queue(queue))
        return found["dedup_window_ms"] > 0

    async def _identify(self, line: MessageLine, batch: MessageBatch) -> None:
        if self._sequences is None or batch.producer is not None:
            return
        destination = line.destination
        while True:
            batch.producer = self._sequences.assign(
                destination.address, len(batch.messages), ends_epochs=destination.is_exchange
            )
            if batch.producer is not None:
                return
            if self._identifying is None:
                self._identifying = self._tasks.start(self._ask_identity(self._sequences))
            await asyncio.shield(self._identifying)

    async def _ask_identity(self, sequences: Sequences) -> None:
        try:
            sequences.identity = await ask_identity(self._transport)
        finally:
            self._identifying = None

    async def _failed(self, line: MessageLine, batch: MessageBatch, error: PosthornError) -> None:
        despite = stored_despite(line.destination, batch.messages, error)
        if despite is not None and not self._conclude(line, batch, despite):
            # All are settled, though the broker has refused some.
            self._abandon(line, batch)
            line.release()
            return self._end(batch, None)
        if error.retryable:
            return await self._retry_later(line, batch, error)
        is_exchange = line.destination.is_exchange
        if not is_exchange and error.code in FORGOTTEN:
            self._abandon(line, batch)
            return await self._retry_later(line, batch, error)
        # An earlier attempt may be in some destinations: what goes again as another batch would be there twice.
        culprits = culprits_of(error, len(batch.messages))
        if not culprits or despite is not None or (is_exchange and batch.failures > 0):
            return self._give_up(line, batch, error)
        # The broker names the messages that it refuses, and has stored none: the others may go without them.
        for index in culprits:
            self._settle(batch.messages[index], error)
        self._abandon(line, batch)
        batch.keep([message for message in batch.messages if not message.is_settled])
        line.release(batch if batch.messages else None)
        return None if batch.messages else self._end(batch, None)

    async def _retry_later(self, line: MessageLine, batch: MessageBatch, error: PosthornError) -> None:
        batch.failures += 1
        if monotonic() >= batch.deadline:
            text = f"not confirmed within {self._config.delivery_timeout_ms:.0f} ms; the last attempt: {error}"
            timeout = PosthornError("timeout", text, retryable=True)
            timeout.__cause__ = error
            return self._give_up(line, batch, timeout)
        # Other destinations go meanwhile.
        self._pump_soon()
        await asyncio.sleep(delay_s(self._transport.config.retry, batch.failures, error))
        line.release(batch)
        return None

    def _give_up(self, line: MessageLine, batch: MessageBatch, error: PosthornError) -> None:
        self._abandon(line, batch)
        # A queue may be made again, with another window.
        line.gives_ids = None
        line.release()
        self._end(batch, error)

    def _abandon(self, line: MessageLine, batch: MessageBatch) -> None:
        """The batch does not go again under its sequence."""
        if self._sequences is not None:
            self._sequences.abandon(line.destination.address, batch.producer)
        batch.producer = None

    def _conclude(self, line: MessageLine, batch: MessageBatch, outcomes: list[Outcome]) -> bool:
        """Returns whether some have to go again.

        The batch has those left; one through an exchange that has sequences stays whole, since its destinations know
        messages by their places in it.
        """
        left: list[PendingMessage] = []
        for message, outcome in zip(batch.messages, outcomes, strict=True):
            if outcome is None:
                left.append(message)
            else:
                self._settle(message, outcome)
        has_to_go = any(not message.is_settled for message in left)
        if has_to_go and (not line.destination.is_exchange or batch.producer is None):
            batch.keep(left)
        return has_to_go

    def _end(self, batch: MessageBatch, error: PosthornError | None) -> None:
        """All of the batch is settled, or fails."""
        for message in batch.messages:
            if error is not None:
                self._settle(message, error)
        for flush in self._flushes:
            flush.ended(batch)

    def _settle(self, message: PendingMessage, outcome: object) -> None:
        if message.is_settled:
            return
        self.bytes.remove(message.held_bytes)
        self.messages.remove(1)
        assert outcome is not None
        message.settle(outcome)  # type: ignore[arg-type]
