"""Sequences: the identity of a producer, and its next sequence in each partition, queue or exchange.

They let the broker store a batch once however often it is sent. A batch keeps its sequence over all attempts. A batch that
is given up leaves a gap, and nobody knows whether it was stored: its partition or queue goes on in the next epoch, in
which late copies are refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from .limits import PRODUCER_EPOCH_MAX

SEQUENCES = 2**31
"""Sequences are int32. Of partitions and queues they go on at 0 after the last."""


@dataclass(frozen=True)
class Identity:
    id: int
    epoch: int


@dataclass(frozen=True)
class BatchProducer:
    """Who sends a batch, and its place among the batches of its partition or queue."""

    id: int
    epoch: int
    sequence: int
    """Of its first record."""

    def fields(self) -> dict[str, int]:
        return {"id": self.id, "epoch": self.epoch, "sequence": self.sequence}


@dataclass
class _Line:
    id: int
    epoch: int
    next: int = 0


class Sequences:
    def __init__(self) -> None:
        self.identity: Identity | None = None
        """None: ask the broker for one before `assign`."""
        self._lines: dict[str, _Line] = {}

    def renew(self, identity: Identity) -> None:
        """Begins anew as this producer: all sequences are 0."""
        self.identity = identity
        self._lines.clear()

    def assign(self, address: str, count: int, *, ends_epochs: bool = False) -> BatchProducer | None:
        """Returns the place of a batch, or None if there is no identity.

        `address` names the partition, queue or exchange; `ends_epochs`: the last sequence ends the epoch, as it does
        for exchanges.
        """
        if self.identity is None:
            return None
        line = self._lines.setdefault(address, _Line(self.identity.id, self.identity.epoch))
        if ends_epochs and line.next + count > SEQUENCES:
            self._end_epoch(line)
            return self.assign(address, count, ends_epochs=True)
        producer = BatchProducer(line.id, line.epoch, line.next)
        line.next = (line.next + count) % SEQUENCES
        return producer

    def abandon(self, address: str, producer: BatchProducer | None) -> None:
        """The batch does not go again as it is."""
        line = self._lines.get(address)
        if producer is None or line is None:
            return
        if (line.id, line.epoch) == (producer.id, producer.epoch):
            self._end_epoch(line)

    def _end_epoch(self, line: _Line) -> None:
        line.epoch += 1
        line.next = 0
        if line.epoch > PRODUCER_EPOCH_MAX:
            self.identity = None
            self._lines.clear()
