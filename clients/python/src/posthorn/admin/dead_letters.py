"""Dead letters: list, read, send back, replay, purge and export what died in a queue."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

from .._core.calls import Call, Operation, given, json_body
from .._core.json_text import NO_VALUE, StoredValue, read_text_items, value_at
from .._core.messages import UNCHANGED, MessageProperties, Unchanged, message_text
from .._core.names import escaped, queue_path
from .._core.received import PeekedMessage
from .._core.typing import NotRequired, TypedDict, Unpack
from .._core.values import Headers
from ..errors import invalid_argument
from .binding import (
    Awaiting,
    Blocking,
    JsonObject,
    Page,
    Pages,
    ask,
    awaiting,
    awaiting_pages,
    blocking,
    blocking_pages,
)
from .following import follow, follow_async, steps_of

Reason = Literal["rejected", "expired", "maxlen", "delivery_limit", "damaged"]


class DeadLetterFilter(TypedDict, total=False):
    reason: Reason
    error_type: str
    """Exactly this type of error."""
    since: datetime
    """Died at this time or later."""
    until: datetime
    """Died before this time."""
    key: str
    """The ordering key."""
    routing_key: str
    original_queue: str


class ReplayTarget(TypedDict):
    """A queue, or an exchange with a routing key. Default: the queue where each died first."""

    queue: NotRequired[str]
    exchange: NotRequired[str]
    routing_key: NotRequired[str]


class Replay(TypedDict):
    """How far a replay is."""

    id: str
    queue: str
    state: Literal["running", "done", "cancelled"]
    total: int
    looked_at: int
    moved: int
    skipped: int
    to: ReplayTarget | None
    rate_per_s: int | None
    started_at: str
    ended_at: str | None


class DryRun(TypedDict):
    queue: str
    would_replay: int
    would_skip: int


@dataclass(frozen=True)
class DeadLetter:
    id: str
    original_message: PeekedMessage
    error: dict[str, str | None]
    """`type`, `message` and `stack_trace` that the consumer reported for the last failed attempt."""
    metadata: dict[str, Any]
    """Among others `reason`, `retry_count`, `original_queue`, `died_at` and `history`."""


def _path(queue: str, rest: str = "") -> str:
    return f"{queue_path(queue)}/dead-letters{rest}"


def _filter(filter: DeadLetterFilter | None) -> dict[str, Any]:
    names = {"since": "from", "until": "to"}
    fields: dict[str, Any] = {}
    for name, value in (filter or {}).items():
        if isinstance(value, datetime):
            value = value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields[names.get(name, name)] = value
    return fields


def _dead_letter(text: str) -> DeadLetter:
    fields, _ = value_at(text, 0)
    message = dict(fields["original_message"])
    message["body"] = _body_of(text, message["body"])
    return DeadLetter(fields["id"], PeekedMessage(message), fields["error"], fields["metadata"])


def _body_of(text: str, parsed: Any) -> StoredValue:
    """Returns the body with its text, which is in the message of the dead letter."""
    if parsed is None:
        return NO_VALUE
    message = read_text_items(text)["original_message"]
    return StoredValue(read_text_items(message)["body"], parsed)


def _page_of(queue: str, filter: DeadLetterFilter | None, after: str | None) -> Operation[Page[str]]:
    reply = yield Call("GET", _path(queue), query={**_filter(filter), "limit": 500, "next": after})
    next_page: str | None = reply.json().get("next")
    list_text = read_text_items(reply.content.decode())["dead_letters"]
    return list(read_text_items(list_text).values()), next_page


def list_dead_letters(queue: str, filter: DeadLetterFilter | None = None) -> Pages[DeadLetter]:
    """Iterates over the dead letters of a queue that match, a page at a time as they are asked for."""

    def page(after: str | None) -> Operation[Page[DeadLetter]]:
        texts, next_page = yield from _page_of(queue, filter, after)
        return [_dead_letter(text) for text in texts], next_page

    return page


def export_dead_letters(queue: str, filter: DeadLetterFilter | None = None) -> Pages[str]:
    """Iterates over the JSON of each dead letter that matches, as the broker sends it, on one line."""

    def page(after: str | None) -> Operation[Page[str]]:
        texts, next_page = yield from _page_of(queue, filter, after)
        # A line end in JSON stands between values, where it means as much as a space.
        return [text.replace("\n", " ").replace("\r", " ") for text in texts], next_page

    return page


def get_dead_letter(queue: str, id: str) -> Operation[DeadLetter]:
    """Returns one. Raises PosthornError `dead_letter_not_found`."""
    reply = yield Call("GET", _path(queue, f"/{escaped(id)}"))
    return _dead_letter(reply.content.decode())


def resend_dead_letter(
    queue: str,
    id: str,
    *,
    body: object | Unchanged = UNCHANGED,
    headers: Headers | None = None,
    to: ReplayTarget | None = None,
    **properties: Unpack[MessageProperties],
) -> Operation[None]:
    """Sends one back. Parts that are named are changed, others stay.

    Raises PosthornError `dead_letter_not_found`, `replay_refused`, `invalid_message`.
    """
    target = b"" if to is None else b',"to":' + json_body(to)
    content = b'{"message":' + message_text(body, headers, properties).encode() + target + b"}"
    yield Call("POST", _path(queue, f"/{escaped(id)}/resend"), body=content, gone="dead_letter_not_found")


def begin_replay(
    queue: str,
    *,
    filter: DeadLetterFilter | None = None,
    ids: list[str] | None = None,
    to: ReplayTarget | None = None,
    limit: int | None = None,
    rate_per_s: int | None = None,
    id: str | None = None,
) -> Operation[Replay]:
    """Begins to send many back, and returns at once. `get_replay` says how far it is.

    `id`: repeating the call with it begins no second replay; by default one is made.
    """
    fields = _order(filter, ids, to, limit, rate_per_s)
    call = Call("POST", _path(queue, "/replay"), body=json_body({"id": id or str(uuid.uuid4()), **fields}))
    return (yield from ask(Replay, call))


def dry_run(
    queue: str,
    *,
    filter: DeadLetterFilter | None = None,
    ids: list[str] | None = None,
    to: ReplayTarget | None = None,
    limit: int | None = None,
) -> Operation[DryRun]:
    """Returns how many a replay would move, and how many it would skip."""
    fields = {"dry_run": True, **_order(filter, ids, to, limit, None)}
    return (yield from ask(DryRun, Call("POST", _path(queue, "/replay"), body=json_body(fields))))


def _order(
    filter: DeadLetterFilter | None,
    ids: list[str] | None,
    to: ReplayTarget | None,
    limit: int | None,
    rate_per_s: int | None,
) -> dict[str, Any]:
    if ids is not None and not ids:
        raise invalid_argument("ids: expected at least one; leave it out for all")
    fields = None if filter is None else _filter(filter)
    return given(filter=fields, ids=ids, to=to, limit=limit, rate_per_s=rate_per_s)


def get_replay(queue: str, id: str) -> Operation[Replay]:
    """Returns how far a replay is. Raises PosthornError `replay_not_found`."""
    return (yield from ask(Replay, Call("GET", _path(queue, f"/replays/{escaped(id)}"))))


def list_replays(queue: str) -> Operation[list[Replay]]:
    """Returns the replays that the queue remembers, the oldest first."""
    reply = yield from ask(JsonObject, Call("GET", _path(queue, "/replays")))
    replays: list[Replay] = reply["replays"]
    return replays


def cancel_replay(queue: str, id: str) -> Operation[Replay]:
    """Stops a replay. Messages that have left stay at their target."""
    return (yield from ask(Replay, Call("DELETE", _path(queue, f"/replays/{escaped(id)}"))))


def purge_dead_letters(queue: str, filter: DeadLetterFilter | None = None) -> Operation[int]:
    """Removes all that match, for good. Returns how many."""
    reply = yield from ask(JsonObject, Call("DELETE", _path(queue), query=_filter(filter)))
    purged: int = reply["purged"]
    return purged


def _steps(
    queue: str,
    filter: DeadLetterFilter | None,
    ids: list[str] | None,
    to: ReplayTarget | None,
    limit: int | None,
    rate_per_s: int | None,
) -> Iterator[Operation[Replay]]:
    """Returns the operation that begins a replay, and then those that look how far it is."""
    id = str(uuid.uuid4())
    return steps_of(
        lambda: begin_replay(queue, filter=filter, ids=ids, to=to, limit=limit, rate_per_s=rate_per_s, id=id),
        lambda: get_replay(queue, id),
    )


class DeadLetters(Blocking):
    """List, read, send back, replay, purge and export what died in a queue."""

    list = blocking_pages(list_dead_letters)
    export = blocking_pages(export_dead_letters)
    get = blocking(get_dead_letter)
    resend = blocking(resend_dead_letter)
    begin_replay = blocking(begin_replay)
    dry_run = blocking(dry_run)
    get_replay = blocking(get_replay)
    replays = blocking(list_replays)
    cancel = blocking(cancel_replay)
    purge = blocking(purge_dead_letters)

    def replay(
        self,
        queue: str,
        *,
        filter: DeadLetterFilter | None = None,
        ids: Ids | None = None,
        to: ReplayTarget | None = None,
        limit: int | None = None,
        rate_per_s: int | None = None,
        on_progress: Callable[[Replay], object] | None = None,
    ) -> Replay:
        """Sends many back. Returns when all have left. Each one moves once, whatever fails."""
        steps = _steps(queue, filter, ids, to, limit, rate_per_s)
        return follow(self._runner, steps, on_progress)


class AsyncDeadLetters(Awaiting):
    """List, read, send back, replay, purge and export what died in a queue."""

    list = awaiting_pages(list_dead_letters)
    export = awaiting_pages(export_dead_letters)
    get = awaiting(get_dead_letter)
    resend = awaiting(resend_dead_letter)
    begin_replay = awaiting(begin_replay)
    dry_run = awaiting(dry_run)
    get_replay = awaiting(get_replay)
    replays = awaiting(list_replays)
    cancel = awaiting(cancel_replay)
    purge = awaiting(purge_dead_letters)

    async def replay(
        self,
        queue: str,
        *,
        filter: DeadLetterFilter | None = None,
        ids: Ids | None = None,
        to: ReplayTarget | None = None,
        limit: int | None = None,
        rate_per_s: int | None = None,
        on_progress: Callable[[Replay], object] | None = None,
    ) -> Replay:
        """Sends many back. Returns when all have left. Each one moves once, whatever fails."""
        steps = _steps(queue, filter, ids, to, limit, rate_per_s)
        return await follow_async(self._runner, steps, on_progress)


Ids = list[str]
