"""Handlers of a group's consumer, as the dispatcher calls them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal

from .._core.group_records import GroupBatch, PartitionLag
from ..admin.groups import group_offsets
from ..errors import PosthornError, invalid_argument
from .dispatching import HandleUnit
from .group_consuming import GroupConsuming
from .transacting import Transacting
from .transport import Transport

ASK_AGAIN_S = 1.0
"""After a call that had no answer within the delivery timeout."""

Handler = Callable[[Any], Awaitable[object]]


def check_handlers(each_record: object, each_batch: object) -> None:
    if (each_record is None) == (each_batch is None):
        raise invalid_argument("give either each_record or each_batch")


def at_most_once(handle: Handler, by_record: bool, run: Callable[[], GroupConsuming]) -> HandleUnit:
    """Commits before the work: then nobody handles the records again, whatever becomes of them."""

    async def handle_batch(batch: GroupBatch) -> None:
        await run().committer.commit([batch.position])
        for unit in batch.records if by_record else [batch]:
            try:
                await handle(unit)
            except Exception as error:
                run().tell(error, batch.records[0] if unit is batch else unit)

    return handle_batch


def exactly_once(
    handle: Handler, by_record: bool, transacting: Transacting, run: Callable[[], GroupConsuming]
) -> HandleUnit:
    """Handles a batch, and commits what it sent and how far it has read in one transaction."""

    async def handle_batch(batch: GroupBatch) -> None:
        # Of a partition that was lost since: whoever has that goes by what became of it, here it only has to be over.
        if transacting.is_undecided:
            await _persistently("commit", transacting, run(), batch)
        await _persistently("begin", transacting, run(), batch)
        try:
            for unit in batch.records if by_record else [batch]:
                await handle(unit)
        except BaseException:
            with suppress(PosthornError):
                await transacting.abort()  # or else the next `begin` does it
            raise
        transacting.send_offsets(batch.owner, [batch.position])  # the commit tells
        await _persistently("commit", transacting, run(), batch)

    return handle_batch


async def _persistently(
    call: Literal["begin", "commit"], transacting: Transacting, run: GroupConsuming, batch: GroupBatch
) -> None:
    """Begins or commits, and returns only when the outcome is known.

    Until a commit is decided, its records must neither be handled again nor skipped. If the outcome cannot be known, the
    consumer ends, and the next one begins at the group's offset.
    """
    while True:
        try:
            return await (transacting.begin() if call == "begin" else transacting.commit())
        except PosthornError as error:
            if call == "commit" and not transacting.is_undecided:
                raise  # it is aborted
            if not error.retryable:
                if call == "commit":
                    run.fail(error)
                raise
            run.tell(error)
            if batch.is_lost:
                raise
        await asyncio.sleep(ASK_AGAIN_S)


async def lag_of(transport: Transport, run: GroupConsuming) -> list[PartitionLag]:
    """Asks the broker how far behind the partitions of a consumer are."""
    lags: list[PartitionLag] = []
    for topic in sorted({work.place.topic for work in run.works}):
        partitions = [work.place.partition for work in run.works if work.place.topic == topic]
        offsets = await transport.run(group_offsets(run.config.group, topic=topic, partitions=partitions))
        known = {(each["topic_id"], each["partition"]): each for each in offsets}
        for work in run.works:
            found = known.get((work.place.topic_id, work.place.partition))
            if found is None or work.place.topic != topic:
                continue
            position = work.progress.position
            if position is None:
                position = found["offset"]
            position = max(found["log_start_offset"] if position is None else position, found["log_start_offset"])
            end = found["high_watermark"]
            lags.append(PartitionLag(topic, work.place.partition, max(0, end - position), position, end))
    return lags
