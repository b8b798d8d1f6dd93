"""The async producer: the class that applications use to send records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any

from ._core.received import Receipt
from ._core.records import OutgoingRecord, PendingRecord
from ._core.tracing import Tracing, traced
from ._core.values import Headers
from ._io.producing import Producing
from .errors import PosthornError, invalid_argument


class AsyncProducer:
    """Sends records in batches.

    After a temporary failure (no reply, 429, 503) the producer sends a record again until `delivery_timeout_ms`. Within
    a partition the order is that of `send`, also under retries. The broker stores a record once however often it was
    sent, because it recognises each batch by its producer and sequence. This holds for the life of the producer: an
    application that is started again, or that sends a record again after `timeout`, sends another record.
    """

    def __init__(self, producing: Producing) -> None:
        """Made by `AsyncPosthorn.producer`."""
        self._producing = producing
        self._is_closed = False

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
    ) -> asyncio.Future[Receipt]:
        """Sends one record. The future that it returns is done when the record is stored.

        `value` is any JSON value, bytes, or None for a tombstone. Records of one `key` go to one partition, in order.
        For speed, do not await each one: records that are under way together share batches. In a loop await `ready()`.

        Raises PosthornError `invalid_argument` and `closed` at once. The future raises `topic_not_found`,
        `partition_not_found`, `record_too_large`, `key_required`, `timeout`, and other codes of the broker.
        """
        self._check_open()
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
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
        self._producing.accept(topic, record)
        return future

    async def send_batch(self, topic: str, records: Iterable[OutgoingRecord]) -> list[Receipt]:
        """Sends many records. Returns when all are stored, with one receipt for each, in order.

        It is not a transaction: some may be stored and others not. Raises the PosthornError of the first that failed,
        with `details["receipts"]`: None for what was not stored. After `invalid_argument` nothing was sent.
        """
        self._check_open()
        loop = asyncio.get_running_loop()
        pending = pending_batch(
            topic, records, loop.create_future, self._producing.tracing, self._producing.claim_check_bytes
        )
        for record in pending:
            self._producing.accept(topic, record)
        futures: list[asyncio.Future[Receipt]] = [record.sink for record in pending]  # type: ignore[misc]
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        return receipts_of(outcomes)

    async def ready(self) -> None:
        """Waits until less than `buffer_bytes` are in memory. `send` itself never refuses when memory is full."""
        await self._producing.backlog.ready()

    async def flush(self) -> None:
        """Returns when everything sent before is stored or has failed."""
        await self._producing.flush()

    async def close(self) -> None:
        """Flushes, and refuses further records with `closed`."""
        self._is_closed = True
        await self._producing.flush()

    async def __aenter__(self) -> AsyncProducer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise PosthornError("closed", "the producer is closed")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def pending_batch(
    topic: str,
    records: Iterable[OutgoingRecord],
    make_sink: object,
    tracing: Tracing | None,
    claim_check_bytes: float = float("inf"),
) -> list[PendingRecord]:
    """Returns the records with a sink each. Raises PosthornError `invalid_argument`, which says which is wrong."""
    assert callable(make_sink)
    sent_ms = now_ms()
    pending: list[PendingRecord] = []
    for index, record in enumerate(records):
        try:
            pending.append(_pending(topic, record, make_sink(), sent_ms, tracing, claim_check_bytes))
        except PosthornError as error:
            raise invalid_argument(f"record {index}: {error}") from error
    return pending


def _pending(
    topic: str, record: OutgoingRecord, sink: Any, sent_ms: int, tracing: Tracing | None, claim_check_bytes: float
) -> PendingRecord:
    if tracing is None:
        return PendingRecord(record, sink, sent_ms, claim_check_bytes)
    return traced(
        tracing,
        topic,
        record.headers,
        sink,
        lambda given: PendingRecord(replace(record, headers=given), sink, sent_ms, claim_check_bytes),
    )


def receipts_of(outcomes: Iterable[Receipt | BaseException]) -> list[Receipt]:
    """Returns the receipts if all are stored. Raises the first failure otherwise."""
    known = list(outcomes)
    receipts = [outcome for outcome in known if isinstance(outcome, Receipt)]
    if len(receipts) == len(known):
        return receipts
    first = next(outcome for outcome in known if not isinstance(outcome, Receipt))
    if not isinstance(first, PosthornError):
        raise first
    stored = [outcome if isinstance(outcome, Receipt) else None for outcome in known]
    error = PosthornError(
        first.code,
        str(first),
        retryable=first.retryable,
        status=first.status,
        details={**first.details, "receipts": stored},
        retry_after=first.retry_after,
    )
    raise error from first
