"""Topic lines: what a producer holds for one topic, a line of batches for each partition.

Of each line one batch at a time is under way, which keeps the order when it is sent again. A batch goes as soon as nothing
else of its line is under way, and gathers records until then. So a record that is alone never waits, and batches grow with
the time that a request takes.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import PosthornError
from .limits import RECORD_BYTES_MAX, REQUEST_RECORDS_MAX
from .murmur2 import partition_for_key
from .records import BATCH_OVERHEAD_BYTES, PendingRecord, RecordBatch

if TYPE_CHECKING:
    from ..admin.topics import Topic


@dataclass(eq=False)
class Line:
    """The batches of one partition."""

    partition: int
    closed: deque[RecordBatch] = field(default_factory=deque)
    """The next to go first."""
    open: RecordBatch | None = None
    """The batch that takes records."""
    under_way: RecordBatch | None = None

    @property
    def is_idle(self) -> bool:
        return self.under_way is None and self.open is None and not self.closed


class TopicLines:
    def __init__(self, name: str, batch_bytes: int, delivery_timeout_s: float) -> None:
        self.name = name
        self.topic: Topic | None = None
        """None until it is loaded."""
        self.loaded_at = 0.0
        self.waiting: list[PendingRecord] = []
        """In order. While there are any, new records line up behind them."""
        self.live: set[RecordBatch] = set()
        """Every batch that is neither stored nor given up."""
        self._batch_bytes = batch_bytes
        self._delivery_timeout_s = delivery_timeout_s
        self._lines: dict[int, Line] = {}
        self._sticky: Line | None = None
        """Where records without a key go."""

    def add(self, record: PendingRecord, now: float, regroupings: int = 0) -> PosthornError | None:
        """Puts a record into the batch of its partition. Returns why not; that may only mean that the topic is old."""
        topic = self.topic
        assert topic is not None, "the topic is loaded first"
        refused = _refusal(record, topic)
        if refused is not None:
            return refused
        line = self._line_for(record, topic["partitions"])
        most = min(self._batch_bytes, topic["max_batch_bytes"])
        if line.open is not None and line.open.size + record.size > most:
            self._close(line)
        if line.open is None:
            line.open = RecordBatch(line.partition, now + self._delivery_timeout_s, regroupings)
            self.live.add(line.open)
        line.open.add(record)
        if line.open.size >= most or len(line.open.records) >= REQUEST_RECORDS_MAX:
            self._close(line)
        return None

    def take(self) -> RecordBatch | None:
        """Returns a batch that may go, which is under way from then on; the partition that waited longest first."""
        for line in self._lines.values():
            if line.under_way is not None:
                continue
            if not line.closed and line.open is not None:
                self._close(line)
            if line.closed:
                line.under_way = line.closed.popleft()
                # Behind the others.
                self._lines[line.partition] = self._lines.pop(line.partition)
                return line.under_way
        return None

    def release(self, partition: int, again: RecordBatch | None = None) -> None:
        """The partition has nothing on its way any more; `again` goes first."""
        line = self._lines[partition]
        line.under_way = None
        if again is not None:
            line.closed.appendleft(again)

    def drain(self, partition: int) -> list[RecordBatch]:
        """Empties the line of a partition: all its batches that are not on their way, in order."""
        line = self._lines[partition]
        if line.open is not None:
            self._close(line)
        drained = list(line.closed)
        line.closed.clear()
        return drained

    def drain_all(self) -> list[RecordBatch]:
        return [batch for partition in list(self._lines) for batch in self.drain(partition)]

    def _close(self, line: Line) -> None:
        assert line.open is not None
        line.closed.append(line.open)
        line.open = None
        # What is full makes room for another partition; behind what is under way the next batch gathers.
        if self._sticky is line and line.under_way is not None:
            self._sticky = None

    def _line_for(self, record: PendingRecord, partitions: int) -> Line:
        if record.wanted_partition is not None:
            return self._line(record.wanted_partition)
        if record.key is not None:
            return self._line(partition_for_key(record.key, partitions))
        if self._sticky is None or self._sticky.is_idle:
            self._sticky = self._pick_sticky(partitions)
        return self._sticky

    def _pick_sticky(self, partitions: int) -> Line:
        """Returns a partition with nothing to do, from a random one on; any if all have something."""
        first = random.randrange(partitions)
        lines = (self._line((first + nth) % partitions) for nth in range(partitions))
        return next((line for line in lines if line.is_idle), self._line(first))

    def _line(self, partition: int) -> Line:
        line = self._lines.get(partition)
        if line is None:
            line = self._lines[partition] = Line(partition)
        return line


def _refusal(record: PendingRecord, topic: Any) -> PosthornError | None:
    bytes_max = min(RECORD_BYTES_MAX, topic["max_batch_bytes"] - BATCH_OVERHEAD_BYTES)
    if record.size > bytes_max:
        return PosthornError(
            "record_too_large",
            f'the record has about {record.size} bytes; topic "{topic["topic"]}" takes {bytes_max}',
            details={"bytes_max": bytes_max},
        )
    if record.key is None and topic["cleanup_policy"] != "delete":
        return PosthornError("key_required", f'topic "{topic["topic"]}" is compacted: records need a key')
    if record.wanted_partition is not None and record.wanted_partition >= topic["partitions"]:
        return PosthornError(
            "partition_not_found",
            f'topic "{topic["topic"]}" has no partition {record.wanted_partition}',
            details={"partition": record.wanted_partition},
        )
    return None
