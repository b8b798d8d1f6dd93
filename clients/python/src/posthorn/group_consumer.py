"""The consumer of groups: the class that applications use to read topics in a group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

from ._core.group_records import GroupBatch, GroupOwner, GroupRecord, PartitionLag, Position, TopicPartition
from ._core.tracing import processing
from ._io.group_config import GroupConfig, group_config
from ._io.group_consuming import GroupConsuming
from ._io.group_handling import at_most_once, check_handlers, exactly_once, lag_of
from ._io.loop_thread import LoopThread
from ._io.transport import Transport
from .errors import aborted
from .group_options import GroupOptions
from .transactional_producer import TransactionalProducer

RecordHandler = Callable[[GroupRecord], object]
BatchHandler = Callable[[GroupBatch], object]


class GroupConsumer:
    """Reads topics together with the other members of its group. One member at a time reads each partition.

    The consumer begins at once, and stays a member while it runs. Handlers run in threads of the consumer, `concurrency` of
    them. Records of a partition are handled in order, several partitions at the same time. The consumer commits what it
    has handled (see `commit`), and the next owner of a partition begins there. **A record can arrive twice**, if a member
    ends before it has committed. No record is skipped: a record whose retries all fail goes to the dead letters, or ends
    the consumer.

    The consumer repeats requests after temporary failures for ever, and reports them to `on_error`. A permanent failure
    ends the consumer, and `wait` raises it: `handler_failed`, `instance_fenced`, `topic_not_found`, `group_full`.
    """

    def __init__(
        self,
        thread: LoopThread,
        transport: Transport,
        group: str,
        topics: Sequence[str],
        each_record: RecordHandler | None,
        each_batch: BatchHandler | None,
        producer: TransactionalProducer | None,
        options: GroupOptions,
    ) -> None:
        """Made by `Posthorn.group_consumer`."""
        check_handlers(each_record, each_batch)
        config = group_config(group, topics, by_batch=each_batch is not None, producer=producer, **options)
        self._thread = thread
        self._transport = transport
        self._handlers = ThreadPoolExecutor(int(config.concurrency), thread_name_prefix=f"posthorn-{group}")
        # Callbacks must not wait for handlers.
        self._callbacks = ThreadPoolExecutor(1, thread_name_prefix=f"posthorn-{group}-callbacks")
        given: Callable[[Any], object] = each_record or each_batch  # type: ignore[assignment]
        handler = processing(transport.config.tracing, None, given, group)
        self._run = thread.run(self._start(config, handler, each_record is not None, producer))

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
        self._do(lambda: self._run.set_paused(partitions, True))

    def resume(self, partitions: Iterable[TopicPartition] | None = None) -> None:
        """Goes on with partitions that are paused. Raises PosthornError `partition_not_owned`."""
        self._do(lambda: self._run.set_paused(partitions, False))

    def seek(self, position: Position) -> None:
        """Continues there when running handlers of the partition have ended.

        The offset is committed as if everything before it were handled. Raises PosthornError `partition_not_owned`,
        `inconsistent_topic_id`.
        """
        self._do(lambda: self._run.seek(position))

    def commit(self, positions: Iterable[Position] | None = None) -> None:
        """Commits offsets; by default everything that is handled so far, without records in running handlers.

        For those, use `commit([record.position])`. Raises PosthornError `partition_not_owned`, `stale_epoch` or
        `member_not_found` if the partition now belongs to another member.
        """
        chosen = None if positions is None else list(positions)

        async def commit() -> None:
            await self._run.committer.commit(chosen)

        self._thread.run(commit())

    def lag(self) -> list[PartitionLag]:
        """Returns the lag of its partitions. Asks the broker."""
        return self._thread.run(lag_of(self._transport, self._run))

    def wait(self) -> None:
        """Returns when the consumer has stopped. Raises what ended it, if that was not `stop`."""

        async def wait() -> None:
            await asyncio.shield(self._run.done)

        self._thread.run(wait())

    def stop(self) -> None:
        """Begins no more records, waits for running handlers, commits, and leaves the group.

        With an `instance_id` it stays a member until its session ends, so that it can come back. Do not call it in a
        handler, because it waits for that handler. Raises what ended the consumer before, if anything did.
        """
        try:
            self._thread.run(self._run.stop())
        finally:
            self._handlers.shutdown(wait=False)
            self._callbacks.shutdown(wait=False)

    def abort(self) -> None:
        """Ends at once: nothing more is committed, and others take over when its session ends. Handlers run on."""
        self._do(lambda: self._run.abort(aborted()))
        self._handlers.shutdown(wait=False, cancel_futures=True)
        self._callbacks.shutdown(wait=False)

    def __enter__(self) -> GroupConsumer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def _start(
        self,
        config: GroupConfig,
        handler: Callable[[Any], object],
        by_record: bool,
        producer: TransactionalProducer | None,
    ) -> GroupConsuming:
        loop = asyncio.get_running_loop()

        async def handle(unit: Any) -> object:
            try:
                handled = loop.run_in_executor(self._handlers, handler, unit)
            except RuntimeError:
                # The program ends, and no thread begins any more: nothing is committed, and the loop ends too.
                handled = loop.create_future()
            return await handled

        async def call(callback: Callable[..., Any], argument: Any) -> object:
            return await loop.run_in_executor(self._callbacks, callback, argument)

        chosen: Callable[[Any], Awaitable[object]] = handle
        if config.delivery == "at-most-once":
            chosen = at_most_once(handle, by_record, lambda: run)
        elif producer is not None:
            chosen = exactly_once(handle, by_record, producer.transacting, lambda: run)
        run = GroupConsuming(self._transport, config, chosen, call)
        run.start()
        return run

    def _do(self, action: Callable[[], None]) -> None:
        async def do() -> None:
            action()

        self._thread.run(do())
