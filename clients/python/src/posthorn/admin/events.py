"""Events: CloudEvents that are sent to a topic, a queue or an exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.calls import Call, Operation, json_body
from .binding import Awaiting, Blocking, awaiting, blocking


def send_events(
    events: Sequence[Mapping[str, Any]],
    *,
    topic: str | None = None,
    queue: str | None = None,
    exchange: str | None = None,
    key: str | None = None,
    routing_key: str | None = None,
) -> Operation[None]:
    """Stores 1 to 10,000 CloudEvents in one of `topic`, `queue` and `exchange`.

    Attributes have the names of the specification. `key` names the attribute whose value is the key of a record,
    `routing_key` the one by which an exchange routes. Temporary failures are retried, so an event can be stored twice, with
    the same `source` and `id`. A queue with a deduplication window stores it once.
    """
    query = {"topic": topic, "queue": queue, "exchange": exchange, "key": key, "routing_key": routing_key}
    yield Call("POST", "/events", query=query, body=json_body([dict(event) for event in events]))


class Events(Blocking):
    """Send CloudEvents."""

    send = blocking(send_events)


class AsyncEvents(Awaiting):
    """Send CloudEvents."""

    send = awaiting(send_events)
