"""Share groups: many members on one partition, each record locked by one of them until it is acknowledged."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from .._core.calls import Call, Operation, given, json_body
from .._core.json_text import read_items
from .._core.names import check_name
from .._core.received import ReceivedRecord
from .._core.start import Start, wire_start
from .._core.typing import NotRequired, TypedDict
from .binding import Awaiting, Blocking, JsonObject, ask, awaiting, blocking, delete, list_all


class ShareDeadLetter(TypedDict, total=False):
    """Either a queue or a topic."""

    queue: str
    topic: str


class SharePartition(TypedDict):
    topic: str
    partition: int
    start_offset: int
    end_offset: int
    in_flight: int
    available: int
    archived: int
    lag: int
    dead_letters_waiting: int


ShareResetResult = TypedDict(
    "ShareResetResult",
    {"topic": str, "topic_id": int, "partition": int, "from": "int | None", "to": "int | None"},
)
"""What a reset did in a partition: `from` is the start offset before, `to` the one after it; None: it begins anew."""


class ShareGroup(TypedDict):
    share_group: str
    topics: list[str]
    lock_duration_ms: int
    delivery_limit: int
    dead_letter: ShareDeadLetter | Literal["none"]
    start: Literal["earliest", "latest"]
    warnings: NotRequired[list[str]]
    topology_version: NotRequired[int]


class ShareGroupWithPartitions(ShareGroup):
    partitions: list[SharePartition]


class Acknowledged(TypedDict):
    tag: str
    outcome: str
    """`accepted`, `released`, `archived`, `extended`; or, if nothing has changed, `already_done`, `lock_expired`,
    `not_yours`, `unknown_tag`."""


class AcquiredRecord(ReceivedRecord):
    """A record that is locked for a member."""

    __slots__ = ("acquisition_tag", "delivery_count", "lock_expires_at")

    acquisition_tag: str
    """The tag that acknowledges it."""
    delivery_count: int
    """From 1."""
    lock_expires_at: int | None
    """In ms since 1970; None if it is accepted already."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields["topic"], 0, fields["partition"], fields)
        self.acquisition_tag = fields["acquisition_tag"]
        self.delivery_count = fields["delivery_count"]
        self.lock_expires_at = fields["lock_expires_at"]


def put_share_group(
    group: str,
    topics: list[str],
    *,
    lock_duration_ms: int | None = None,
    delivery_limit: int | None = None,
    dead_letter: ShareDeadLetter | Literal["none"] | None = None,
    start: Literal["earliest", "latest"] | None = None,
) -> Operation[ShareGroup]:
    """Creates a group, or replaces its settings.

    Raises PosthornError `topic_not_found`, `queue_not_found`, `too_many_share_groups`.
    """
    fields = given(
        topics=[check_name("topic", topic) for topic in topics],
        lock_duration_ms=lock_duration_ms,
        delivery_limit=delivery_limit,
        dead_letter=dead_letter,
        start=start,
    )
    return (yield from ask(ShareGroup, Call("PUT", _path(group), body=json_body(fields))))


def list_share_groups() -> Operation[list[ShareGroup]]:
    """Returns all share groups of the namespace, by name."""
    return (yield from list_all(ShareGroup, "/share-groups", "share_groups"))


def describe_share_group(group: str) -> Operation[ShareGroupWithPartitions]:
    """Returns its settings, and how far it is in each partition."""
    return (yield from ask(ShareGroupWithPartitions, Call("GET", _path(group))))


def delete_share_group(group: str) -> Operation[None]:
    yield from delete(_path(group), "share_group_not_found")


def reset_share_group(
    group: str,
    topic: str,
    *,
    to: Start | datetime | Literal["none"],
    partitions: list[int] | None = None,
    topic_id: int | None = None,
    dry_run: bool = False,
) -> Operation[list[ShareResetResult]]:
    """Sets where the group goes on in partitions of a topic. Records that members have locked there are free for all.

    `none`: the group begins anew, as `start` says. Raises PosthornError `partition_not_found`, `inconsistent_topic_id`.
    """
    fields = given(
        topic=check_name("topic", topic),
        to=to if to == "none" else wire_start(to, "to"),
        partitions=partitions,
        topic_id=topic_id,
        dry_run=dry_run,
    )
    reply = yield from ask(JsonObject, Call("PUT", f"{_path(group)}/offsets", body=json_body(fields)))
    results: list[ShareResetResult] = reply["offsets"]
    return results


def acquire(
    group: str,
    member_id: str,
    *,
    max_records: int = 500,
    max_bytes: int | None = None,
    wait_ms: int = 0,
    lock_duration_ms: int | None = None,
    delivery: Literal["at-most-once", "at-least-once"] | None = None,
) -> Operation[list[AcquiredRecord]]:
    """Locks records for a member. There is nothing to join: the member chooses its name.

    One attempt is made, because the records of a lost reply stay locked until their time is over.
    """
    fields = given(
        member_id=member_id,
        max_records=max_records,
        max_bytes=max_bytes,
        wait_ms=wait_ms,
        lock_duration_ms=lock_duration_ms,
        delivery=delivery,
    )
    reply = yield Call("POST", f"{_path(group)}/records", body=json_body(fields), wait_ms=wait_ms, is_once=True)
    _, items = read_items(reply.content, "records", "value")
    return [AcquiredRecord(item) for item in items]


def acknowledge(
    group: str,
    *,
    accept: list[str] | None = None,
    release: list[str] | None = None,
    reject: list[str] | None = None,
    extend: dict[str, int] | None = None,
    member_id: str | None = None,
) -> Operation[list[Acknowledged]]:
    """Acknowledges records by their tags: done, given back, archived now, or (`extend`) locked for so many ms from now.

    Each tag stands alone. Returns an outcome for each, in the order accept, release, reject, extend.
    """
    longer = None if extend is None else [{"tag": tag, "lock_duration_ms": ms} for tag, ms in extend.items()]
    fields = given(accept=accept, release=release, reject=reject, extend=longer, member_id=member_id)
    reply = yield from ask(JsonObject, Call("POST", f"{_path(group)}/acknowledgements", body=json_body(fields)))
    results: list[Acknowledged] = reply["results"]
    return results


def _path(group: str) -> str:
    return f"/share-groups/{check_name('share group', group)}"


class ShareGroups(Blocking):
    """Put, read, list, delete share groups; acquire and acknowledge their records."""

    put = blocking(put_share_group)
    list = blocking(list_share_groups)
    describe = blocking(describe_share_group)
    delete = blocking(delete_share_group)
    reset = blocking(reset_share_group)
    acquire = blocking(acquire)
    acknowledge = blocking(acknowledge)


class AsyncShareGroups(Awaiting):
    """Put, read, list, delete share groups; acquire and acknowledge their records."""

    put = awaiting(put_share_group)
    list = awaiting(list_share_groups)
    describe = awaiting(describe_share_group)
    delete = awaiting(delete_share_group)
    reset = awaiting(reset_share_group)
    acquire = awaiting(acquire)
    acknowledge = awaiting(acknowledge)
