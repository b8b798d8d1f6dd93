"""Group consuming: one run of a group's consumer.

The membership says which partitions it has, the fetcher fills them, the dispatcher passes records to the handler, and the
committer stores the progress.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from .._core.group_records import GroupBatch, GroupOwner, GroupRecord, Position, TopicPartition
from .._core.partition_work import PartitionWork
from ..errors import PosthornError, as_posthorn_error, invalid_argument
from .backlog import Tasks, seen
from .burying import Burying
from .claims import open_claims
from .committing import Committer
from .dispatching import Dispatcher, HandleUnit
from .fetching import Fetcher
from .group_config import GroupConfig
from .group_requests import GroupRequests
from .membership import Membership
from .reading import TopicReplaced
from .transport import Transport

Call = Callable[[Callable[..., Any], Any], Awaitable[object]]
"""Calls a callback of the application with its argument, wherever it belongs, and waits for it."""


class GroupConsuming:
    def __init__(self, transport: Transport, config: GroupConfig, handle: HandleUnit, call: Call) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises what ended the consumer, if that was not `stop`."""
        self.done.add_done_callback(seen)
        self.config = config
        self.works: list[PartitionWork] = []
        """What is assigned."""
        retry = transport.config.retry
        self._call = call
        self._requests = GroupRequests(transport, config)
        self.membership = Membership(self._requests, self, retry, config.session_timeout_ms)
        self.committer = Committer(self._requests, self.membership, self._held_works, retry, config.session_timeout_ms)
        self._fetcher = Fetcher(self._requests, self.membership, self, retry, config.fetch_bytes)
        self._burying = Burying(transport, config)

        async def opened(unit: GroupRecord | GroupBatch) -> object:
            await open_claims(transport, [unit] if isinstance(unit, GroupRecord) else unit.records)
            return await handle(unit)

        self._dispatcher = Dispatcher(self, config, opened, self._burying.bury)
        self._giving_up: dict[PartitionWork, None] = {}
        """Held until the handlers have ended and what they did is committed."""
        self._lost: set[PartitionWork] = set()
        """Lost while handlers were at work: whoever gets them next in this process waits for those."""
        self._preparing: dict[PartitionWork, asyncio.Task[None]] = {}
        self._releasing = Tasks()
        self._tasks = Tasks()
        self._fetching: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None
        self._failure: PosthornError | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._commit_timer: asyncio.TimerHandle | None = None
        self._is_commit_due = False
        transport.add_user(self)

    def start(self) -> None:
        self._beating = self._tasks.start(self.membership.run())
        self._fetching = self._tasks.start(self._fetcher.run())

    async def stop(self) -> None:
        """Begins no more records, waits for running handlers, commits, and leaves the group."""
        self._begin_stop()
        await asyncio.shield(self.done)

    def abort(self, error: PosthornError) -> None:
        """Ends at once: nothing more is committed."""
        self._break(error)

    def work_of(self, topic: str, partition: int) -> PartitionWork:
        for work in self.works:
            if (work.place.topic, work.place.partition) == (topic, partition):
                return work
        text = f'partition {partition} of topic "{topic}" is not assigned to this consumer'
        raise PosthornError("partition_not_owned", text)

    def set_paused(self, places: Iterable[TopicPartition] | None, is_paused: bool) -> None:
        chosen = self.works if places is None else [self.work_of(place.topic, place.partition) for place in places]
        for work in chosen:
            work.is_paused = is_paused
        self._changed()

    def seek(self, position: Position) -> None:
        if position.offset < 0:
            raise invalid_argument(f"an offset is a whole number from 0, got {position.offset}")
        work = self.work_of(position.topic, position.partition)
        if position.topic_id not in (None, work.place.topic_id):
            text = f'topic "{position.topic}" was made again; its topic_id is {work.place.topic_id} now'
            raise PosthornError("inconsistent_topic_id", text, details=work.place.fields())
        work.seek(position.offset)
        self._changed()

    def held(self) -> list[dict[str, Any]]:
        return [work.place.fields() for work in self._held_works()]

    def assigned(self, reply: dict[str, Any]) -> None:
        if self._stopping is not None:
            return
        places = [TopicPartition(each["topic"], each["topic_id"], each["partition"]) for each in reply["assignment"]]
        self._lose_replaced(places)
        held = {work.place for work in self._held_works()}
        wanted = set(places)
        revoked = [work for work in self.works if work.place not in wanted]
        owner = GroupOwner(self.config.group, self.membership.member_id, self.membership.epoch)
        # What is being given up is taken when that is done.
        added = [PartitionWork(place, owner) for place in places if place not in held]
        self.works = [work for work in self.works if work not in revoked] + added
        if revoked:
            self._give_up(revoked)
        if added:
            task = self._tasks.start(self._prepare(added))
            self._preparing.update(dict.fromkeys(added, task))

    def lost(self) -> None:
        self._lose(self._held_works())

    def fetched(self) -> None:
        self._dispatcher.work()

    def drained(self) -> None:
        self._fetcher.changed()

    def handled(self, work: PartitionWork) -> None:
        if self.config.commit == "interval":
            self._commit_later()
        elif self.config.commit == "batch" and (self.config.by == "batch" or work.is_at_end):
            self._commit_soon()

    def tell(self, error: BaseException, record: Any = None) -> None:
        if self.config.on_error is None or self.done.done():
            return
        try:
            self.config.on_error(error, record)
        except Exception as bug:
            # An error in the application's `on_error` must not end the consumer.
            context = {"message": "posthorn: on_error raised", "exception": bug}
            asyncio.get_running_loop().call_exception_handler(context)

    def fail(self, error: BaseException) -> None:
        """Ends as `stop` does, with this. What cannot go on as a member ends at once."""
        if self._failure is not None:
            return
        self._failure = as_posthorn_error(error)
        if self.membership.member_id == "" or self._failure.code == "instance_fenced":
            self._break(self._failure)
        else:
            self._begin_stop()

    def _held_works(self) -> list[PartitionWork]:
        return [*self.works, *self._giving_up]

    def _changed(self) -> None:
        """More may be fetched, or handled, or be to commit."""
        self._fetcher.changed()
        self._dispatcher.work()
        self._commit_later()

    def _lose_replaced(self, places: list[TopicPartition]) -> None:
        """Topics that were made again: what is in hand of the old ones is of no use, and reading begins anew."""
        now = {(place.topic, place.partition): place.topic_id for place in places}
        replaced: list[tuple[PartitionWork, int]] = []
        for work in self._held_works():
            topic_id = now.get((work.place.topic, work.place.partition), work.place.topic_id)
            if topic_id != work.place.topic_id:
                replaced.append((work, topic_id))
        self._lose([work for work, _ in replaced])
        callback = self.config.on_topic_replaced
        if callback is not None:
            for work, topic_id in replaced:
                event = TopicReplaced(work.place.topic, work.place.partition, topic_id, work.place.topic_id)
                self._tasks.start(self._call_safely(callback, event))

    def _lose(self, lost: list[PartitionWork]) -> None:
        if not lost:
            return
        self.works = [work for work in self.works if work not in lost]
        for work in lost:
            self._giving_up.pop(work, None)
            work.end(True)
            if work.in_hand > 0:
                self._lost.add(work)
                self._tasks.start(self._forget_lost(work))
        if self.config.on_lost is not None:
            self._tasks.start(self._call_safely(self.config.on_lost, [work.place for work in lost]))

    async def _forget_lost(self, work: PartitionWork) -> None:
        await self._dispatcher.idle(work)
        self._lost.discard(work)

    async def _prepare(self, works: list[PartitionWork]) -> None:
        places = {(work.place.topic, work.place.partition) for work in works}
        for former in list(self._lost):
            if (former.place.topic, former.place.partition) in places:
                await self._dispatcher.idle(former)
        if self.config.on_assigned is not None:
            try:
                await self._call(self.config.on_assigned, [work.place for work in works])
            except Exception as error:
                return self.fail(_callback_failed("on_assigned", error))
        for work in works:
            self._preparing.pop(work, None)
            if work.state == "assigning":
                work.state = "active"
        return self._changed()

    def _give_up(self, works: list[PartitionWork]) -> None:
        for work in works:
            work.end(False)
            self._giving_up[work] = None
        self._releasing.start(self._release(works))

    async def _release(self, works: list[PartitionWork]) -> None:
        for work in works:
            preparing = self._preparing.get(work)
            if preparing is not None:
                await asyncio.wait([preparing])
            await self._dispatcher.idle(work)
        held = [work for work in works if work in self._giving_up]
        if held and self.config.on_revoked is not None:
            await self._call_safely(self.config.on_revoked, [work.place for work in held])
        if self.config.commit != "manual" and any(work in self._giving_up for work in works):
            try:
                await self.committer.commit()
            except PosthornError as error:
                self.tell(error)
        for work in works:
            self._giving_up.pop(work, None)
        self.membership.hurry()

    async def _call_safely(self, callback: Callable[..., Any], argument: Any) -> None:
        try:
            await self._call(callback, argument)
        except Exception as error:
            self.tell(_callback_failed(getattr(callback, "__name__", "a callback"), error))

    def _commit_later(self) -> None:
        if self._commit_timer is not None or self.config.commit == "manual" or self._stopping is not None:
            return
        pause = self.config.commit_interval_ms / 1_000
        self._commit_timer = asyncio.get_running_loop().call_later(pause, self._commit_now)

    def _commit_now(self) -> None:
        self._commit_timer = None
        self._commit_soon()

    def _commit_soon(self) -> None:
        """Those that come while one is under way are one."""
        if not self._is_commit_due:
            self._is_commit_due = True
            self._tasks.start(self._commit())

    async def _commit(self) -> None:
        committed = self.committer.commit()
        self._is_commit_due = False
        try:
            await committed
        except PosthornError as error:
            self.tell(error)
            self._commit_later()

    def _begin_stop(self) -> None:
        if self._stopping is None and not self.done.done():
            self._stopping = self._tasks.start(self._stop())

    async def _stop(self) -> None:
        self._end_taking()
        works, self.works = self.works, []
        if works:
            self._give_up(works)
        await self._releasing.ended()
        # A join that is given up half-way would leave a member behind that nobody knows.
        if self.membership.member_id == "":
            await self.membership.is_attempting.wait()
        self.membership.end()
        await self._leave()
        await self._burying.close()
        self._finish(self._failure)

    async def _leave(self) -> None:
        """One that is known by a name comes back, and finds its partitions."""
        if self.membership.member_id == "" or self.config.instance_id is not None:
            return
        try:
            await self._requests.leave(self.membership.member_id)
        except PosthornError as error:
            self.tell(error)

    def _end_taking(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
        self._fetcher.stop()
        if self._commit_timer is not None:
            self._commit_timer.cancel()

    def _break(self, error: PosthornError) -> None:
        if self.done.done():
            return
        self._failure = error
        self._end_taking()
        self.membership.end()
        if self._beating is not None:
            self._beating.cancel()
        self.committer.abort(error)
        self._burying.abort(error)
        self._releasing.cancel()
        if self._stopping is not None:
            self._stopping.cancel()
        self.lost()
        self._dispatcher.cancel()
        self._finish(error)

    def _finish(self, failure: PosthornError | None) -> None:
        if self.done.done():
            return
        if failure is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(failure)


def _callback_failed(name: str, cause: BaseException) -> PosthornError:
    error = PosthornError("handler_failed", f"{name} raised {type(cause).__name__}: {cause}")
    error.__cause__ = cause
    return error
