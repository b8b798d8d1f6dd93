"""The async consumer of groups: the class that applications use to read topics in a group."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

from ._core.group_records import GroupBatch, GroupOwner, GroupRecord, PartitionLag, Position, TopicPartition
from ._core.tracing import processing_async
from ._io.group_config import group_config
from ._io.group_consuming import GroupConsuming
from ._io.group_handling import at_most_once, check_handlers, exactly_once, lag_of
from ._io.transport import Transport
from .async_transactional_producer import AsyncTransactionalProducer
from .errors import aborted
from .group_options import GroupOptions

RecordHandler = Callable[[GroupRecord], Awaitable[object]]
BatchHandler = Callable[[GroupBatch], Awaitable[object]]


class AsyncGroupConsumer:
    """Reads topics together with the other members of its group. One member at a time reads each partition.

    The consumer begins at once, and stays a member while it runs. Records of a partition are handled in order, several
    partitions at the same time. The consumer commits what it has handled (see `commit`), and the next owner of a
    partition begins there. **A record can arrive twice**, if a member ends before it has committed. No record is skipped:
    a record whose retries all fail goes to the dead letters, or ends the consumer.

    The consumer repeats requests after temporary failures for ever, and reports them to `on_error`. A permanent failure
    ends the consumer, and `wait` raises it: `handler_failed`, `instance_fenced`, `topic_not_found`, `group_full`.
    """

    def __init__(
        self,
        transport: Transport,
        group: str,
        topics: Sequence[str],
        each_record: RecordHandler | None,
        each_batch: BatchHandler | None,
        producer: AsyncTransactionalProducer | None,
        options: GroupOptions,
    ) -> None:
        """Made by `AsyncPosthorn.group_consumer`."""
        check_handlers(each_record, each_batch)
        config = group_config(group, topics, by_batch=each_batch is not None, producer=producer, **options)
        given: Callable[[Any], Awaitable[object]] = each_record or each_batch  # type: ignore[assignment]
        handle = processing_async(transport.config.tracing, None, given, group)
        if config.delivery == "at-most-once":
            handle = at_most_once(handle, each_record is not None, lambda: self._run)
        elif producer is not None:
            handle = exactly_once(handle, each_record is not None, producer.transacting, lambda: self._run)
        self._transport = transport
        self._run = GroupConsuming(transport, config, handle, _call)
        self._run.start()

    @property
    def member_id(self) -> str:
        """Its id in the group. Empty until it has joined; it changes when the consumer has to join again."""
        return self._run.membership.member_id

    @property
    def assignment(self) -> list[TopicPartition]:
        """The partitions that it reads now."""
        return [work.place for work in self._run.works]

    @property
    def paused(self) -> list[TopicPartition]:
        """The partitions that are paused."""
        return [work.place for work in self._run.works if work.is_paused]

    def owner(self, topic: str, partition: int) -> GroupOwner:
        """Returns the owner of a partition. Raises PosthornError `partition_not_owned`."""
        return self._run.work_of(topic, partition).owner

    def pause(self, partitions: Iterable[TopicPartition] | None = None) -> None:
        """Begins no more records of these partitions, by default of all current ones.

        A partition that is given up and comes back is not paused. Raises PosthornError `partition_not_owned`.
        """
        self._run.set_paused(partitions, True)

    def resume(self, partitions: Iterable[TopicPartition] | None = None) -> None:
        """Goes on with partitions that are paused. Raises PosthornError `partition_not_owned`."""
        self._run.set_paused(partitions, False)

    def seek(self, position: Position) -> None:
        """Continues there when running handlers of the partition have ended.

        The offset is committed as if everything before it were handled. Raises PosthornError `partition_not_owned`,
        `inconsistent_topic_id`.
        """
        self._run.seek(position)

    async def commit(self, positions: Iterable[Position] | None = None) -> None:
        """Commits offsets; by default everything that is handled so far, without records in running handlers.

        For those, use `commit([record.position])`. Raises PosthornError `partition_not_owned`, `stale_epoch` or
        `member_not_found` if the partition now belongs to another member.
        """
        await self._run.committer.commit(None if positions is None else list(positions))

    async def lag(self) -> list[PartitionLag]:
        """Returns the lag of its partitions. Asks the broker."""
        return await lag_of(self._transport, self._run)

    async def wait(self) -> None:
        """Returns when the consumer has stopped. Raises what ended it, if that was not `stop`."""
        await asyncio.shield(self._run.done)

    async def stop(self) -> None:
        """Begins no more records, waits for running handlers, commits, and leaves the group.

        With an `instance_id` it stays a member until its session ends, so that it can come back. Do not await it in a
        handler, because it waits for that handler. Raises what ended the consumer before, if anything did.
        """
        await self._run.stop()

    def abort(self) -> None:
        """Ends at once and cancels handlers: nothing more is committed, and others take over when its session ends."""
        self._run.abort(aborted())

    async def __aenter__(self) -> AsyncGroupConsumer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def _call(callback: Callable[..., Any], argument: Any) -> object:
    result = callback(argument)
    return await result if inspect.isawaitable(result) else result
