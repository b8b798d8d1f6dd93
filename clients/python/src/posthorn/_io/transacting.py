"""Transacting: one transaction at a time of a transactional id."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import Any, Literal, TypeVar

from .._core.calls import Call, json_body
from .._core.group_records import GroupOwner, Position
from .._core.limits import PRODUCER_EPOCH_MAX
from .._core.message_batches import Destination
from .._core.names import check_wide_name, escaped
from .._core.records import PendingRecord, Sink, settle
from .._core.sequences import Identity, Sequences
from ..errors import PosthornError, as_posthorn_error, invalid_argument
from .backlog import seen
from .producing import ProducerConfig, Producing, ask_identity
from .transport import Transport, with_retries

Result = TypeVar("Result")


class _NotedSink:
    """Tells the transaction of a failure, and then who waits."""

    def __init__(self, inner: Sink[Any], transaction: Transacting) -> None:
        self._inner = inner
        self._transaction = transaction

    def done(self) -> bool:
        return False

    def set_result(self, result: Any, /) -> None:
        settle(self._inner, result)

    def set_exception(self, exception: BaseException, /) -> None:
        self._transaction.note(exception)
        settle(self._inner, as_posthorn_error(exception))


class Transacting:
    def __init__(self, transport: Transport, transactional_id: str, timeout_ms: int | None, config: ProducerConfig) -> None:
        self._transport = transport
        self._id = check_wide_name("transactional_id", transactional_id)
        self._timeout_ms = timeout_ms
        self._within_ms = config.delivery_timeout_ms
        self._sequences = Sequences()
        self.producing = Producing(transport, config, self._sequences, transactional_id)
        self._identity: Identity | None = None
        self._state: Literal["new", "ready", "open", "ending"] = "new"
        self._has_sent = False
        self._on_their_way: set[asyncio.Future[Any]] = set()
        self._held = 0
        """Messages published in the open transaction."""
        self._hold_lock = asyncio.Lock()
        self._ending: Literal["commit", "abort"] | None = None
        """The requested end of the transaction, until the outcome is known."""
        self._failure: PosthornError | None = None
        """Why the open transaction cannot be committed."""

    @property
    def is_undecided(self) -> bool:
        return self._ending == "commit"

    async def begin(self) -> None:
        if self._ending == "abort":
            try:
                await self.abort()
            except PosthornError as error:
                if error.retryable:
                    raise  # otherwise it is over already
        if self._state in ("open", "ending"):
            raise invalid_argument("a transaction is open already; commit or abort it first")
        if self._identity is None:
            await self._take_over()
        assert self._identity is not None
        self._sequences.renew(self._identity)
        self._has_sent = False
        self._failure = None
        self._held = 0
        self._ending = None
        self._state = "open"

    def accept(self, topic: str, record: PendingRecord) -> None:
        self.check_begun()
        self._has_sent = True
        record.sink = _NotedSink(record.sink, self)
        self.producing.accept(topic, record)

    def check_begun(self) -> None:
        if self._state != "open":
            raise invalid_argument("begin a transaction first")

    def note(self, error: BaseException) -> None:
        self._failure = self._failure or as_posthorn_error(error)

    def send_offsets(self, owner: GroupOwner, positions: Iterable[Position]) -> asyncio.Future[None]:
        return self._sent(self._add_offsets(owner, list(positions)))

    def hold(self, destination: Destination, message_text: str) -> asyncio.Future[bool]:
        """Publishes in the transaction. The result is False if the message is mandatory and nothing takes it."""
        return self._sent(self._hold(destination, message_text))

    async def commit(self) -> None:
        self._check_open()
        await self._flush()
        if self._ending == "abort":
            self._failure = self._failure or invalid_argument("abort was called")
        if self._failure is not None:
            failure = self._failure
            await self.abort()
            raise failure
        await self._end("commit")

    async def abort(self) -> None:
        self._check_open()
        await self._flush()
        await self._end("abort")

    async def close(self) -> None:
        """Aborts an open transaction."""
        try:
            if self._state in ("open", "ending"):
                await self.abort()
        finally:
            await self.producing.flush()

    def _sent(self, work: Awaitable[Result]) -> asyncio.Future[Result]:
        try:
            self.check_begun()
        except PosthornError:
            if asyncio.iscoroutine(work):
                work.close()
            raise
        self._has_sent = True
        future: asyncio.Future[Result] = asyncio.ensure_future(work)
        self._on_their_way.add(future)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._on_their_way.discard(future)
        seen(future)
        error = None if future.cancelled() else future.exception()
        if error is not None:
            self.note(error)

    def _check_open(self) -> None:
        if self._state not in ("open", "ending"):
            raise invalid_argument("no transaction is open")

    async def _flush(self) -> None:
        await self.producing.flush()
        while self._on_their_way:
            await asyncio.wait(list(self._on_their_way))
            await asyncio.sleep(0)

    async def _add_offsets(self, owner: GroupOwner, positions: list[Position]) -> None:
        if not positions:
            return
        fields = {
            "group": check_wide_name("group", owner.group),
            "member_id": owner.member_id,
            "epoch": owner.epoch,
            "offsets": [position.fields() for position in positions],
        }
        await self._post("offsets", json_body({"producer": self._producer(), **fields}))

    async def _hold(self, destination: Destination, message_text: str) -> bool:
        # One at a time, because the sequence tells a repetition from the next publish.
        async with self._hold_lock:
            sequence, self._held = self._held, self._held + 1
            name = destination.path.rsplit("/", 1)[1]
            fields = {"producer": self._producer(), "sequence": sequence, destination.kind: name}
            body = json_body(fields)[:-1] + b',"messages":[' + message_text.encode() + b"]}"
            reply = await self._post("messages", body)
            return not reply["unroutable"]

    def _producer(self) -> dict[str, int]:
        assert self._identity is not None
        return {"id": self._identity.id, "epoch": self._identity.epoch}

    async def _post(self, what: str, body: bytes) -> Any:
        call = Call("POST", f"/transactions/{escaped(self._id)}/{what}", body=body)
        retry = self._transport.config.retry
        reply = await with_retries(retry, lambda: self._transport.call(call), within_ms=self._within_ms)
        return reply.json()

    async def _take_over(self) -> None:
        fields: dict[str, object] = {"transactional_id": self._id}
        if self._timeout_ms is not None:
            fields["transaction_timeout_ms"] = self._timeout_ms
        retry = self._transport.config.retry
        self._identity = await with_retries(retry, lambda: ask_identity(self._transport, fields), within_ms=self._within_ms)
        self._state = "ready"

    async def _end(self, how: Literal["commit", "abort"]) -> None:
        if not self._has_sent:
            self._state = "ready"
            return
        self._state = "ending"
        self._ending = how
        try:
            reply = await self._post(how, json_body({"producer": self._producer()}))
        except PosthornError as error:
            # What the broker refuses is over, and the next transaction begins as a new instance.
            if not error.retryable and error.status is not None:
                self._identity = None
                self._state = "new"
                if how == "abort" or error.code == "transaction_aborted":
                    self._ending = None
            raise
        producer = reply["producer"]
        is_used_up = producer["epoch"] > PRODUCER_EPOCH_MAX
        self._identity = None if is_used_up else Identity(producer["id"], producer["epoch"])
        self._state = "ready"
        self._ending = None


async def end_of(transacting: Transacting, error: BaseException | None) -> None:
    """Commits if there is no error. If an abort fails, the broker aborts by itself after the time-out."""
    if error is None:
        await transacting.commit()
    else:
        with suppress(PosthornError):
            await transacting.abort()
