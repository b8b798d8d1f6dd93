"""What queues are declared with, and what is told about them."""

from __future__ import annotations

from typing import Any, Literal

from .._core.typing import NotRequired, TypedDict


class RetrySchedule(TypedDict):
    schedule_ms: list[int]
    """The delay before each retry; after the last one the message becomes a dead letter."""


class ExponentialRetry(TypedDict):
    base_ms: int
    factor: float
    max_ms: int
    jitter: NotRequired[float]
    """The share of a delay that is left to chance: 0 none, 1 all of it."""
    attempts: int


class DeadLetterQueue(TypedDict):
    queue: str


class DeadLetterExchange(TypedDict):
    exchange: str
    routing_key: NotRequired[str]


DeadLetterTarget = Literal["none"] | DeadLetterQueue | DeadLetterExchange


YieldingSetting = Literal["overflow", "lease_ms", "dedup_window_ms", "retry", "dead_letter"]


class QueueChange(TypedDict, total=False):
    """Settings that can change while the queue holds messages."""

    message_ttl_ms: int | None
    """Messages that are older expire; None, the default: never."""
    expires_ms: int | None
    """The queue is deleted when nobody has used it for this long."""
    max_length: int | None
    max_bytes: int | None
    overflow: Literal["drop-head", "reject-publish", "reject-publish-dlx"]
    single_active_consumer: bool
    lease_ms: int
    """How long a consumer has a message before it is delivered again. Default 30,000."""
    dedup_window_ms: int
    """A message with a `message_id` that was seen within this time is not stored again; 0, the default: off."""
    retry: RetrySchedule | ExponentialRetry
    """Default `{"schedule_ms": [1000, 5000, 30000]}`."""
    dead_letter: DeadLetterTarget | None
    """Where dead letters go; None, the default: the queue `<queue>.dlq`."""
    auto_delete: bool
    unless_policy: list[YieldingSetting]
    """Settings of the queue that hold unless a policy sets them. Default: none."""
    annotation: NotRequired[str]
    """What a client keeps with the queue. It is only compared when the queue is declared again."""


class QueueSettings(QueueChange, total=False):
    max_priority: int
    """Messages have priorities from 0 to this, at most 31. Default 0."""


class Queue(TypedDict):
    queue: str
    max_priority: int
    message_ttl_ms: int | None
    expires_ms: int | None
    max_length: int | None
    max_bytes: int | None
    overflow: str
    single_active_consumer: bool
    lease_ms: int
    dedup_window_ms: int
    retry: RetrySchedule | ExponentialRetry
    dead_letter: DeadLetterTarget | None
    auto_delete: bool
    unless_policy: NotRequired[list[YieldingSetting]]
    """Settings of the queue that hold unless a policy sets them."""
    annotation: NotRequired[str]
    """What a client keeps with the queue; the broker compares it when the queue is declared again."""
    warnings: NotRequired[list[str]]
    """Likely mistakes, such as a dead-letter target that does not exist."""
    topology_version: NotRequired[int]
    """Not in lists."""


class QueueState(TypedDict):
    ready: int
    """Messages that can be delivered."""
    leased: int
    """Messages that consumers have."""
    parked: int
    """Messages that wait for their time: delayed, or to be retried."""
    outgoing: int
    outgoing_problem: str | None
    lost: dict[str, int]
    bytes: int
    oldest_ms: int | None
    consumers: int
    is_paused: bool
    alerts: list[dict[str, Any]]
    storage_bytes: int
    meter: dict[str, Any]


class QueueWithState(Queue):
    state: QueueState
