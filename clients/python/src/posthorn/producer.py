"""The producer: the class that applications use to send records."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from datetime import datetime
from types import TracebackType

from ._core.names import check_name
from ._core.received import Receipt
from ._core.records import OutgoingRecord, PendingRecord
from ._core.tracing import traced
from ._core.values import Headers
from ._io.inbox import Inbox, running_future
from ._io.loop_thread import LoopThread
from ._io.producing import Producing
from .async_producer import now_ms, pending_batch, receipts_of
from .errors import PosthornError

_Item = tuple[str, PendingRecord]


class Producer:
    """Sends records in batches. It may be used by several threads.

    After a temporary failure (no reply, 429, 503) the producer sends a record again until `delivery_timeout_ms`. Within
    a partition the order is that of `send`, also under retries. The broker stores a record once however often it was
    sent, because it recognises each batch by its producer and sequence. This holds for the life of the producer: an
    application that is started again, or that sends a record again after `timeout`, sends another record.
    """

    def __init__(self, thread: LoopThread, producing: Producing, buffer_bytes: int) -> None:
        """Made by `Posthorn.producer`."""
        self._thread = thread
        self._producing = producing
        self._is_closed = False
        self._inbox: Inbox[_Item] = Inbox(
            thread,
            lambda item: producing.accept(*item),
            lambda item, error: item[1].settle(error),
            lambda item: item[1].held_bytes,
            lambda _, size: producing.backlog.held + size < buffer_bytes,
            producing.backlog.ready,
        )

    @property
    def buffered_bytes(self) -> int:
        """What waits in memory, with an allowance of 256 bytes for each record."""
        return self._producing.backlog.held

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
        """Sends one record. The future that it returns is done when the record is stored.

        `value` is any JSON value, bytes, or None for a tombstone. Records of one `key` go to one partition, in order.
        For speed, do not wait for each one: records that are under way together share batches. If `buffer_bytes` are in
        memory, `send` waits for room.

        Raises PosthornError `invalid_argument` and `closed` at once. The future raises `topic_not_found`,
        `partition_not_found`, `record_too_large`, `key_required`, `timeout`, and other codes of the broker.
        """
        self._check_open()
        check_name("topic", topic)
        future: Future[Receipt] = running_future()
        record = traced(
            self._producing.tracing,
            topic,
            headers,
            future,
            lambda given: PendingRecord(
                OutgoingRecord(value, key, given, timestamp, partition),
                future,
                now_ms(),
                self._producing.claim_check_bytes,
            ),
        )
        self._inbox.put((topic, record))
        return future

    def send_batch(self, topic: str, records: Iterable[OutgoingRecord]) -> list[Receipt]:
        """Sends many records. Returns when all are stored, with one receipt for each, in order.

        It is not a transaction: some may be stored and others not. Raises the PosthornError of the first that failed,
        with `details["receipts"]`: None for what was not stored. After `invalid_argument` nothing was sent.
        """
        self._check_open()
        self._thread.check_may_wait()
        check_name("topic", topic)
        futures: list[Future[Receipt]] = []

        def make_sink() -> Future[Receipt]:
            futures.append(running_future())
            return futures[-1]

        producing = self._producing
        for record in pending_batch(topic, records, make_sink, producing.tracing, producing.claim_check_bytes):
            self._inbox.put((topic, record))
        return receipts_of([future.exception() or future.result() for future in futures])

    def ready(self) -> None:
        """Waits until less than `buffer_bytes` are in memory."""
        self._inbox.wait_for_room()

    def flush(self) -> None:
        """Returns when everything sent before is stored or has failed."""
        self._thread.run(self._flush())

    def close(self) -> None:
        """Flushes, and refuses further records with `closed`."""
        self._is_closed = True
        self.flush()

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def _flush(self) -> None:
        await self._inbox.drained()
        await self._producing.flush()

    def _check_open(self) -> None:
        if self._is_closed:
            raise PosthornError("closed", "the producer is closed")
