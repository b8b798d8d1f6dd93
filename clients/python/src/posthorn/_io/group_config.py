"""The options of a group's consumer, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .._core.limits import FETCH_BYTES_MAX, WAIT_MS_MAX, MiB, check_range
from .._core.names import check_name, check_wide_name
from ..errors import invalid_argument
from .reading import TopicReplaced, check_one_of

RETRY_SCHEDULE_MS = (1_000, 5_000, 30_000)


@dataclass(frozen=True)
class GroupConfig:
    group: str
    topics: tuple[str, ...]
    topic_pattern: str | None
    delivery: str
    by: Literal["record", "key", "batch"]
    max_batch_records: int
    concurrency: int
    commit: str
    commit_interval_ms: float
    retry_schedule_ms: tuple[float, ...]
    dead_letter: dict[str, str] | Literal["none"] | None
    on_assigned: Callable[[list[Any]], Any] | None
    on_revoked: Callable[[list[Any]], Any] | None
    on_lost: Callable[[list[Any]], Any] | None
    on_topic_replaced: Callable[[TopicReplaced], Any] | None
    on_error: Callable[[BaseException, Any], object] | None
    instance_id: str | None
    session_timeout_ms: int
    assignor: str | None
    rack: str | None
    auto_offset_reset: str | None
    isolation: str
    fetch_bytes: int
    wait_ms: int


def group_config(
    group: str,
    topics: Sequence[str],
    *,
    by_batch: bool,
    topic_pattern: str | None = None,
    delivery: Literal["at-most-once", "at-least-once", "exactly-once"] = "at-least-once",
    producer: object = None,
    max_batch_records: int = 500,
    concurrency: int = 10,
    order_by: Literal["partition", "key"] = "partition",
    commit: Literal["interval", "batch", "manual"] | None = None,
    commit_interval_ms: float = 5_000,
    retry_schedule_ms: Sequence[float] = RETRY_SCHEDULE_MS,
    dead_letter: Any = None,
    on_assigned: Callable[[list[Any]], Any] | None = None,
    on_revoked: Callable[[list[Any]], Any] | None = None,
    on_lost: Callable[[list[Any]], Any] | None = None,
    on_topic_replaced: Callable[[TopicReplaced], Any] | None = None,
    on_error: Callable[[BaseException, Any], object] | None = None,
    instance_id: str | None = None,
    session_timeout_ms: int = 45_000,
    assignor: str | None = None,
    rack: str | None = None,
    auto_offset_reset: Literal["earliest", "latest"] | None = None,
    isolation: Literal["read_uncommitted", "read_committed"] | None = None,
    fetch_bytes: int = MiB,
    wait_ms: int = 30_000,
) -> GroupConfig:
    """Checks the options. Raises PosthornError `invalid_argument`."""
    infinity = float("inf")
    check_wide_name("group", group)
    if isinstance(topics, str):
        raise invalid_argument("topics is a list of names")
    for topic in topics:
        check_name("topic", topic)
    if not topics and topic_pattern is None:
        raise invalid_argument("name topics, a topic_pattern, or both")
    check_range("max_batch_records", max_batch_records, 1, infinity)
    check_range("concurrency", concurrency, 1, infinity)
    check_range("commit_interval_ms", commit_interval_ms, 1, infinity)
    for delay in retry_schedule_ms:
        check_range("a delay of retry_schedule_ms", delay, 0, infinity)
    check_range("session_timeout_ms", session_timeout_ms, 1_000, 1_800_000)
    check_range("fetch_bytes", fetch_bytes, 1, FETCH_BYTES_MAX)
    check_range("wait_ms", wait_ms, 1, WAIT_MS_MAX)
    check_one_of("delivery", delivery, "at-most-once", "at-least-once", "exactly-once")
    check_one_of("order_by", order_by, "partition", "key")
    check_one_of("isolation", isolation or "read_committed", "read_uncommitted", "read_committed")
    if order_by == "key" and by_batch:
        raise invalid_argument('order_by "key" goes with each_record: the records of a batch have an order')
    if (delivery == "exactly-once") != (producer is not None):
        raise invalid_argument('delivery "exactly-once" needs a producer, and the others take none')
    if delivery != "at-least-once":
        if commit is not None or order_by == "key" or dead_letter is not None:
            raise invalid_argument(f'delivery "{delivery}" says what commit, order_by and dead_letter are')
        commit = "manual"
    if delivery == "exactly-once":
        if isolation == "read_uncommitted":
            raise invalid_argument('delivery "exactly-once" reads what is committed')
        isolation, concurrency = "read_committed", 1
    commit = commit or "interval"
    check_one_of("commit", commit, "interval", "batch", "manual")
    return GroupConfig(
        group=group,
        topics=tuple(topics),
        topic_pattern=topic_pattern,
        delivery=delivery,
        by="batch" if by_batch or delivery != "at-least-once" else "key" if order_by == "key" else "record",
        max_batch_records=max_batch_records,
        concurrency=concurrency,
        commit=commit,
        commit_interval_ms=commit_interval_ms,
        retry_schedule_ms=tuple(retry_schedule_ms),
        dead_letter=_checked_target(dead_letter),
        on_assigned=on_assigned,
        on_revoked=on_revoked,
        on_lost=on_lost,
        on_topic_replaced=on_topic_replaced,
        on_error=on_error,
        instance_id=instance_id,
        session_timeout_ms=session_timeout_ms,
        assignor=assignor,
        rack=rack,
        auto_offset_reset=auto_offset_reset,
        isolation=isolation or "read_uncommitted",
        fetch_bytes=fetch_bytes,
        wait_ms=wait_ms,
    )


def _checked_target(target: Any) -> Any:
    if target is None or target == "none":
        return target
    if isinstance(target, dict) and len(target) == 1:
        [(kind, name)] = target.items()
        if kind in ("queue", "topic"):
            (check_name if kind == "topic" else check_wide_name)(f"dead_letter.{kind}", name)
            return target
    raise invalid_argument('dead_letter is {"queue": name}, {"topic": name}, "none" or None')
