"""Producing: sends batches of records, one at a time for each partition, and handles replies and failures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from .._core.calls import Call, json_body
from .._core.limits import BATCH_BYTES_MAX, MiB, check_range
from .._core.names import check_name, topic_path
from .._core.received import Receipt
from .._core.records import PendingRecord, RecordBatch
from .._core.reply_error import culprits_of
from .._core.retry import delay_s
from .._core.sequences import Identity, Sequences
from .._core.topic_lines import TopicLines
from ..admin.topics import get_topic
from ..errors import PosthornError, invalid_argument
from .backlog import Backlog, Tasks, seen, unexpected
from .claiming import CLAIM_CHECK_BYTES, CLAIM_TTL_MS, Claiming
from .transport import Transport, with_retries

METADATA_AGE_S = 300
"""After this long the number of partitions is looked up again, as Kafka's `metadata.max.age.ms`."""

REGROUPED = {"partition_not_found", "batch_too_large", "key_required", "invalid_timestamp"}
"""Refusals that other batches of the same records, made with new metadata, may not meet."""

REGROUPINGS_MAX = 2
"""Refused as often as this, a record is given up."""

Delivery = Literal["at-most-once", "at-least-once", "exactly-once"]

_LEVELS = {
    "at-most-once": ("none", False),
    "at-least-once": ("durable", False),
    "exactly-once": ("durable", True),
}


@dataclass(frozen=True)
class ProducerConfig:
    batch_bytes: int
    max_in_flight: int
    acks: str
    idempotent: bool
    buffer_bytes: int
    delivery_timeout_ms: float
    claim_check_bytes: float
    claim_ttl_ms: float


def producer_config(
    *,
    batch_bytes: int = 512 * 1024,
    max_in_flight: int = 4,
    acks: Literal["durable", "none"] | None = None,
    idempotent: bool | None = None,
    delivery: Delivery | None = None,
    buffer_bytes: int = 32 * MiB,
    delivery_timeout_ms: float = 120_000,
    claim_check_bytes: float = CLAIM_CHECK_BYTES,
    claim_ttl_ms: float = CLAIM_TTL_MS,
) -> ProducerConfig:
    """Checks the options. Raises PosthornError `invalid_argument`."""
    if delivery is not None:
        if delivery not in _LEVELS:
            raise invalid_argument(f"delivery is one of {', '.join(_LEVELS)}, got {delivery!r}")
        level_acks, level_idempotent = _LEVELS[delivery]
        if (acks or level_acks) != level_acks or (
            level_idempotent if idempotent is None else idempotent
        ) != level_idempotent:
            raise invalid_argument(f'delivery "{delivery}" says what acks and idempotent are')
        acks, idempotent = ("none" if level_acks == "none" else "durable"), level_idempotent
    if acks not in (None, "durable", "none"):
        raise invalid_argument(f'acks is "durable" or "none", got {acks!r}')
    if acks == "none" and idempotent:
        raise invalid_argument('idempotent needs acks "durable": without an answer nobody knows which record is next')
    check_range("batch_bytes", batch_bytes, 1, BATCH_BYTES_MAX)
    check_range("max_in_flight", max_in_flight, 1, 1_000)
    check_range("buffer_bytes", buffer_bytes, 1, float("inf"))
    check_range("delivery_timeout_ms", delivery_timeout_ms, 1, float("inf"))
    check_range("claim_check_bytes", claim_check_bytes, 0, float("inf"))
    check_range("claim_ttl_ms", claim_ttl_ms, 1, float("inf"))
    is_idempotent = acks != "none" if idempotent is None else idempotent
    return ProducerConfig(
        batch_bytes,
        max_in_flight,
        acks or "durable",
        is_idempotent,
        buffer_bytes,
        delivery_timeout_ms,
        claim_check_bytes,
        claim_ttl_ms,
    )


