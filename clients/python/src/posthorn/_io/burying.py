"""Burying: a record whose last retry failed goes to a queue or topic, unchanged, with headers that say why."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from time import time_ns
from typing import Any

from .._core.group_records import GroupRecord
from .._core.limits import (
    ERROR_MESSAGE_LENGTH_MAX,
    ERROR_STACK_LENGTH_MAX,
    ERROR_TYPE_LENGTH_MAX,
    ORDERING_KEY_BYTES_MAX,
)
from .._core.message_batches import Destination, PendingMessage
from .._core.messages import MessageProperties
from .._core.names import default_dead_letter_queue
from .._core.received import CLAIM_HEADER
from .._core.records import OutgoingRecord, PendingRecord
from .._core.settlements import cut, sendable
from ..admin.queues import declare_queue
from ..errors import PosthornError
from .group_config import GroupConfig
from .producing import Producing, producer_config
from .publishing import Publishing, publisher_config
from .transport import Transport

Bury = Callable[[list[GroupRecord], BaseException, int], Awaitable[None]]


class Burying:
    """The dead letters of one consumer."""

    def __init__(self, transport: Transport, config: GroupConfig) -> None:
        self._transport = transport
        self._config = config
        self._producing: Producing | None = None
        self._publishing: Publishing | None = None

    @property
    def bury(self) -> Bury | None:
        """None: the consumer has to end instead."""
        is_off = self._config.delivery != "at-least-once" or self._config.dead_letter == "none"
        return None if is_off else self._bury

    async def close(self) -> None:
        if self._producing is not None:
            await self._producing.flush()
        if self._publishing is not None:
            await self._publishing.flush()

    def abort(self, error: PosthornError) -> None:
        if self._producing is not None:
            self._producing.abort(error)
        if self._publishing is not None:
            self._publishing.abort(error)

    async def _bury(self, records: list[GroupRecord], error: BaseException, attempts: int) -> None:
        """Returns when all are stored. What was stored when it fails is stored once more when they are read again."""
        target = self._config.dead_letter
        if isinstance(target, dict):
            return await self._send(target, records, error, attempts)
        queue = default_dead_letter_queue(self._config.group)
        try:
            await self._send({"queue": queue}, records, error, attempts)
        except PosthornError as failure:
            if failure.code != "queue_not_found":
                raise
            await self._transport.run(declare_queue(queue, dead_letter="none"))
            await self._send({"queue": queue}, records, error, attempts)
        return None

    async def _send(self, target: dict[str, str], records: list[GroupRecord], error: BaseException, attempts: int) -> None:
        futures = [self._send_one(target, record, error, attempts) for record in records]
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def _send_one(
        self, target: dict[str, str], record: GroupRecord, error: BaseException, attempts: int
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        # A large body stays where it is.
        value = record.value if record.claim is None else b""
        headers = [*record.headers, *_reasons(record, error, attempts)]
        if "topic" in target:
            if self._producing is None:
                self._producing = Producing(self._transport, producer_config())
            outgoing = OutgoingRecord(value, record.key, headers)
            pending = PendingRecord(outgoing, future, time_ns() // 1_000_000)
            self._producing.accept(target["topic"], pending)
            return future
        if self._publishing is None:
            self._publishing = Publishing(self._transport, publisher_config())
        properties: MessageProperties = {}
        if record.key is not None and len(record.key) <= ORDERING_KEY_BYTES_MAX:
            properties["ordering_key"] = record.key
        claim = record.header(CLAIM_HEADER)
        if claim is not None:
            properties["claim"] = claim
        # Names of the broker's own are refused in a message.
        own = [(name, value) for name, value in headers if not name.startswith(":")]
        self._publishing.accept(Destination("queue", target["queue"]), PendingMessage(value, own, properties, future))
        return future


def _reasons(record: GroupRecord, error: BaseException, attempts: int) -> list[tuple[str, bytes | None]]:
    stack = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    fields = {
        "error-type": type(error).__name__[:ERROR_TYPE_LENGTH_MAX],
        "error-message": cut(str(error), ERROR_MESSAGE_LENGTH_MAX),
        "error-stack": sendable(stack[-ERROR_STACK_LENGTH_MAX:]),
        "group": record.owner.group,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "attempts": attempts,
    }
    return [(f"dead-letter-{name}", str(value).encode()) for name, value in fields.items()]
