"""Consumer groups: list, describe and delete them, read and reset their offsets, remove members."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, cast

from .._core.calls import Call, Operation, given, json_body
from .._core.names import check_name, group_path, member_path
from .._core.start import Start, wire_start
from .._core.typing import NotRequired, TypedDict
from ..errors import invalid_argument
from .binding import Awaiting, Blocking, JsonObject, ask, awaiting, blocking, delete, list_all

Assignor = Literal["range", "round-robin", "sticky-cooperative"]


class AssignedPartition(TypedDict):
    topic: str
    topic_id: int
    partition: int


class GroupOffset(TypedDict):
    topic: str
    topic_id: int
    partition: int
    offset: int | None
    """The committed offset; None if nothing is committed."""
    metadata: NotRequired[str]
    leader_epoch: NotRequired[int]
    pending: NotRequired[Literal[True]]
    lag: int
    log_start_offset: int
    high_watermark: int


class GroupMember(TypedDict):
    member_id: str
    instance_id: str | None
    topics: list[str]
    topic_pattern: str | None
    assignor: Assignor
    rack: str | None
    session_timeout_ms: int
    client_id: NotRequired[str]
    """What it calls itself, if it has said so."""
    client_host: NotRequired[str]
    assignment: list[AssignedPartition]
    revoking: list[AssignedPartition]


class GroupDescription(TypedDict):
    group: str
    state: Literal["empty", "stable", "reconciling"]
    epoch: int
    assignor: Assignor
    members: list[GroupMember]
    offsets: list[GroupOffset]
    meter: dict[str, Any]


OffsetResetResult = TypedDict(
    "OffsetResetResult",
    {"topic": str, "topic_id": int, "partition": int, "from": "int | None", "to": "int | None"},
)
"""What a reset did in a partition: `to` is held to the range of the log; None: nothing is committed."""


def list_groups() -> Operation[list[str]]:
    """Returns the names of all groups of the namespace."""
    groups = yield from list_all(JsonObject, "/groups", "groups")
    return [group["group"] for group in groups]


def describe_group(group: str) -> Operation[GroupDescription]:
    """Returns its members, who reads what, and how far behind it is. Raises PosthornError `group_not_found`."""
    state = yield from ask(JsonObject, Call("GET", group_path(group)))
    after = state.pop("offsets_next", None)
    while after is not None:
        page = yield from ask(JsonObject, Call("GET", f"{group_path(group)}/offsets", query={"after": after}))
        state["offsets"].extend(page["offsets"])
        after = page.get("next")
    description = cast("GroupDescription", state)
    return description


def group_offsets(
    group: str, *, topic: str | None = None, partitions: list[int] | None = None
) -> Operation[list[GroupOffset]]:
    """Returns committed offsets and lag, of one topic or partitions with some numbers, or by default of all that the
    group reads or has read."""
    name = None if topic is None else check_name("topic", topic)
    numbers = None if partitions is None else ",".join(map(str, partitions))
    path = f"{group_path(group)}/offsets"
    return (yield from list_all(GroupOffset, path, "offsets", topic=name, partitions=numbers))


def reset_offsets(
    group: str,
    topic: str,
    *,
    to: Start | datetime | Literal["none"] | None = None,
    shift_by: int | None = None,
    partitions: list[int] | None = None,
    topic_id: int | None = None,
    dry_run: bool = False,
) -> Operation[list[OffsetResetResult]]:
    """Moves the committed offsets of a group without members.

    Give either `to` (an offset, `earliest`, `latest`, a time, or `none`: the group forgets what it has committed) or
    `shift_by`. A group that does not exist is created, so that its first member begins there.

    Raises PosthornError `group_not_empty`, `topic_not_found`, `partition_not_found`, `inconsistent_topic_id`.
    """
    if (to is None) == (shift_by is None):
        raise invalid_argument("give either to or shift_by")
    fields = given(
        topic=check_name("topic", topic),
        to=to if to is None or to == "none" else wire_start(to, "to"),
        shift_by=shift_by,
        partitions=partitions,
        topic_id=topic_id,
        dry_run=dry_run,
    )
    reply = yield from ask(JsonObject, Call("PUT", f"{group_path(group)}/offsets", body=json_body(fields)))
    results: list[OffsetResetResult] = reply["offsets"]
    return results


def remove_member(group: str, member_id: str) -> Operation[None]:
    """Removes a member. Its partitions go to others, and it can commit nothing more. A running consumer joins again."""
    yield from delete(member_path(group, member_id), "member_not_found")


def delete_group(group: str) -> Operation[None]:
    """Deletes a group without members, and its offsets. Raises PosthornError `group_not_empty`."""
    yield from delete(group_path(group), "group_not_found")


class Groups(Blocking):
    """List, describe and delete consumer groups; read and reset their offsets; remove members."""

    list = blocking(list_groups)
    describe = blocking(describe_group)
    offsets = blocking(group_offsets)
    reset = blocking(reset_offsets)
    remove_member = blocking(remove_member)
    delete = blocking(delete_group)


class AsyncGroups(Awaiting):
    """List, describe and delete consumer groups; read and reset their offsets; remove members."""

    list = awaiting(list_groups)
    describe = awaiting(describe_group)
    offsets = awaiting(group_offsets)
    reset = awaiting(reset_offsets)
    remove_member = awaiting(remove_member)
    delete = awaiting(delete_group)
