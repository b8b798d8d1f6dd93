"""The async reader: the class that applications use to read a topic without a group."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

from ._core.received import ReceivedRecord
from ._io.backlog import unfinished
from ._io.reading import ReaderConfig, read_batches
from ._io.transport import Transport


class AsyncReader:
    """Reads a topic: records of one partition in order, those of several partitions as they come.

    Each loop begins at `start` anew. While records are handled, the next are fetched, one fetch ahead for each
    partition. The loop raises PosthornError: `topic_not_found`, `partition_not_found`, `offset_below_start` and
    `offset_past_end` (see `on_out_of_range`), and failures that last longer than `give_up_ms`.
    """

    def __init__(self, transport: Transport, topic: str, config: ReaderConfig) -> None:
        """Made by `AsyncPosthorn.reader`."""
        self._transport = transport
        self._topic = topic
        self._config = config
        self._iterators: list[AsyncIterator[list[ReceivedRecord]]] = []

    async def __aiter__(self) -> AsyncIterator[ReceivedRecord]:
        batches = self.batches()
        try:
            async for batch in batches:
                for record in batch:
                    yield record
        finally:
            await batches.aclose()  # type: ignore[attr-defined]

    def batches(self) -> AsyncIterator[list[ReceivedRecord]]:
        """Iterates over the same records in batches: at least one record each, and all of one partition."""
        iterator = read_batches(self._transport, self._topic, self._config)
        self._iterators = [*unfinished(self._iterators), iterator]
        return iterator

    async def close(self) -> None:
        """Ends the requests of its loops."""
        iterators, self._iterators = self._iterators, []
        for iterator in iterators:
            await iterator.aclose()  # type: ignore[attr-defined]

    async def __aenter__(self) -> AsyncReader:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
