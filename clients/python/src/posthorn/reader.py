"""The reader: the class that applications use to read a topic without a group."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

from ._core.received import ReceivedRecord
from ._io.iterating import Iterating, iterate
from ._io.loop_thread import LoopThread
from ._io.reading import ReaderConfig, read_batches
from ._io.transport import Transport


class Reader:
    """Reads a topic: records of one partition in order, those of several partitions as they come.

    Each loop begins at `start` anew. While records are handled, the next are fetched, one fetch ahead for each
    partition. The loop raises PosthornError: `topic_not_found`, `partition_not_found`, `offset_below_start` and
    `offset_past_end` (see `on_out_of_range`), and failures that last longer than `give_up_ms`.
    """

    def __init__(self, thread: LoopThread, transport: Transport, topic: str, config: ReaderConfig) -> None:
        """Made by `Posthorn.reader`."""
        self._thread = thread
        self._transport = transport
        self._topic = topic
        self._config = config
        self._open: list[Iterating[list[ReceivedRecord]]] = []

    def __iter__(self) -> Iterator[ReceivedRecord]:
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[list[ReceivedRecord]]:
        """Iterates over the same records in batches: at least one record each, and all of one partition."""
        return iterate(self._thread, lambda: read_batches(self._transport, self._topic, self._config), self._open)

    def close(self) -> None:
        """Ends its loops, without an error. Another thread may call it."""
        for iterating in list(self._open):
            iterating.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
