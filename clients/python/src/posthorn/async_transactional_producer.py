"""The async transactional producer: the class that applications use for transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from types import TracebackType

from ._core.group_records import GroupOwner, Position
from ._core.message_batches import Destination
from ._core.messages import MessageProperties, message_text
from ._core.received import Receipt
from ._core.records import OutgoingRecord, PendingRecord
from ._core.typing import Unpack
from ._core.values import Headers
from ._io.transacting import Transacting, end_of
from .async_producer import now_ms


class AsyncTransactionalProducer:
    """Writes to several partitions, topics and queues, all or nothing.

    Readers with `isolation="read_committed"` see the records of a transaction when it is committed, and never those of one
    that was aborted. It runs one transaction at a time. After a failed `send` the transaction can only be aborted, which
    `transaction()` does.

        async with producer.transaction():
            producer.send("invoices", {"total": 12}, key="c-7")
            producer.send("ledger", {"debit": 12}, key="c-7")
    """

    def __init__(self, transacting: Transacting) -> None:
        """Made by `AsyncPosthorn.transactional_producer`."""
        self._transacting = transacting

    @property
    def transacting(self) -> Transacting:
        """For the consumer of a group."""
        return self._transacting

    @property
    def is_undecided(self) -> bool:
        """True if no answer says whether the last commit took effect. Without any answer, `commit` finds out."""
        return self._transacting.is_undecided

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncTransactionalProducer]:
        """Begins a transaction, commits it at the end of the block, and aborts it if the block raises."""
        await self.begin()
        try:
            yield self
        except BaseException as error:
            await end_of(self._transacting, error)
            raise
        await end_of(self._transacting, None)

    async def begin(self) -> None:
        """Begins a transaction.

        The first time, and after this instance lost its place, it takes over the transactional id: what another instance
        has open is aborted, and that instance is fenced.
        """
        await self._transacting.begin()

    def send(
        self,
        topic: str,
        value: object,
        *,
        key: str | bytes | None = None,
        headers: Headers | None = None,
        timestamp: int | datetime | None = None,
        partition: int | None = None,
    ) -> asyncio.Future[Receipt]:
        """Sends one record in the open transaction, as `AsyncProducer.send`. You need not await it: `commit` does."""
        record = OutgoingRecord(value, key, headers, timestamp, partition)
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._transacting.accept(topic, PendingRecord(record, future, now_ms()))
        return future

    def send_offsets(self, owner: GroupOwner, positions: Iterable[Position]) -> asyncio.Future[None]:
        """Commits offsets of a group within the transaction: they take effect if and only if it is committed.

        `owner` is `record.owner` of the group's consumer, a position `record.position`.
        """
        return self._transacting.send_offsets(owner, positions)

    def publish(
        self,
        exchange: str,
        body: object,
        *,
        routing_key: str = "",
        mandatory: bool = False,
        headers: Headers | None = None,
        **properties: Unpack[MessageProperties],
    ) -> asyncio.Future[bool]:
        """Publishes through an exchange in the transaction: routed now, sent when it is committed.

        The future is False if the message is `mandatory` and no binding takes it.
        """
        text = message_text(body, headers, properties, routing_key=routing_key, mandatory=mandatory)
        return self._transacting.hold(Destination("exchange", exchange), text)

    def send_to_queue(
        self, queue: str, body: object, *, headers: Headers | None = None, **properties: Unpack[MessageProperties]
    ) -> asyncio.Future[bool]:
        """Publishes to a queue in the transaction, as `publish` does. A queue that is full by then refuses it."""
        return self._transacting.hold(Destination("queue", queue), message_text(body, headers, properties))

    async def commit(self) -> None:
        """Commits after everything sent is stored. A commit that returns survives every crash.

        Raises PosthornError of the first record that could not be stored, after aborting; `producer_fenced` when another
        instance has taken over; `transaction_aborted` when the transaction timed out. With an error that is `retryable`
        (no reply) the transaction may or may not be committed: call `commit` again to find out.
        """
        await self._transacting.commit()

    async def abort(self) -> None:
        """Aborts: readers of committed records never see what was sent."""
        await self._transacting.abort()

    async def close(self) -> None:
        """Aborts an open transaction."""
        await self._transacting.close()

    async def __aenter__(self) -> AsyncTransactionalProducer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