async def ask_identity(transport: Transport, fields: dict[str, object] | None = None) -> Identity:
    """Makes a producer. One attempt."""
    reply = (await transport.call(Call("POST", "/producers", body=json_body(fields or {})))).json()
    return Identity(reply["id"], reply["epoch"])


class Flush:
    """Batches that somebody waits for. Their future is done when all have ended, with those that took their place."""

    def __init__(self, batches: set[RecordBatch]) -> None:
        self._batches = batches
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def done(self, batch: RecordBatch | None, replacements: Iterable[RecordBatch]) -> asyncio.Future[None]:
        if batch in self._batches:
            self._batches.remove(batch)
            self._batches.update(replacements)
        if not self._batches and not self._future.done():
            self._future.set_result(None)
        return self._future


class Producing:
    """The sender of one producer."""

    def __init__(
        self,
        transport: Transport,
        config: ProducerConfig,
        sequences: Sequences | None = None,
        transactional_id: str | None = None,
    ) -> None:
        self.backlog = Backlog(config.buffer_bytes)
        self.tracing = transport.config.tracing
        self._transport = transport
        self._config = config
        self._sequences = sequences or (Sequences() if config.idempotent else None)
        self._transactional_id = transactional_id
        self._topics: dict[str, TopicLines] = {}
        self._tasks = Tasks()
        self.claim_check_bytes = config.claim_check_bytes
        self._claiming: Claiming[str, PendingRecord] = Claiming(
            transport,
            self._tasks,
            config.claim_ttl_ms,
            self._life_in,
            lambda name, record: self._enter(self._topics[name], record),
            self._fail_record,
        )
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._identifying: asyncio.Task[None] | None = None
        self._in_flight = 0
        self._is_pump_due = False
        self._flushes: list[Flush] = []
        self._aborted: PosthornError | None = None
        transport.add_user(self)

    def accept(self, topic: str, record: PendingRecord) -> None:
        """Takes a record over. Raises PosthornError `invalid_argument` for the name of the topic."""
        if self._aborted is not None:
            raise self._aborted
        lines = self._topics.get(topic)
        if lines is None:
            timeout_s = self._config.delivery_timeout_ms / 1_000
            lines = TopicLines(check_name("topic", topic), self._config.batch_bytes, timeout_s)
            self._topics[topic] = lines
        self.backlog.add(record.held_bytes)
        if not self._claiming.takes(topic, record):
            self._enter(lines, record)

    def _enter(self, lines: TopicLines, record: PendingRecord) -> None:
        if lines.topic is not None and not lines.waiting and lines.add(record, monotonic()) is None:
            self._pump_soon()
            return
        # Not known yet, or what is known refuses it: look (again) before the record is refused.
        lines.waiting.append(record)
        if len(lines.waiting) == 1:
            self._tasks.start(self._assign(lines))

    async def flush(self) -> None:
        """Returns when everything accepted before is stored or has failed."""
        await self._claiming.settled()
        for lines in list(self._topics.values()):
            while lines.waiting:
                await asyncio.wait([self._load(lines)])
                await asyncio.sleep(0)
        flush = Flush({batch for lines in self._topics.values() for batch in lines.live})
        self._flushes.append(flush)
        self._pump()
        try:
            await flush.done(None, set())
        finally:
            self._flushes.remove(flush)

    def abort(self, error: PosthornError) -> None:
        """Gives up everything."""
        if self._aborted is not None:
            return
        self._aborted = error
        self._tasks.cancel()
        self._claiming.abort(error)
        for lines in self._topics.values():
            for record in lines.waiting:
                self._fail_record(record, error)
            lines.waiting = []
            for batch in list(lines.live):
                self._settle(lines, batch, [error] * len(batch.records))

    async def ended(self) -> None:
        """Returns when no task is left."""
        await self._tasks.ended()

    async def _life_in(self, topic: str, _: PendingRecord) -> float | None:
        """How long a record of the topic may live, in ms; None: without end."""
        found = await self._transport.run(get_topic(topic))
        return found["retention_ms"] if found["cleanup_policy"] == "delete" else None

    async def _assign(self, lines: TopicLines) -> None:
        """What waited for the topic goes into batches, or fails."""
        failed: PosthornError | None = None
        try:
            await asyncio.shield(self._load(lines))
        except PosthornError as error:
            failed = error
        waiting, lines.waiting = lines.waiting, []
        for record in waiting:
            refused = failed or lines.add(record, monotonic())
            if refused is not None:
                self._fail_record(record, refused)
        self._pump()

    def _load(self, lines: TopicLines) -> asyncio.Task[None]:
        """Looks the topic up. Calls that come while one is under way share it."""
        task = self._loading.get(lines.name)
        if task is None:
            task = self._tasks.start(self._load_once(lines))
            self._loading[lines.name] = task
            task.add_done_callback(lambda _: self._loading.pop(lines.name, None))
        return task

    async def _load_once(self, lines: TopicLines) -> None:
        lines.topic = await with_retries(
            self._transport.config.retry,
            lambda: self._transport.run_once(get_topic(lines.name)),
            within_ms=self._config.delivery_timeout_ms,
        )
        lines.loaded_at = monotonic()

    def _pump_soon(self) -> None:
        """At the end of this turn of the event loop: records that are sent within it share batches."""
        if not self._is_pump_due:
            self._is_pump_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._is_pump_due = False
        for lines in list(self._topics.values()):
            while self._in_flight < self._config.max_in_flight and self._aborted is None:
                batch = lines.take()
                if batch is None:
                    break
                self._in_flight += 1
                self._tasks.start(self._send(lines, batch))
            if self._in_flight >= self._config.max_in_flight:
                # Behind the others.
                self._topics[lines.name] = self._topics.pop(lines.name)
                return

    async def _send(self, lines: TopicLines, batch: RecordBatch) -> None:
        try:
            await self._identify(lines, batch)
            reply = await self._transport.call(
                Call(
                    "POST",
                    f"{topic_path(lines.name)}/records",
                    body=batch.content(self._config.acks, self._transactional_id),
                )
            )
            receipts = self._receipts(batch, reply.json())
        except PosthornError as error:
            self._in_flight -= 1
            await self._refused(lines, batch, error)
        except Exception as cause:
            self._in_flight -= 1
            self._give_up(lines, batch, unexpected(cause))
        else:
            self._in_flight -= 1
            lines.release(batch.partition)
            self._settle(lines, batch, receipts)
            if monotonic() - lines.loaded_at > METADATA_AGE_S:
                self._load(lines).add_done_callback(seen)
        self._pump()

    def _receipts(self, batch: RecordBatch, reply: object) -> list[Receipt | PosthornError]:
        if self._config.acks == "none":
            return [Receipt(batch.partition, -1, record.timestamp) for record in batch.records]
        offsets = reply.get("offsets") if isinstance(reply, dict) else None
        if not isinstance(offsets, list) or len(offsets) != len(batch.records):
            raise PosthornError("unexpected_reply", f"the reply does not tell of {len(batch.records)} records")
        return [Receipt(each["partition"], each["offset"], each["timestamp"]) for each in offsets]

    async def _identify(self, lines: TopicLines, batch: RecordBatch) -> None:
        if self._sequences is None or batch.producer is not None:
            return
        while True:
            batch.producer = self._sequences.assign(_address(lines, batch.partition), len(batch.records))
            if batch.producer is not None:
                return
            if self._identifying is None:
                self._identifying = self._tasks.start(self._ask_identity(self._sequences))
            await asyncio.shield(self._identifying)

    async def _ask_identity(self, sequences: Sequences) -> None:
        try:
            sequences.identity = await ask_identity(self._transport)
        finally:
            self._identifying = None

    async def _refused(self, lines: TopicLines, batch: RecordBatch, error: PosthornError) -> None:
        """The batch is not stored, as far as is known."""
        if error.retryable:
            return await self._retry_later(lines, batch, error)
        if error.code == "unknown_producer" and self._sequences is not None and self._transactional_id is None:
            # The partition has forgotten this producer, so it has none of what is sent now.
            self._sequences.abandon(_address(lines, batch.partition), batch.producer)
            batch.producer = None
            return await self._retry_later(lines, batch, error)
        if error.code in REGROUPED and batch.regroupings < REGROUPINGS_MAX:
            return await self._regroup(lines, batch, error)
        if error.code == "topic_not_found":
            lines.topic = None
        culprits = culprits_of(error, len(batch.records))
        if 0 < len(culprits) < len(batch.records):
            return self._go_without(lines, batch, culprits, error)
        return self._give_up(lines, batch, error)

    def _go_without(self, lines: TopicLines, batch: RecordBatch, culprits: set[int], error: PosthornError) -> None:
        """The broker names the records that it refuses, and has stored none: the others go without them."""
        if self._sequences is not None:
            self._sequences.abandon(_address(lines, batch.partition), batch.producer)
        batch.producer = None
        for record in batch.remove(culprits):
            self._fail_record(record, error)
        lines.release(batch.partition, batch)

    async def _retry_later(self, lines: TopicLines, batch: RecordBatch, error: PosthornError) -> None:
        batch.failures += 1
        if monotonic() >= batch.deadline:
            text = f"not stored within {self._config.delivery_timeout_ms:.0f} ms; the last attempt: {error}"
            timeout = PosthornError("timeout", text, retryable=True)
            timeout.__cause__ = error
            return self._give_up(lines, batch, timeout)
        # Other partitions go meanwhile.
        self._pump_soon()
        await asyncio.sleep(delay_s(self._transport.config.retry, batch.failures, error))
        lines.release(batch.partition, batch)
        return None

    async def _regroup(self, lines: TopicLines, batch: RecordBatch, error: PosthornError) -> None:
        """The topic has changed since the batch was made: its records, and those behind them, get new ones.

        Their partition stays busy meanwhile, and the records of a key keep their order.
        """
        failed: PosthornError | None = None
        try:
            await asyncio.shield(self._load(lines))
        except PosthornError as cause:
            failed = cause
        if self._sequences is not None:
            self._sequences.abandon(_address(lines, batch.partition), batch.producer)
        olds = [batch, *lines.drain(batch.partition)]
        lines.live.difference_update(olds)
        for old in olds:
            for record in old.records:
                refused = failed or _too_late(record, error)
                refused = refused or lines.add(record, monotonic(), batch.regroupings + 1)
                if refused is not None:
                    self._fail_record(record, refused)
        lines.release(batch.partition)
        for old in olds:
            self._ended(old, lines.live)

    def _give_up(self, lines: TopicLines, batch: RecordBatch, error: PosthornError) -> None:
        if self._sequences is not None:
            self._sequences.abandon(_address(lines, batch.partition), batch.producer)
        lines.release(batch.partition)
        self._settle(lines, batch, [error] * len(batch.records))

    def _settle(
        self,
        lines: TopicLines,
        batch: RecordBatch,
        outcomes: list[Receipt | PosthornError] | list[PosthornError],
    ) -> None:
        lines.live.discard(batch)
        self.backlog.remove(batch.held_bytes)
        for record, outcome in zip(batch.records, outcomes, strict=True):
            record.settle(outcome)
        self._ended(batch)

    def _fail_record(self, record: PendingRecord, error: PosthornError) -> None:
        self.backlog.remove(record.held_bytes)
        record.settle(error)

    def _ended(self, batch: RecordBatch, replacements: Iterable[RecordBatch] = ()) -> None:
        for flush in self._flushes:
            flush.done(batch, replacements)


def _address(lines: TopicLines, partition: int) -> str:
    return f"{lines.name}/{partition}"


def _too_late(record: PendingRecord, error: PosthornError) -> PosthornError | None:
    """The broker's clock is behind ours: only the records that are ahead of it are to blame."""
    latest = error.details.get("timestamp_max")
    return error if isinstance(latest, int) and record.timestamp > latest else None
