"""Group records: what handlers get. A record, or a batch of one partition; and where they came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .received import ReceivedRecord


@dataclass(frozen=True)
class TopicPartition:
    topic: str
    topic_id: int
    """The topic by its identity: one that is deleted and made again under its name has another."""
    partition: int

    def fields(self) -> dict[str, Any]:
        return {"topic": self.topic, "topic_id": self.topic_id, "partition": self.partition}


@dataclass(frozen=True)
class Position:
    """Where to read on in a partition: what to commit."""

    topic: str
    partition: int
    offset: int
    """Of the next record to read."""
    topic_id: int | None = None
    """The topic that it belongs to: refused where that was made again since. None: not checked."""
    metadata: str | None = None
    """At most 4,096 bytes, kept with the offset."""

    def fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"topic": self.topic, "partition": self.partition, "offset": self.offset}
        if self.topic_id is not None:
            fields["topic_id"] = self.topic_id
        if self.metadata is not None:
            fields["metadata"] = self.metadata
        return fields


@dataclass(frozen=True)
class GroupOwner:
    """The owner of a partition in a group. The broker accepts commits that name it until another member has it."""

    group: str
    member_id: str
    epoch: int
    """The group's epoch when the member learned that the partition is its own."""


@dataclass(frozen=True)
class PartitionLag:
    """How far a partition is handled, and how much there is."""

    topic: str
    partition: int
    lag: int
    """Records that are not handled yet. Counted by offsets: what compaction removed counts too."""
    position: int
    """The next record to handle."""
    high_watermark: int


class GroupRecord(ReceivedRecord):
    """A record that a group's consumer hands out."""

    __slots__ = ("_is_lost", "attempt", "owner")

    attempt: int
    """1 for the first attempt."""
    owner: GroupOwner
    """Who has it: for committing it elsewhere, in a transaction."""

    def __init__(
        self, place: TopicPartition, fields: dict[str, Any], owner: GroupOwner, is_lost: Callable[[], bool]
    ) -> None:
        """Made by the consumer."""
        super().__init__(place.topic, place.topic_id, place.partition, fields)
        self.attempt = 1
        self.owner = owner
        self._is_lost = is_lost

    @property
    def is_lost(self) -> bool:
        """Another member already has the partition, or the consumer was aborted: further work is done twice."""
        return self._is_lost()

    @property
    def position(self) -> Position:
        """What to commit when it and all before it are handled: the offset after it."""
        return Position(self.topic, self.partition, self.offset + 1, self.topic_id)


class GroupBatch:
    """Records of one partition, in their order; at least one."""

    def __init__(self, records: list[GroupRecord], attempt: int, handled: Callable[[int], None]) -> None:
        """Made by the consumer."""
        self.records = records
        self.attempt = attempt
        self._handled = handled

    @property
    def topic(self) -> str:
        return self.records[0].topic

    @property
    def partition(self) -> int:
        return self.records[0].partition

    @property
    def owner(self) -> GroupOwner:
        return self.records[0].owner

    @property
    def is_lost(self) -> bool:
        """Another member already has the partition, or the consumer was aborted: further work is done twice."""
        return self.records[0].is_lost

    @property
    def position(self) -> Position:
        """What to commit when all of it is handled."""
        return self.records[-1].position

    def mark_handled(self, record: GroupRecord) -> None:
        """Marks this record and those before it as handled. If the handler raises, the next attempt begins after it."""
        self._handled(record.offset + 1)
