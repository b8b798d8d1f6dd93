"""Records on their way to the broker, and the batches that they are sent in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from ..errors import PosthornError, invalid_argument
from .limits import TIMESTAMP_AHEAD_MS_MAX
from .names import check_partition
from .received import CLAIM_HEADER
from .sequences import BatchProducer
from .values import (
    Headers,
    bytes_text,
    header_pairs,
    headers_text,
    key_bytes,
    record_size,
    text_or_bytes,
    timestamp_ms,
    value_bytes,
    value_size,
    value_text,
)

RECORD_ALLOWANCE_BYTES = 256
"""Memory that a record takes beside its bytes: an estimate that errs high."""

BATCH_OVERHEAD_BYTES = 61
"""What a stored batch has before its records."""

Outcome = TypeVar("Outcome", contravariant=True)


class Sink(Protocol[Outcome]):
    """Who waits for a record or message: a future of `asyncio` or of `concurrent.futures`."""

    def done(self) -> bool: ...
    def set_result(self, result: Outcome, /) -> None: ...
    def set_exception(self, exception: BaseException, /) -> None: ...


@dataclass(frozen=True)
class OutgoingRecord:
    """A record to be sent: the fields of `Producer.send` for `send_batch`."""

    value: Any
    key: str | bytes | None = None
    headers: Headers | None = None
    timestamp: int | datetime | None = None
    partition: int | None = None


class PendingRecord:
    """A record that is not stored yet."""

    __slots__ = (
        "body",
        "content_type",
        "held_bytes",
        "key",
        "pairs",
        "sink",
        "size",
        "text",
        "timestamp",
        "wanted_partition",
    )

    def __init__(
        self, record: OutgoingRecord, sink: Sink[Any], now_ms: int, claim_check_bytes: float = float("inf")
    ) -> None:
        value = value_text(record.value)
        self.key = key_bytes(record.key)
        self.pairs = header_pairs(record.headers)
        self.timestamp = now_ms
        if record.timestamp is not None:
            self.timestamp = timestamp_ms(record.timestamp)
            if self.timestamp > now_ms + TIMESTAMP_AHEAD_MS_MAX:
                raise invalid_argument(f"timestamp {self.timestamp} is more than one hour ahead of now")
        self.wanted_partition = None if record.partition is None else check_partition(record.partition)
        self.sink = sink
        size = value_size(record.value, value)
        self._write(value, size)
        self.held_bytes = self.size + RECORD_ALLOWANCE_BYTES
        self.body = value_bytes(record.value, value) if size > claim_check_bytes else None
        """The value, if it is so large that it goes to the bucket."""
        self.content_type = None if isinstance(record.value, (bytes, bytearray, memoryview)) else "application/json"

    def claim(self, claim: str) -> None:
        """The value is in the bucket: the record says where, in the place of it."""
        self.pairs.append((CLAIM_HEADER, claim.encode()))
        self._write(bytes_text(b""), 0)
        self.body = None

    def _write(self, value: str, size: int) -> None:
        key = "" if self.key is None else f'"key":{text_or_bytes(self.key)},'
        headers = f'"headers":{headers_text(self.pairs)},' if self.pairs else ""
        self.text = f'{{{key}{headers}"timestamp":{self.timestamp},"value":{value}'
        self.size = record_size(self.key, size, self.pairs)

    @property
    def is_free(self) -> bool:
        """The producer chooses its partition."""
        return self.wanted_partition is None and self.key is None

    def settle(self, outcome: Any) -> None:
        """Tells who waits, unless they wait no longer."""
        settle(self.sink, outcome)


def settle(sink: Sink[Any], outcome: Any) -> None:
    if sink.done():
        return
    if isinstance(outcome, PosthornError):
        sink.set_exception(outcome)
    else:
        sink.set_result(outcome)


@dataclass(eq=False)
class RecordBatch:
    """Records of one partition that are sent together."""

    partition: int
    deadline: float
    """No attempt begins after this, by the clock of the producer."""
    regroupings: int = 0
    """How often its records have been refused and put into new batches."""
    records: list[PendingRecord] = field(default_factory=list)
    size: int = BATCH_OVERHEAD_BYTES
    held_bytes: int = 0
    failures: int = 0
    """Attempts that failed."""
    producer: BatchProducer | None = None

    def add(self, record: PendingRecord) -> None:
        self.records.append(record)
        self.size += record.size
        self.held_bytes += record.held_bytes

    def remove(self, indexes: set[int]) -> list[PendingRecord]:
        """Takes records out. Returns them."""
        removed = [record for index, record in enumerate(self.records) if index in indexes]
        self.records = [record for index, record in enumerate(self.records) if index not in indexes]
        self.size -= sum(record.size for record in removed)
        self.held_bytes -= sum(record.held_bytes for record in removed)
        return removed

    def content(self, acks: str, transactional_id: str | None = None) -> bytes:
        """Returns the body of the request. What is tried again is the same."""
        end = f',"partition":{self.partition}}}'
        records = ",".join(record.text + end for record in self.records)
        more = "" if acks == "durable" else f',"acks":"{acks}"'
        if self.producer is not None:
            fields: dict[str, Any] = dict(self.producer.fields())
            if transactional_id is not None:
                fields["transactional_id"] = transactional_id
            more += f',"producer":{json.dumps(fields)}'
        return f'{{"records":[{records}]{more}}}'.encode()
