"""Moves of messages from one queue to another."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Literal

from .._core.calls import Call, Operation, given, json_body
from .._core.names import check_wide_name, escaped, queue_path
from .._core.typing import TypedDict
from ..errors import invalid_argument
from .binding import Awaiting, Blocking, JsonObject, ask, awaiting, blocking
from .following import follow, follow_async, steps_of

MovedState = Literal["ready", "waiting", "delayed"]


class MoveFilter(TypedDict, total=False):
    message_id: str
    ordering_key: str
    routing_key: str


class MoveTarget(TypedDict):
    queue: str


class Move(TypedDict):
    """How far a move is."""

    id: str
    queue: str
    to: MoveTarget
    state: Literal["running", "done", "cancelled"]
    total: int
    looked_at: int
    moved: int
    skipped: int
    rate_per_s: int | None
    started_at: str
    ended_at: str | None


class MoveDryRun(TypedDict):
    queue: str
    would_move: int


def begin_move(
    queue: str,
    to: str,
    *,
    ids: list[str] | None = None,
    states: list[MovedState] | None = None,
    filter: MoveFilter | None = None,
    limit: int | None = None,
    rate_per_s: int | None = None,
    id: str | None = None,
) -> Operation[Move]:
    """Begins to move messages to another queue, and returns at once: by default all but leased ones.

    `id`: repeating the call with it begins no second move; by default one is made.
    """
    fields = {"id": id or str(uuid.uuid4()), **_order(to, ids, states, filter, limit), **given(rate_per_s=rate_per_s)}
    return (yield from ask(Move, Call("POST", f"{queue_path(queue)}/move", body=json_body(fields))))


def dry_run_move(
    queue: str,
    to: str,
    *,
    ids: list[str] | None = None,
    states: list[MovedState] | None = None,
    filter: MoveFilter | None = None,
    limit: int | None = None,
) -> Operation[MoveDryRun]:
    """Returns how many messages a move would move."""
    fields = {"dry_run": True, **_order(to, ids, states, filter, limit)}
    return (yield from ask(MoveDryRun, Call("POST", f"{queue_path(queue)}/move", body=json_body(fields))))


def list_moves(queue: str) -> Operation[list[Move]]:
    """Returns the moves that the queue remembers, the oldest first."""
    reply = yield from ask(JsonObject, Call("GET", f"{queue_path(queue)}/moves"))
    moves: list[Move] = reply["moves"]
    return moves


def get_move(queue: str, id: str) -> Operation[Move]:
    """Returns how far a move is. Raises PosthornError `move_not_found`."""
    return (yield from ask(Move, Call("GET", f"{queue_path(queue)}/moves/{escaped(id)}")))


def cancel_move(queue: str, id: str) -> Operation[Move]:
    """Stops a move. Messages that have left stay at their target."""
    return (yield from ask(Move, Call("DELETE", f"{queue_path(queue)}/moves/{escaped(id)}")))


def _order(
    to: str, ids: list[str] | None, states: list[MovedState] | None, filter: MoveFilter | None, limit: int | None
) -> dict[str, object]:
    if ids is not None and not ids:
        raise invalid_argument("ids: expected at least one; leave it out for all")
    return given(to={"queue": check_wide_name("queue", to)}, ids=ids, states=states, filter=filter, limit=limit)


def _steps(
    queue: str,
    to: str,
    ids: list[str] | None,
    states: list[MovedState] | None,
    filter: MoveFilter | None,
    limit: int | None,
    rate_per_s: int | None,
) -> Iterator[Operation[Move]]:
    """Returns the operation that begins a move, and then those that look how far it is."""
    id = str(uuid.uuid4())
    return steps_of(
        lambda: begin_move(queue, to, ids=ids, states=states, filter=filter, limit=limit, rate_per_s=rate_per_s, id=id),
        lambda: get_move(queue, id),
    )


class Moves(Blocking):
    """Move messages from queue to queue."""

    begin = blocking(begin_move)
    dry_run = blocking(dry_run_move)
    list = blocking(list_moves)
    get = blocking(get_move)
    cancel = blocking(cancel_move)

    def run(
        self,
        queue: str,
        to: str,
        *,
        ids: Ids | None = None,
        states: States | None = None,
        filter: MoveFilter | None = None,
        limit: int | None = None,
        rate_per_s: int | None = None,
        on_progress: Callable[[Move], object] | None = None,
    ) -> Move:
        """Moves messages to another queue: by default all but leased ones. Returns when all have left."""
        steps = _steps(queue, to, ids, states, filter, limit, rate_per_s)
        return follow(self._runner, steps, on_progress)


class AsyncMoves(Awaiting):
    """Move messages from queue to queue."""

    begin = awaiting(begin_move)
    dry_run = awaiting(dry_run_move)
    list = awaiting(list_moves)
    get = awaiting(get_move)
    cancel = awaiting(cancel_move)

    async def run(
        self,
        queue: str,
        to: str,
        *,
        ids: Ids | None = None,
        states: States | None = None,
        filter: MoveFilter | None = None,
        limit: int | None = None,
        rate_per_s: int | None = None,
        on_progress: Callable[[Move], object] | None = None,
    ) -> Move:
        """Moves messages to another queue: by default all but leased ones. Returns when all have left."""
        steps = _steps(queue, to, ids, states, filter, limit, rate_per_s)
        return await follow_async(self._runner, steps, on_progress)


Ids = list[str]
States = list[MovedState]
