"""Membership: joins, heartbeats one at a time, and joins again when the group has forgotten the member.

Only replies to heartbeats change the assignment. Other replies carry it too, but if two replies cross, nobody knows which is
newer. So they only trigger the next heartbeat at once.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, Protocol

from .._core.retry import RetryPolicy, delay_s
from ..errors import PosthornError
from .group_requests import GroupRequests

GONE = {"member_not_found", "group_not_found"}
"""The group has forgotten the member: what it had is gone, and it joins again."""


class MembershipHost(Protocol):
    def held(self) -> list[dict[str, Any]]:
        """What the member works on, what it has to give up included."""

    def assigned(self, reply: dict[str, Any]) -> None: ...

    def lost(self) -> None:
        """All partitions are another's, or may be."""

    def tell(self, error: BaseException, record: Any = None) -> None: ...
    def fail(self, error: BaseException) -> None: ...


class Membership:
    def __init__(self, requests: GroupRequests, host: MembershipHost, retry: RetryPolicy, session_timeout_ms: float) -> None:
        self.member_id = ""
        self.epoch = 0
        """That of the newest reply to a heartbeat."""
        self.is_attempting = asyncio.Event()
        """Cleared while a join or a heartbeat is under way."""
        self.is_attempting.set()
        self._requests = requests
        self._host = host
        self._retry = retry
        self._session_timeout_s = session_timeout_ms / 1_000
        self._heard = 0.0
        """When the last request began that was answered."""
        self._interval_s = 0.0
        self._hurry = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        """Who waits for the answer to a heartbeat that has not begun yet."""
        self._is_ended = False

    async def run(self) -> None:
        failures = 0
        while not self._is_ended:
            self._hurry.clear()
            waiting, self._waiting = self._waiting, []
            self.is_attempting.clear()
            try:
                await self._beat()
            except PosthornError as error:
                self._waiting.extend(waiting)
                if not self._survives(error):
                    self.end()
                    return self._host.fail(error)
                self._host.tell(error)
                self._hurry.clear()
                failures += 1
                pause = delay_s(self._retry, failures, error)
            else:
                failures = 0
                _resolve(waiting)
                pause = self._interval_s
            finally:
                self.is_attempting.set()
            await self._pause(pause)
        return None

    def end(self) -> None:
        """No further heartbeat begins."""
        self._is_ended = True
        self._hurry.set()
        waiting, self._waiting = self._waiting, []
        _resolve(waiting)

    def hurry(self) -> None:
        """The next heartbeat goes at once."""
        self._hurry.set()

    async def refresh(self) -> None:
        """Returns when a heartbeat that begins from now on was answered, or the membership ends."""
        if self._is_ended:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self.hurry()
        await future

    def hint(self, reply: dict[str, Any], assigned: int) -> None:
        """Another reply than that to a heartbeat."""
        if reply["epoch"] > self.epoch or len(reply["assignment"]) != assigned:
            self.hurry()

    async def _beat(self) -> None:
        started = monotonic()
        if self.member_id == "":
            reply = await self._requests.join()
        else:
            reply = await self._requests.heartbeat(self.member_id, self.epoch, self._host.held())
        self._heard = started
        self._interval_s = reply["heartbeat_interval_ms"] / 1_000
        if self.member_id == reply["member_id"] and reply["epoch"] < self.epoch:
            return
        self.member_id = reply["member_id"]
        self.epoch = reply["epoch"]
        self._host.assigned(reply)

    def _survives(self, error: PosthornError) -> bool:
        """Returns whether another attempt may succeed."""
        if self.member_id != "" and error.code in GONE:
            self.member_id = ""
            self.epoch = 0
            self._host.lost()
            return True
        if error.code == "stale_epoch":
            # The heartbeat names everything that is held, so nothing is given up by an epoch that is newer than known.
            epoch = error.details.get("epoch")
            self.epoch = epoch if isinstance(epoch, int) else self.epoch
            return True
        if not error.retryable:
            return False
        # Whoever is not heard of for so long has been replaced, or will be before it hears of it.
        if self.member_id != "" and monotonic() - self._heard > self._session_timeout_s:
            self._host.lost()
        return True

    async def _pause(self, seconds: float) -> None:
        if not self._is_ended:
            waiter = asyncio.ensure_future(self._hurry.wait())
            await asyncio.wait([waiter], timeout=seconds)
            waiter.cancel()


def _resolve(waiting: list[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
