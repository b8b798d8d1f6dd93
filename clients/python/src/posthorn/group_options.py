"""Options of a group's consumer, with their defaults. They are keyword arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from ._core.group_records import TopicPartition
from ._core.typing import TypedDict
from ._io.reading import TopicReplaced
from .admin.groups import Assignor


class DeadLetterQueueOrTopic(TypedDict, total=False):
    """Either a queue or a topic."""

    queue: str
    topic: str


class GroupOptions(TypedDict, total=False):
    topic_pattern: str | None
    """Topics to read by name, also those made later: `*` is any characters, `?` any one."""
    delivery: Literal["at-most-once", "at-least-once", "exactly-once"]
    """`at-least-once` (default): handled records are committed, as `commit` says, and others are read again.
    `at-most-once`: up to `max_batch_records` of a partition are committed and then handled. `exactly-once`: what the handler
    sends by the transactional `producer` and how far it has read are one transaction, for up to `max_batch_records` of a
    partition at a time. If a handler raises, the transaction is aborted and tried again; after the last retry the consumer
    ends. What a handler does elsewhere is not part of it, and may happen twice."""
    max_batch_records: int
    """Records of a batch at most. Default 500."""
    concurrency: int
    """How many handlers work at once, over all partitions. Default 10."""
    order_by: Literal["partition", "key"]
    """Which records keep their order. `partition` (default): one record of a partition after another. `key`: records of one
    key one after another, and other keys at the same time. The committed offset is then the lowest one not handled."""
    commit: Literal["interval", "batch", "manual"]
    """When the consumer commits handled records: `interval` (default) every `commit_interval_ms`, `batch` after each batch
    of a partition, `manual` only by `commit()`. The first two commit also when a partition is given up."""
    commit_interval_ms: float
    """Default 5,000."""
    retry_schedule_ms: Sequence[float]
    """The delay before each retry of a handler that raises. Default `[1000, 5000, 30000]`."""
    dead_letter: DeadLetterQueueOrTopic | Literal["none"] | None
    """The target of records whose last retry failed, with headers that say why. Default: the queue `<group>.dlq`, which the
    consumer declares with the first record. `none`: the consumer ends with `handler_failed`, and the next one begins with
    the same record."""
    on_assigned: Callable[[list[TopicPartition]], Any] | None
    """Called when this member got partitions. `seek` and `pause` work in it. Reading begins when it returns."""
    on_revoked: Callable[[list[TopicPartition]], Any] | None
    """Called when partitions go to others. No handler works on them any more, and the broker still accepts commits."""
    on_lost: Callable[[list[TopicPartition]], Any] | None
    """Called when another member already has the partitions, because this one was silent for too long or was removed, or
    when their topic is gone and another one has its name."""
    on_topic_replaced: Callable[[TopicReplaced], Any] | None
    """Called when a topic was deleted and made again. Its partitions are lost; the new ones are read from the start."""
    on_error: Callable[[BaseException, Any], object] | None
    """Called with what a handler raised, refused commits and requests that will be repeated; and with the record (the first
    of a batch) or None. The sync client calls it in a thread of its own: log, and do not call the client there."""
    instance_id: str | None
    """A name of this instance that it keeps after a restart. If it comes back within the session timeout, it gets its
    partitions back. With it, `stop` does not leave the group."""
    session_timeout_ms: int
    """A member that is silent for this long loses its partitions. Default 45,000."""
    assignor: Assignor | None
    """How partitions are spread. The group uses what most members name. Default `sticky-cooperative`."""
    rack: str | None
    """Where the member runs. The broker stores and shows it."""
    auto_offset_reset: Literal["earliest", "latest"] | None
    """Where reading begins in a partition without a committed offset. Default `earliest`. `latest` is the end at the time
    when the group first saw the topic."""
    isolation: Literal["read_uncommitted", "read_committed"]
    """`read_committed`: no records of open or aborted transactions. Default `read_uncommitted`."""
    fetch_bytes: int
    """Bytes of one fetch over all partitions, at most 8 MiB. Default 1 MiB."""
    wait_ms: int
    """How long one request waits for records. Default 30,000."""
