"""Reading: fetches from the partitions of a topic, one fetch ahead for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from .._core.calls import Call
from .._core.json_text import read_items
from .._core.limits import FETCH_BYTES_MAX, WAIT_MS_MAX, MiB, check_range
from .._core.names import check_name, check_partition, partition_path
from .._core.received import ReceivedRecord
from .._core.start import Start, WireOffset, wire_start
from ..admin.topics import get_topic
from ..errors import PosthornError, invalid_argument
from .backlog import Tasks, seen
from .claims import open_claims
from .transport import Transport, with_retries

EMPTY_PAUSE_S = 0.05
"""The shortest time between two waits that end at once without a result."""

GONE_PAUSE_S = 0.25
"""The time between two searches for a deleted topic."""

OUT_OF_RANGE = {"offset_below_start", "offset_past_end", "inconsistent_topic_id"}
"""The position is not in the log: it was removed, is not written yet, or belongs to a deleted topic."""

Isolation = Literal["read_uncommitted", "read_committed"]


@dataclass(frozen=True)
class TopicReplaced:
    """What readers learn when a topic was deleted and made again, and they begin anew."""

    topic: str
    partition: int
    topic_id: int
    """The topic that has the name now."""
    previous_topic_id: int
    """The one that positions belonged to. Its records are gone."""


@dataclass(frozen=True)
class ReaderConfig:
    partitions: tuple[int, ...] | None
    start_of: Callable[[int], WireOffset]
    topic_id: int | None
    follow: bool
    on_out_of_range: Literal["error", "earliest", "latest"]
    on_topic_replaced: Callable[[TopicReplaced], object] | None
    on_corrupt: Literal["error", "skip"]
    isolation: Isolation
    fetch_bytes: int
    wait_ms: int
    give_up_ms: float


def reader_config(
    *,
    partitions: list[int] | None = None,
    start: Start | Mapping[int, Start] = "earliest",
    topic_id: int | None = None,
    follow: bool = True,
    on_out_of_range: Literal["error", "earliest", "latest"] = "error",
    on_topic_replaced: Callable[[TopicReplaced], object] | None = None,
    on_corrupt: Literal["error", "skip"] = "error",
    isolation: Isolation = "read_uncommitted",
    fetch_bytes: int = MiB,
    wait_ms: int = 30_000,
    give_up_ms: float = 120_000,
) -> ReaderConfig:
    """Checks the options. Raises PosthornError `invalid_argument`."""
    check_range("fetch_bytes", fetch_bytes, 1, FETCH_BYTES_MAX)
    check_range("wait_ms", wait_ms, 1, WAIT_MS_MAX)
    check_range("give_up_ms", give_up_ms, 0, float("inf"))
    check_one_of("on_out_of_range", on_out_of_range, "error", "earliest", "latest")
    check_one_of("on_corrupt", on_corrupt, "error", "skip")
    check_one_of("isolation", isolation, "read_uncommitted", "read_committed")
    chosen = None if partitions is None else tuple(dict.fromkeys(map(check_partition, partitions)))
    return ReaderConfig(
        chosen,
        _starts_of(start),
        topic_id,
        follow,
        on_out_of_range,
        on_topic_replaced,
        on_corrupt,
        isolation,
        fetch_bytes,
        wait_ms,
        give_up_ms,
    )


def check_one_of(name: str, value: str, *allowed: str) -> None:
    if value not in allowed:
        raise invalid_argument(f"{name} is one of {', '.join(allowed)}, got {value!r}")


def _starts_of(start: Start | Mapping[int, Start]) -> Callable[[int], WireOffset]:
    if not isinstance(start, Mapping):
        one = wire_start(start)
        return lambda _: one
    starts = {
        check_partition(partition): wire_start(each, f"start of partition {partition}") for partition, each in start.items()
    }
    return lambda partition: starts.get(partition, "earliest")


class PartitionFeed:
    """Reads one partition, a fetch at a time. It tracks the position, the end, and failures."""

    def __init__(self, transport: Transport, topic: str, partition: int, config: ReaderConfig) -> None:
        self._transport = transport
        self._topic = topic
        self._partition = partition
        self._config = config
        self._position: WireOffset = config.start_of(partition)
        self._topic_id = config.topic_id
        self._end: int | None = None
        """Without `follow`: the end that the first fetch saw."""

    async def next(self) -> list[ReceivedRecord] | None:
        """Returns the next records, or None at the end. Waits for them if the reader follows."""
        while True:
            if self._end is not None and isinstance(self._position, int) and self._position >= self._end:
                return None
            started = monotonic()
            wait_ms = self._wait_ms()
            records = await self._fetch_or_reset(wait_ms)
            if self._end is not None:
                end = self._end
                records = [record for record in records if record.offset < end]
            if records:
                return records
            if wait_ms > 0 and monotonic() - started < EMPTY_PAUSE_S:
                await asyncio.sleep(EMPTY_PAUSE_S)

    def _wait_ms(self) -> int:
        """A start that is no offset yet is looked up without waiting.

        If a wait at `latest` had to be repeated, records that came meanwhile would be skipped.
        """
        return self._config.wait_ms if self._config.follow and isinstance(self._position, int) else 0

    async def _fetch_or_reset(self, wait_ms: int) -> list[ReceivedRecord]:
        reset = self._config.on_out_of_range
        gone = monotonic() + self._config.give_up_ms / 1_000
        while True:
            try:
                return await self._fetch_anew(wait_ms, reset)
            except PosthornError as error:
                # Between its deletion and its declaration the topic does not exist.
                may_come_back = reset != "error" and self._topic_id is not None and error.code == "topic_not_found"
                if not may_come_back or monotonic() > gone:
                    raise
                await asyncio.sleep(GONE_PAUSE_S)

    async def _fetch_anew(self, wait_ms: int, reset: str) -> list[ReceivedRecord]:
        try:
            return await self._fetch(self._position, wait_ms, self._topic_id)
        except PosthornError as error:
            if reset == "error" or error.code not in OUT_OF_RANGE:
                raise
            if error.code != "inconsistent_topic_id":
                return await self._fetch(reset, 0, self._topic_id)
        previous = self._topic_id
        self._end = None  # of the topic that is gone
        records = await self._fetch(reset, 0, None)
        if self._config.on_topic_replaced is not None and previous is not None and self._topic_id is not None:
            self._config.on_topic_replaced(TopicReplaced(self._topic, self._partition, self._topic_id, previous))
        return records

    async def _fetch(self, offset: WireOffset, wait_ms: int, topic_id: int | None) -> list[ReceivedRecord]:
        config = self._config
        is_committed = config.isolation == "read_committed"
        call = Call(
            "GET",
            f"{partition_path(self._topic, self._partition)}/records",
            query={
                "offset": offset,
                "topic_id": topic_id,
                "max_bytes": config.fetch_bytes,
                "wait_ms": wait_ms or None,
                "isolation": config.isolation if is_committed else None,
                "on_corrupt": "skip" if config.on_corrupt == "skip" else None,
            },
            wait_ms=wait_ms,
        )
        reply = await with_retries(
            self._transport.config.retry, lambda: self._transport.call(call), within_ms=config.give_up_ms
        )
        fields, items = read_items(reply.content, "records", "value")
        self._position = fields["next_offset"]
        self._topic_id = fields["topic_id"]
        if not config.follow and self._end is None:
            self._end = fields["last_stable_offset" if is_committed else "high_watermark"]
        return [ReceivedRecord(self._topic, fields["topic_id"], self._partition, item) for item in items]


async def read_batches(transport: Transport, topic: str, config: ReaderConfig) -> AsyncIterator[list[ReceivedRecord]]:
    """Yields the records of fetches, at least one each and all of one partition.

    A feed fetches again when its last fetch was taken: one fetch waits for each partition while another is handled.
    """
    partitions = config.partitions
    if partitions is None:
        found = await transport.run(get_topic(check_name("topic", topic)))
        partitions = tuple(range(found["partitions"]))
    arrivals: asyncio.Queue[tuple[list[ReceivedRecord] | BaseException | None, asyncio.Event]] = asyncio.Queue()
    tasks = Tasks()

    async def bring(feed: PartitionFeed) -> None:
        while True:
            taken = asyncio.Event()
            try:
                records = await feed.next()
            except Exception as error:
                return arrivals.put_nowait((error, taken))
            arrivals.put_nowait((records, taken))
            if records is None:
                return None
            await taken.wait()

    try:
        for partition in partitions:
            tasks.start(bring(PartitionFeed(transport, topic, partition, config))).add_done_callback(seen)
        left = len(partitions)
        while left > 0:
            arrival, taken = await arrivals.get()
            if arrival is None:
                left -= 1
            elif isinstance(arrival, BaseException):
                raise arrival
            else:
                taken.set()
                await open_claims(transport, arrival)
                yield arrival
    finally:
        tasks.cancel()
