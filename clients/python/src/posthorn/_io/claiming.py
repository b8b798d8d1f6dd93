"""Claiming: stores bodies that are too large for a message as objects, before their messages go.

What is sent to one destination keeps its order: what comes later waits for the uploads before it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from .._core.limits import PROPERTY_LENGTH_MAX, RECORD_BYTES_MAX
from ..admin.objects import put_object
from ..errors import PosthornError
from .backlog import Tasks, unexpected
from .transport import Transport

CLAIM_CHECK_BYTES = 256 * 1024
DAY_MS = 86_400_000
CLAIM_TTL_MS = 7 * DAY_MS
DAYS_MAX = 3_650

_UNAVAILABLE = {"objects_unbound", "objects_refused", "route_not_found", "forbidden"}
"""With these the body goes in the message, if it fits."""


class Large(Protocol):
    """A record or a message."""

    body: bytes | None
    content_type: str | None

    def claim(self, claim: str) -> None: ...


Place = TypeVar("Place")
Item = TypeVar("Item", bound=Large)


class Claiming(Generic[Place, Item]):
    """The uploads of one producer or publisher.

    `life` tells how long an item may live, in ms; None: without end. `go` takes it when its body is stored, and `fail` if it
    cannot be.
    """

    def __init__(
        self,
        transport: Transport,
        tasks: Tasks,
        ttl_ms: float,
        life: Callable[[Place, Item], Awaitable[float | None]],
        go: Callable[[Place, Item], None],
        fail: Callable[[Item, PosthornError], None],
    ) -> None:
        self._transport = transport
        self._tasks = tasks
        self._ttl_ms = ttl_ms
        self._life = life
        self._go = go
        self._fail = fail
        self._lines: dict[Place, deque[Item]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    def takes(self, place: Place, item: Item) -> bool:
        """Returns whether the item waits here, for its own upload or for one before it."""
        line = self._lines.get(place)
        if line is None and item.body is None:
            return False
        if line is None:
            line = self._lines[place] = deque()
            task = self._tasks.start(self._work(place, line))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        line.append(item)
        return True

    async def settled(self) -> None:
        """Returns when nothing waits here."""
        while self._under_way:
            await asyncio.wait(list(self._under_way))

    def abort(self, error: PosthornError) -> None:
        lines, self._lines = self._lines, {}
        for line in lines.values():
            for item in line:
                self._fail(item, error)

    async def _work(self, place: Place, line: deque[Item]) -> None:
        while line:
            item = line[0]
            error: PosthornError | None = None
            try:
                if item.body is not None:
                    await self._store(place, item, item.body)
                self._go(place, item)
            except PosthornError as cause:
                error = cause
            except Exception as cause:
                error = unexpected(cause)
            line.popleft()
            if error is not None:
                self._fail(item, error)
        self._lines.pop(place, None)

    async def _store(self, place: Place, item: Item, body: bytes) -> None:
        try:
            life = await self._life(place, item)
            object = _object_id(None if life is None else max(life, self._ttl_ms) + DAY_MS)
            content_type = item.content_type or "application/octet-stream"
            stored = await self._transport.run(put_object(object, body, content_type=content_type))
        except PosthornError as error:
            if error.code not in _UNAVAILABLE:
                raise
            if len(body) < RECORD_BYTES_MAX:
                item.body = None
                return
            raise PosthornError(
                "record_too_large",
                f"the body has {len(body)} bytes, a message at most {RECORD_BYTES_MAX}, and the bucket is closed: {error}",
                details={"bytes_max": RECORD_BYTES_MAX},
            ) from error
        digest = stored.get("sha256") or hashlib.sha256(body).hexdigest()
        item.claim(_claim_text(object, len(body), digest, item.content_type))


def _object_id(ttl_ms: float | None) -> str:
    name = uuid.uuid4().hex
    if ttl_ms is None:
        return f"forever.{name}"
    days = min(DAYS_MAX, int(-(-ttl_ms // DAY_MS)))
    return f"{time.strftime('%Y-%m-%d', time.gmtime(time.time() + days * 86_400))}.{name}"


def _claim_text(object: str, size: int, sha256: str, content_type: str | None) -> str:
    """A long content type is left out."""
    fields: dict[str, str | int] = {"id": object, "bytes": size, "sha256": sha256}
    if content_type is not None:
        text = json.dumps({**fields, "content_type": content_type}, separators=(",", ":"), ensure_ascii=False)
        if len(text.encode()) <= PROPERTY_LENGTH_MAX:
            return text
    return json.dumps(fields, separators=(",", ":"))
