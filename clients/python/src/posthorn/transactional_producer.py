"""The transactional producer: the class that applications use for transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import TypeVar

from ._core.group_records import GroupOwner, Position
from ._core.message_batches import Destination
from ._core.messages import MessageProperties, message_text
from ._core.names import check_name
from ._core.received import Receipt
from ._core.records import OutgoingRecord, PendingRecord
from ._core.typing import Unpack
from ._core.values import Headers
from ._io.inbox import Inbox, running_future
from ._io.loop_thread import LoopThread
from ._io.transacting import Transacting, end_of
from .async_producer import now_ms

Result = TypeVar("Result")


class TransactionalProducer:
    """Writes to several partitions, topics and queues, all or nothing.

    Readers with `isolation="read_committed"` see the records of a transaction when it is committed, and never those of one
    that was aborted. It runs one transaction at a time. After a failed `send` the transaction can only be aborted, which
    `transaction()` does.

        with producer.transaction():
            producer.send("invoices", {"total": 12}, key="c-7")
            producer.send("ledger", {"debit": 12}, key="c-7")
    """

    def __init__(self, thread: LoopThread, make: Callable[[], Transacting], buffer_bytes: int) -> None:
        """Made by `Posthorn.transactional_producer`."""
        self._thread = thread

        async def begin() -> Transacting:
            return make()

        transacting = self._transacting = thread.run(begin())
        self._inbox: Inbox[tuple[str, PendingRecord]] = Inbox(
            thread,
            lambda item: transacting.accept(*item),
            lambda item, error: item[1].settle(error),
            lambda item: item[1].held_bytes,
            lambda _, size: transacting.producing.backlog.held + size < buffer_bytes,
            transacting.producing.backlog.ready,
        )

    @property
    def transacting(self) -> Transacting:
        """For the consumer of a group."""
        return self._transacting

    @property
    def is_undecided(self) -> bool:
        """True if no answer says whether the last commit took effect. Without any answer, `commit` finds out."""
        return self._transacting.is_undecided

    @contextmanager
    def transaction(self) -> Iterator[TransactionalProducer]:
        """Begins a transaction, commits it at the end of the block, and aborts it if the block raises."""
        self.begin()
        try:
            yield self
        except BaseException as error:
            self._thread.run(self._end(error))
            raise
        self._thread.run(self._end(None))

    def begin(self) -> None:
        """Begins a transaction.

        The first time, and after this instance lost its place, it takes over the transactional id: what another instance
        has open is aborted, and that instance is fenced.
        """
        self._thread.run(self._transacting.begin())

    def send(
        self,
        topic: str,
        value: object,
        *,
        key: str | bytes | None = None,
        headers: Headers | None = None,
        timestamp: int | datetime | None = None,
        partition: int | None = None,
    ) -> Future[Receipt]:
        """Sends one record in the open transaction, as `Producer.send`. You need not wait for it: `commit` does."""
        self._transacting.check_begun()
        record = OutgoingRecord(value, key, headers, timestamp, partition)
        future: Future[Receipt] = running_future()
        self._inbox.put((check_name("topic", topic), PendingRecord(record, future, now_ms())))
        return future

    def send_offsets(self, owner: GroupOwner, positions: Iterable[Position]) -> Future[None]:
        """Commits offsets of a group within the transaction: they take effect if and only if it is committed.

        `owner` is `record.owner` of the group's consumer, a position `record.position`.
        """
        chosen = list(positions)
        return self._begun(lambda: self._transacting.send_offsets(owner, chosen))

    def publish(
        self,
        exchange: str,
        body: object,
        *,
        routing_key: str = "",
        mandatory: bool = False,
        headers: Headers | None = None,
        **properties: Unpack[MessageProperties],
    ) -> Future[bool]:
        """Publishes through an exchange in the transaction: routed now, sent when it is committed.

        The future is False if the message is `mandatory` and no binding takes it.
        """
        text = message_text(body, headers, properties, routing_key=routing_key, mandatory=mandatory)
        return self._begun(lambda: self._transacting.hold(Destination("exchange", exchange), text))

    def send_to_queue(
        self, queue: str, body: object, *, headers: Headers | None = None, **properties: Unpack[MessageProperties]
    ) -> Future[bool]:
        """Publishes to a queue in the transaction, as `publish` does. A queue that is full by then refuses it."""
        text = message_text(body, headers, properties)
        return self._begun(lambda: self._transacting.hold(Destination("queue", queue), text))

    def commit(self) -> None:
        """Commits after everything sent is stored. A commit that returns survives every crash.

        Raises PosthornError of the first record that could not be stored, after aborting; `producer_fenced` when another
        instance has taken over; `transaction_aborted` when the transaction timed out. With an error that is `retryable`
        (no reply) the transaction may or may not be committed: call `commit` again to find out.
        """
        self._thread.run(self._end(None))

    def abort(self) -> None:
        """Aborts: readers of committed records never see what was sent."""
        self._thread.run(self._abort())

    def close(self) -> None:
        """Aborts an open transaction."""
        self._thread.run(self._close())

    def __enter__(self) -> TransactionalProducer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _begun(self, begin: Callable[[], asyncio.Future[Result]]) -> Future[Result]:
        """Begins in the thread, so that what follows comes after it, and does not wait for its end."""
        self._transacting.check_begun()
        future: Future[Result] = running_future()

        async def run() -> None:
            begin().add_done_callback(lambda done: _copy(done, future))

        self._thread.run(run())
        return future

    async def _end(self, error: BaseException | None) -> None:
        await self._inbox.drained()
        await end_of(self._transacting, error)

    async def _abort(self) -> None:
        await self._inbox.drained()
        await self._transacting.abort()

    async def _close(self) -> None:
        await self._inbox.drained()
        await self._transacting.close()


def _copy(done: asyncio.Future[Result], to: Future[Result]) -> None:
    if done.cancelled():
        to.set_exception(asyncio.CancelledError())
        return
    error = done.exception()
    if error is None:
        to.set_result(done.result())
    else:
        to.set_exception(error)
