"""Fetching: one request at a time for all partitions that want more. It waits if no partition has records."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, Protocol

from .._core.partition_work import PartitionWork
from .._core.retry import RetryPolicy, delay_s
from ..errors import PosthornError
from .backlog import unexpected
from .group_requests import GroupRequests
from .membership import Membership

WAITING_S = 0.1
"""A request that has been under way for so long waits for records, and may be given up for another."""

TO_LEARN = {
    "stale_epoch",
    "partition_not_owned",
    "member_not_found",
    "group_not_found",
    "instance_fenced",
    "inconsistent_topic_id",
}


class FetcherHost(Protocol):
    works: list[PartitionWork]

    def fetched(self) -> None:
        """Something was accepted."""

    def tell(self, error: BaseException, record: Any = None) -> None: ...
    def fail(self, error: BaseException) -> None: ...


class Fetcher:
    def __init__(
        self, requests: GroupRequests, membership: Membership, host: FetcherHost, retry: RetryPolicy, bytes_max: int
    ) -> None:
        self._requests = requests
        self._membership = membership
        self._host = host
        self._retry = retry
        self._bytes_max = bytes_max
        self._wake = asyncio.Event()
        self._request: asyncio.Task[Any] | None = None
        self._asked: dict[PartitionWork, int] = {}
        """What each partition was at when it was asked for."""
        self._started = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Until it is cancelled."""
        failures = 0
        while True:
            wanting = self._wanting()
            if not wanting:
                self._wake.clear()
                await self._wake.wait()
                continue
            self._asked = {work: work.generation for work in wanting}
            self._started = monotonic()
            self._request = asyncio.ensure_future(self._fetch(wanting))
            try:
                await asyncio.wait([self._request])
            finally:
                self._request.cancel()
            request, self._request = self._request, None
            if request.cancelled():
                continue
            error = request.exception()
            if error is None:
                failures = 0
                continue
            failures += 1
            if not isinstance(error, Exception):
                raise error
            known = error if isinstance(error, PosthornError) else unexpected(error)
            if not await self._overcome(known, failures):
                return

    def changed(self) -> None:
        """Something may want more than before, or from elsewhere."""
        self._wake.set()
        if self._request is None or self._timer is not None or not self._is_outdated():
            return
        request = self._request
        pause = max(0.0, self._started + WAITING_S - monotonic())
        self._timer = asyncio.get_running_loop().call_later(pause, self._give_up, request)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self, request: asyncio.Task[Any]) -> None:
        self._timer = None
        if self._request is request and self._is_outdated():
            request.cancel()
        else:
            self.changed()

    def _wanting(self) -> list[PartitionWork]:
        return [work for work in self._host.works if work.wants_more(self._bytes_max)]

    def _is_outdated(self) -> bool:
        return any(self._asked.get(work) != work.generation for work in self._wanting())

    async def _fetch(self, works: list[PartitionWork]) -> None:
        positions = [{**work.place.fields(), "offset": work.fetch_from} for work in works if work.fetch_from is not None]
        reply, items = await self._requests.fetch(
            self._membership.member_id, self._membership.epoch, [work.place.fields() for work in works], positions
        )
        by_place: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for item in items:
            by_place.setdefault((item["topic"], item["partition"]), []).append(item)
        for end in reply["offsets"]:
            for work in works:
                is_it = work.place.topic_id == end["topic_id"] and work.place.partition == end["partition"]
                if is_it and work.state == "active" and work.generation == self._asked.get(work):
                    work.accept(by_place.get((end["topic"], end["partition"]), []), end["offset"])
        for damage in reply.get("damaged", ()):
            text = "records {offset} to before {next_offset} of partition {partition} of topic {topic} are damaged"
            self._host.tell(PosthornError("stored_batch_corrupt", text.format(**damage), details=damage))
        self._membership.hint(reply, len(self._host.works))
        if reply["offsets"]:
            self._host.fetched()

    async def _overcome(self, error: PosthornError, failures: int) -> bool:
        """Returns whether to go on."""
        if error.code in TO_LEARN:
            await self._membership.refresh()
            if failures == 1:
                return True
        elif error.code in ("offset_below_start", "offset_past_end"):
            # From the committed offset, which the broker holds to the log.
            for work in self._host.works:
                is_it = work.place.topic == error.details.get("topic")
                if is_it and work.place.partition == error.details.get("partition"):
                    work.seek(None)
            self._host.tell(error)
            if failures == 1:
                return True
        elif error.retryable:
            self._host.tell(error)
        else:
            self._host.fail(error)
            return False
        await asyncio.sleep(delay_s(self._retry, failures, error))
        return True
