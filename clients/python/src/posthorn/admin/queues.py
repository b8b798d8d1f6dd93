"""Queues: declare, read, list, change and delete them; purge, pause and look into them."""

from __future__ import annotations

from typing import Literal

from .._core.calls import Call, Operation, json_body
from .._core.json_text import read_items
from .._core.names import queue_path
from .._core.received import PeekedMessage
from .._core.typing import Unpack
from .binding import Awaiting, Blocking, JsonObject, ask, awaiting, blocking, delete, flag, list_all
from .queue_types import Queue, QueueChange, QueueSettings, QueueWithState


def declare_queue(queue: str, **settings: Unpack[QueueSettings]) -> Operation[Queue]:
    """Creates a queue, or checks that it has the given settings. Others take their defaults and are not checked.

    Raises PosthornError `queue_differs`, `quota_exceeded`.
    """
    return (yield from ask(Queue, Call("PUT", queue_path(queue), body=json_body(settings))))


def get_queue(queue: str) -> Operation[QueueWithState]:
    """Returns the definition of a queue and how many messages it holds. Raises PosthornError `queue_not_found`."""
    return (yield from ask(QueueWithState, Call("GET", queue_path(queue))))


def list_queues() -> Operation[list[Queue]]:
    """Returns all queues of the namespace, by name."""
    return (yield from list_all(Queue, "/queues", "queues"))


def change_queue(queue: str, **change: Unpack[QueueChange]) -> Operation[Queue]:
    """Changes settings of a queue. Others stay."""
    return (yield from ask(Queue, Call("PATCH", queue_path(queue), body=json_body(change))))


def delete_queue(
    queue: str,
    *,
    if_unused: bool | Literal["consumers"] = False,
    if_empty: bool | Literal["unleased"] = False,
) -> Operation[None]:
    """Deletes a queue with all its messages. Raises PosthornError `queue_in_use`, `queue_not_empty`.

    `if_unused`: only if no consumer waits or holds messages; `"consumers"`: if none waits. `if_empty`: only if it holds no
    message; `"unleased"`: but for those that consumers hold.
    """
    path = queue_path(queue)
    yield from delete(path, "queue_not_found", if_unused=flag(if_unused), if_empty=flag(if_empty))


def purge_queue(queue: str) -> Operation[int]:
    """Removes the messages that are ready. Returns how many."""
    reply = yield from ask(JsonObject, Call("POST", f"{queue_path(queue)}/purge"))
    purged: int = reply["purged"]
    return purged


def pause_queue(queue: str) -> Operation[None]:
    """Delivers nothing until the queue is resumed."""
    yield Call("POST", f"{queue_path(queue)}/pause")


def resume_queue(queue: str) -> Operation[None]:
    yield Call("POST", f"{queue_path(queue)}/resume")


def peek_queue(queue: str, *, max: int = 10) -> Operation[list[PeekedMessage]]:
    """Returns the next messages without taking them, at most 1,000."""
    reply = yield Call("GET", f"{queue_path(queue)}/messages", query={"max": max})
    _, messages = read_items(reply.content, "messages", "body")
    return [PeekedMessage(message) for message in messages]


class Queues(Blocking):
    """Declare, read, list, change and delete queues; purge, pause and look into them."""

    declare = blocking(declare_queue)
    get = blocking(get_queue)
    list = blocking(list_queues)
    change = blocking(change_queue)
    delete = blocking(delete_queue)
    purge = blocking(purge_queue)
    pause = blocking(pause_queue)
    resume = blocking(resume_queue)
    peek = blocking(peek_queue)


class AsyncQueues(Awaiting):
    """Declare, read, list, change and delete queues; purge, pause and look into them."""

    declare = awaiting(declare_queue)
    get = awaiting(get_queue)
    list = awaiting(list_queues)
    change = awaiting(change_queue)
    delete = awaiting(delete_queue)
    purge = awaiting(purge_queue)
    pause = awaiting(pause_queue)
    resume = awaiting(resume_queue)
    peek = awaiting(peek_queue)
