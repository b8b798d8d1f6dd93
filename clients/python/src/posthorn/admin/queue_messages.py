"""Single messages that a queue holds: list, read, cancel, run now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .._core.calls import Call, Operation
from .._core.json_text import read_items, read_reply
from .._core.names import escaped, queue_path
from .._core.received import PeekedMessage
from .._core.typing import TypedDict
from .binding import Awaiting, Blocking, Page, Pages, ask, awaiting, awaiting_pages, blocking, blocking_pages, flag

MessageState = Literal["ready", "leased", "waiting", "delayed"]
"""`waiting`: it failed, and waits for its next attempt. `delayed`: it waits for its first delivery."""


@dataclass(frozen=True)
class HeldMessage:
    """A message in its queue. Times are in ms since 1970."""

    id: str
    """Its position. A message that moves on (its time comes, it fails) has a new one."""
    state: MessageState
    message: PeekedMessage
    delivery_count: int
    failed_attempts: int
    due_at: int | None
    """When a waiting or delayed one becomes ready."""
    lease_expires_at: int | None
    """Of a leased one."""
    consumer_id: str | None
    """The consumer that has it, if it has said who it is."""
    last_error: dict[str, str] | None
    """What the consumer reported when it failed last."""


class MessageCancelled(TypedDict):
    id: str
    outcome: Literal["cancelled", "dead_lettered"]


class MessageRun(TypedDict):
    id: str
    """Its id from now on."""
    outcome: Literal["ready", "unchanged", "expired"]


def list_messages(
    queue: str,
    *,
    state: MessageState | None = None,
    message_id: str | None = None,
    ordering_key: str | None = None,
) -> Pages[HeldMessage]:
    """Iterates over the messages that a queue holds, without taking them.

    Ready and leased ones come in the order of delivery, then waiting and delayed ones in the order of their time.
    """
    filter = {"state": state, "message_id": message_id, "ordering_key": ordering_key}

    def page(after: str | None) -> Operation[Page[HeldMessage]]:
        reply = yield Call("GET", f"{queue_path(queue)}/messages/list", query={**filter, "after": after})
        fields, items = read_items(reply.content, "messages", "body")
        return [_held(item) for item in items], fields.get("next")

    return page


def get_message(queue: str, id: str) -> Operation[HeldMessage]:
    """Returns one. Raises PosthornError `message_not_found`: it is done, or it has moved on."""
    reply = yield Call("GET", _path(queue, id))
    return _held(read_reply(reply.content, "body"))


def cancel_message(
    queue: str, id: str, *, dead_letter: bool = False, reason: str | None = None
) -> Operation[MessageCancelled]:
    """Removes a message that is ready, waiting or delayed. It is not delivered any more once this returns.

    `dead_letter` keeps it as a dead letter, with a reason for people. Raises PosthornError `message_not_found`;
    `message_leased`: a consumer has it.
    """
    query = {"dead_letter": flag(dead_letter), "reason": reason}
    reply = yield Call("DELETE", _path(queue, id), query=query, gone="message_not_found")
    # None: the reply to an earlier attempt was lost, and that attempt cancelled it.
    cancelled: MessageCancelled | None = reply.json()
    return cancelled or {"id": id, "outcome": "dead_lettered" if dead_letter else "cancelled"}


def run_message(queue: str, id: str) -> Operation[MessageRun]:
    """Makes a waiting or delayed message ready now, and has a ready one delivered before the others of its priority.

    Returns its new id. Raises PosthornError `message_not_found`, `message_leased`, `message_keyed`.
    """
    return (yield from ask(MessageRun, Call("POST", f"{_path(queue, id)}/run")))


def _path(queue: str, id: str) -> str:
    return f"{queue_path(queue)}/messages/{escaped(id)}"


def _held(fields: dict[str, Any]) -> HeldMessage:
    return HeldMessage(
        id=fields["id"],
        state=fields["state"],
        message=PeekedMessage(fields),
        delivery_count=fields["delivery_count"],
        failed_attempts=fields["failed_attempts"],
        due_at=fields.get("due_at"),
        lease_expires_at=fields.get("lease_expires_at"),
        consumer_id=fields.get("consumer_id"),
        last_error=fields.get("last_error"),
    )


class QueueMessages(Blocking):
    """List, read, cancel and run single messages of a queue."""

    list = blocking_pages(list_messages)
    get = blocking(get_message)
    cancel = blocking(cancel_message)
    run_now = blocking(run_message)


class AsyncQueueMessages(Awaiting):
    """List, read, cancel and run single messages of a queue."""

    list = awaiting_pages(list_messages)
    get = awaiting(get_message)
    cancel = awaiting(cancel_message)
    run_now = awaiting(run_message)
