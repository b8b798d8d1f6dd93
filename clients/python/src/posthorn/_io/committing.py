"""Committing: commits offsets, one request at a time, so that an older offset never follows a newer one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from .._core.group_records import Position
from .._core.partition_work import PartitionWork
from .._core.retry import RetryPolicy, delay_s
from ..errors import PosthornError
from .backlog import Tasks, seen, unexpected
from .fetching import TO_LEARN
from .group_requests import GroupRequests
from .membership import Membership

STALE_ATTEMPTS = 3
"""A member that is told to heartbeat first does so, and tries again so often."""


@dataclass(frozen=True)
class _CommitCall:
    positions: list[Position] | None
    """None: what is handled when it begins."""
    future: asyncio.Future[None]


class Committer:
    def __init__(
        self,
        requests: GroupRequests,
        membership: Membership,
        works: Callable[[], Iterable[PartitionWork]],
        retry: RetryPolicy,
        give_up_ms: float,
    ) -> None:
        """`works`: those that may still be committed, the ones that are given up too."""
        self._requests = requests
        self._membership = membership
        self._works = works
        self._retry = retry
        self._give_up_s = give_up_ms / 1_000
        self._waiting: list[_CommitCall] = []
        self._is_running = False
        self._tasks = Tasks()

    def commit(self, positions: list[Position] | None = None) -> asyncio.Future[None]:
        """Commits these, or by default whatever is handled when it begins.

        Calls of one turn of the event loop, and those that come while a request is under way, are made one after another.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(seen)
        self._waiting.append(_CommitCall(positions, future))
        if not self._is_running:
            self._is_running = True
            self._tasks.start(self._run())
        return future

    def abort(self, error: PosthornError) -> None:
        self._tasks.cancel()
        for call in self._waiting:
            if not call.future.done():
                call.future.set_exception(error)

    async def _run(self) -> None:
        try:
            await asyncio.sleep(0)
            while self._waiting:
                calls = self._next_calls()
                error = await self._send(self._positions_of(calls))
                for call in calls:
                    if call.future.done():
                        continue
                    if error is None:
                        call.future.set_result(None)
                    else:
                        call.future.set_exception(error)
        finally:
            self._is_running = False

    def _next_calls(self) -> list[_CommitCall]:
        """Returns calls that share a request: those that leave the choice to the consumer, or one that does not."""
        count = 1
        if self._waiting[0].positions is None:
            while count < len(self._waiting) and self._waiting[count].positions is None:
                count += 1
        calls, self._waiting = self._waiting[:count], self._waiting[count:]
        return calls

    def _positions_of(self, calls: list[_CommitCall]) -> list[Position]:
        asked = calls[0].positions
        if asked is not None:
            return asked
        return [work.uncommitted for work in self._works() if work.uncommitted is not None]

    async def _send(self, positions: list[Position]) -> PosthornError | None:
        """Never raises. Returns why not all could be committed."""
        started = monotonic()
        left = list(positions)
        attempt = 0
        while left:
            attempt += 1
            try:
                await self._requests.commit(self._membership.member_id, self._membership.epoch, left)
            except PosthornError as error:
                left = self._without(left, error)
                if error.code == "stale_epoch" and attempt < STALE_ATTEMPTS:
                    await self._membership.refresh()
                    continue
                if error.code in TO_LEARN:
                    self._membership.hurry()
                if not error.retryable or monotonic() - started > self._give_up_s:
                    return error
                pause = delay_s(self._retry, attempt, error)
            except Exception as cause:
                return unexpected(cause)
            else:
                self._note(left)
                return None
            await asyncio.sleep(pause)
        return None

    def _without(self, positions: list[Position], error: PosthornError) -> list[Position]:
        """Each partition takes its own: what a refusal says was taken is."""
        committed = [
            Position(each["topic"], each["partition"], each["offset"], each.get("topic_id"))
            for each in error.details.get("committed") or ()
        ]
        self._note(committed)
        taken = {(position.topic, position.partition) for position in committed}
        return [position for position in positions if (position.topic, position.partition) not in taken]

    def _note(self, positions: list[Position]) -> None:
        committed = {(position.topic, position.partition): position for position in positions}
        for work in self._works():
            position = committed.get((work.place.topic, work.place.partition))
            if position is not None and position.topic_id in (None, work.place.topic_id):
                work.committed = position.offset
