"""Topics: declare, read, list, change and delete them, and look into their partitions."""

from __future__ import annotations

from typing import Any, Literal

from .._core.calls import Call, Operation, json_body
from .._core.names import partition_path, topic_path
from .._core.typing import NotRequired, TypedDict, Unpack
from .binding import Awaiting, Blocking, ask, awaiting, blocking, delete, list_all


class TopicChange(TypedDict, total=False):
    """Settings that can change after the topic was made."""

    partitions: int
    """How many; can grow, never shrink. Default 1."""
    retention_ms: int | None
    """Records older than this are removed; None keeps them for ever. Default seven days."""
    retention_bytes: int | None
    """Each partition is held to about this size; None, the default, sets no limit."""
    hot_bytes: int | None
    """What each partition keeps in its object; older records move to the bucket, if there is one. None: none move.
    Default 1 GB."""
    cleanup_policy: Literal["delete", "compact", "compact,delete"]
    delete_retention_ms: int
    """How long compaction keeps a tombstone. Default a day."""
    min_cleanable_dirty_ratio: float
    timestamp_type: Literal["create", "append"]
    max_batch_bytes: int


class TopicSettings(TopicChange, total=False):
    location_hint: Literal["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] | None
    jurisdiction: Literal["eu", "fedramp"] | None


class Topic(TypedDict):
    topic: str
    topic_id: int
    """It changes when the topic is deleted and made again."""
    partitions: int
    retention_ms: int | None
    retention_bytes: int | None
    hot_bytes: int | None
    cleanup_policy: str
    delete_retention_ms: int
    min_cleanable_dirty_ratio: float
    timestamp_type: str
    max_batch_bytes: int
    location_hint: str | None
    jurisdiction: str | None
    topology_version: NotRequired[int]
    """Not in lists."""


class PartitionState(TypedDict):
    topic: str
    topic_id: int
    partition: int
    log_start_offset: int
    """The first offset that can be read."""
    high_watermark: int
    """The offset that the next record will get."""
    last_stable_offset: int
    producers: int
    size_bytes: int
    cold_bytes: int
    """Those of them that are in the bucket."""
    segments: int
    storage_bytes: int
    waiting: int
    damaged_batches: int
    meter: dict[str, Any]


class RecordsDeleted(TypedDict):
    topic: str
    topic_id: int
    partition: int
    log_start_offset: int
    high_watermark: int


def declare_topic(topic: str, **settings: Unpack[TopicSettings]) -> Operation[Topic]:
    """Creates a topic, or checks that it has the given settings. Others take their defaults and are not checked.

    Raises PosthornError `topic_differs`, `quota_exceeded`.
    """
    return (yield from ask(Topic, Call("PUT", topic_path(topic), body=json_body(settings))))


def get_topic(topic: str) -> Operation[Topic]:
    """Returns the definition of a topic. Raises PosthornError `topic_not_found`."""
    return (yield from ask(Topic, Call("GET", topic_path(topic))))


def list_topics() -> Operation[list[Topic]]:
    """Returns all topics of the namespace, by name."""
    return (yield from list_all(Topic, "/topics", "topics"))


def change_topic(topic: str, **change: Unpack[TopicChange]) -> Operation[Topic]:
    """Changes settings of a topic. Others stay."""
    return (yield from ask(Topic, Call("PATCH", topic_path(topic), body=json_body(change))))


def delete_topic(topic: str) -> Operation[None]:
    """Deletes a topic with all its records."""
    yield from delete(topic_path(topic), "topic_not_found")


def describe_partition(topic: str, partition: int) -> Operation[PartitionState]:
    """Returns the offsets of a partition, its size, and what it has written."""
    return (yield from ask(PartitionState, Call("GET", partition_path(topic, partition))))


def delete_records(
    topic: str, partition: int, before: int | Literal["latest"], *, topic_id: int | None = None
) -> Operation[RecordsDeleted]:
    """Removes the records below an offset, for good; `latest` removes all there are."""
    query = {"before": before, "topic_id": topic_id}
    return (yield from ask(RecordsDeleted, Call("DELETE", f"{partition_path(topic, partition)}/records", query=query)))


class Topics(Blocking):
    """Declare, read, list, change and delete topics; see into partitions."""

    declare = blocking(declare_topic)
    get = blocking(get_topic)
    list = blocking(list_topics)
    change = blocking(change_topic)
    delete = blocking(delete_topic)
    describe_partition = blocking(describe_partition)
    delete_records = blocking(delete_records)


class AsyncTopics(Awaiting):
    """Declare, read, list, change and delete topics; see into partitions."""

    declare = awaiting(declare_topic)
    get = awaiting(get_topic)
    list = awaiting(list_topics)
    change = awaiting(change_topic)
    delete = awaiting(delete_topic)
    describe_partition = awaiting(describe_partition)
    delete_records = awaiting(delete_records)
