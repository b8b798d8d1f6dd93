"""Options of producers, publishers, readers and consumers, with their defaults. They are keyword arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from ._core.retry import RetryPolicy
from ._core.start import Start
from ._core.typing import TypedDict
from ._io.reading import TopicReplaced

__all__ = [
    "ConsumerOptions",
    "MessagesOptions",
    "ProducerOptions",
    "PublisherOptions",
    "ReaderOptions",
    "ResponderOptions",
    "RetryPolicy",
    "TransactionalProducerOptions",
]


class ProducerOptions(TypedDict, total=False):
    batch_bytes: int
    """A batch is full at this size. Default 512 KiB, at most 1 MiB."""
    max_in_flight: int
    """Requests under way at once. For each partition there is at most one, which keeps its order. Default 4."""
    acks: Literal["durable", "none"]
    """Default `durable`: a future is done when its record is stored. `none`: when the broker has taken the record, with
    offset -1, and nothing is promised."""
    idempotent: bool
    """Default True, unless `acks` is `none`: the broker stores a record once and in order, however often it is sent, for
    the life of this producer."""
    delivery: Literal["at-most-once", "at-least-once", "exactly-once"]
    """The level by name, instead of `acks` and `idempotent`. `exactly-once` is the default."""
    buffer_bytes: int
    """Records in memory, with 256 bytes added for each. Above it `ready()` waits, and `send` of the sync client too.
    Default 32 MiB."""
    delivery_timeout_ms: float
    """How long the producer tries to send a record before it fails with `timeout`. Default 120,000."""
    claim_check_bytes: float
    """Values of more bytes go to the broker's bucket as objects, and consumers get them back. Default 262,144;
    `float("inf")`: none does. Without a bucket, or without the right to `write` objects, they stay limited to 1 MiB."""
    claim_ttl_ms: float
    """How long such an object lives at least. Default seven days. The retention of a topic and the TTL of a queue make it
    longer."""


class TransactionalProducerOptions(TypedDict, total=False):
    batch_bytes: int
    """A batch is full at this size. Default 512 KiB, at most 1 MiB."""
    max_in_flight: int
    """Requests under way at once. Default 4."""
    buffer_bytes: int
    """Records in memory, with 256 bytes added for each. Default 32 MiB."""
    delivery_timeout_ms: float
    """How long a record, and the end of a transaction, is tried. Default 120,000."""


class PublisherOptions(TypedDict, total=False):
    batch_messages: int
    """A batch is full with this many messages. Default 5,000, at most 10,000."""
    batch_bytes: int
    """A batch is full at this size. Default 512 KiB, at most 1 MiB."""
    max_in_flight: int
    """Requests under way at once. To each queue or exchange there is at most one, which keeps order. Default 4."""
    max_unconfirmed: int
    """Messages that are published and not confirmed; above it `ready()` waits. Default 10,000."""
    buffer_bytes: int
    """Messages in memory, with 256 bytes added for each; above it `ready()` waits. Default 32 MiB."""
    delivery_timeout_ms: float
    """How long a message is tried before it fails with `timeout`. A queue that is full and refuses messages is tried as
    long. Default 120,000."""
    idempotent: bool
    """Default True: a queue, and each destination of an exchange, stores a message once, in order, however often it has
    to be sent, for the life of this publisher."""
    delivery: Literal["at-least-once", "exactly-once"]
    """The level by name instead of `idempotent`. `exactly-once` is the default."""
    message_ids: bool | None
    """Whether messages without a `message_id` are given one. Default: those that go through an exchange are, and those
    that go to a queue with a `dedup_window_ms`."""
    claim_check_bytes: float
    """Bodies of more bytes go to the broker's bucket as objects, and consumers get them back. Default 262,144;
    `float("inf")`: none does. Without a bucket, or without the right to `write` objects, they stay limited to 1 MiB."""
    claim_ttl_ms: float
    """How long such an object lives at least. Default seven days. The retention of a topic and the TTL of a queue make it
    longer."""


class ReaderOptions(TypedDict, total=False):
    start: Start | Mapping[int, Start]
    """`earliest` (default), `latest`, an offset or a datetime, for all partitions or by partition. To go on where you left
    off, store `record.offset + 1` for each partition."""
    partitions: list[int] | None
    """Default: all that the topic has when reading begins."""
    topic_id: int | None
    """The topic that the offsets in `start` belong to: `record.topic_id`, stored with them. If the topic was deleted and
    made again since, the offsets are void, and `on_out_of_range` decides. Default: not checked."""
    follow: bool
    """Default True: the loop waits for new records for ever. False: it ends with the last record that existed at the
    start."""
    on_out_of_range: Literal["error", "earliest", "latest"]
    """When the position was removed by retention, does not exist, or was in a topic that was deleted and made again:
    raise (default), or go on at the `earliest` or `latest` offset and miss records."""
    on_topic_replaced: Callable[[TopicReplaced], object] | None
    """Called for each partition when the topic was deleted and made again, and reading goes on in the new one."""
    on_corrupt: Literal["error", "skip"]
    """Records that are damaged on disk raise `stored_batch_corrupt` (default), or are left out."""
    isolation: Literal["read_uncommitted", "read_committed"]
    """`read_committed`: no records of open or aborted transactions. Default `read_uncommitted`."""
    fetch_bytes: int
    """Bytes of one fetch, at most 8 MiB. For each partition up to two are in memory. Default 1 MiB."""
    wait_ms: int
    """How long one request waits for new records, 1 to 300,000. Default 30,000."""
    give_up_ms: float
    """How long temporary failures are tried again before they are raised. Default 120,000."""


class MessagesOptions(TypedDict, total=False):
    prefetch: int
    """Messages that may come before you settle one. Default 100 for loops and 1,000 for handlers, at most 10,000. If
    handling takes long, a smaller value leaves more to other consumers."""
    lease_ms: int | None
    """The lease of a message, at least 500. The consumer extends it while it holds the message, so this decides how soon
    another consumer gets the messages of a lost one. Default: the queue's."""
    wait_ms: int
    """How long one request waits for messages. Default 30,000."""
    settle_batch: int
    """Settlements in one request at most. Default 1,000."""
    consumer_id: str | None
    """The consumer id that the broker sees. Default: random."""
    on_error: Callable[[BaseException, Any], object] | None
    """Called with what a handler raised, refused settlements and requests that will be repeated; and with the message or
    None. The sync client calls it in a thread of its own: log, and do not call the client there."""


class ConsumerOptions(MessagesOptions, total=False):
    concurrency: int
    """Messages that are handled at once. Default 10. With 1 they are handled in the order of the queue; messages of one
    ordering key are always handled one after another."""
    settle: Literal["auto", "manual"]
    """`auto` (default): a message is acknowledged when its handler returns, and nacked when it raises, unless the handler
    has settled it. `manual`: only the handler settles it, perhaps after it has returned."""
    delivery: Literal["at-most-once", "at-least-once"]
    """`at-least-once` (default): a message is leased until it is settled, and is delivered again otherwise.
    `at-most-once`: the queue settles it on delivery; up to `prefetch` messages are lost if the process dies."""


class ResponderOptions(MessagesOptions, total=False):
    concurrency: int
    """Requests that are handled at once. Default 10."""
