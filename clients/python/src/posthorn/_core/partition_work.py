"""Partition work: one partition while this member owns it. It holds fetched records, records in handlers, and the progress.

- assigning: `on_assigned` is being asked; nothing is fetched
- active: fetched and handled
- ended: revoked, lost or stopped: nothing more begins; what is in hand may end, and, unless lost, be committed
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from .group_records import GroupOwner, GroupRecord, Position, TopicPartition
from .progress import Progress, Step

AHEAD_MAX = 1_000
"""Records of one key that wait for the one before, in one partition at most: a limit to what is ahead of the commit."""

RECORD_ALLOWANCE_BYTES = 200


@dataclass(eq=False)
class Unit:
    """What a handler is given at a time."""

    work: PartitionWork
    records: list[GroupRecord]
    """One for `each_record`."""
    step: Step
    generation: int
    """Counts up with each seek: what was in hand before says nothing about where reading goes on."""
    attempts: int = 0
    """Attempts that were made."""


class PartitionWork:
    def __init__(self, place: TopicPartition, owner: GroupOwner) -> None:
        self.place = place
        self.owner = owner
        self.state: Literal["assigning", "active", "ended"] = "assigning"
        self.is_lost = False
        self.is_paused = False
        self.fetch_from: int | None = None
        """Where to fetch on; None: from the committed offset, which the broker knows."""
        self.progress = Progress()
        self.committed: int | None = None
        """What the broker has, as far as is known."""
        self.generation = 0
        self.in_hand = 0
        self._records: deque[GroupRecord] = deque()
        self._ends: dict[int, int] = {}
        """By the offset of the last record of a fetch: where that fetch ends. Markers may come after it."""
        self._bytes = 0
        self._lanes: dict[bytes, deque[Unit]] = {}
        """By key, if records of different keys are handled at the same time: those that wait for the one in hand."""
        self._ready: deque[Unit] = deque()
        self._ahead = 0

    def wants_more(self, bytes_max: int) -> bool:
        return self.state == "active" and not self.is_paused and self._bytes <= bytes_max / 2

    @property
    def uncommitted(self) -> Position | None:
        """What can be committed and is not; None if nothing has changed."""
        position = self.progress.position
        if position is None or position == self.committed:
            return None
        return Position(self.place.topic, self.place.partition, position, self.place.topic_id)

    @property
    def is_at_end(self) -> bool:
        """Everything that was fetched is handled."""
        return not self._records and self.progress.is_done

    def accept(self, items: list[dict[str, Any]], next: int) -> None:
        """Takes what a fetch brought, and where it ends."""
        if self.progress.position is None:
            # Or nothing is committed, and committing where reading begins would say nothing.
            self.progress.position = self.committed = items[0]["offset"] if items else next
        self.fetch_from = next
        for item in items:
            self._records.append(GroupRecord(self.place, item, self.owner, lambda: self.is_lost))
            self._bytes += _size_of(self._records[-1])
        if items:
            self._ends[items[-1]["offset"]] = next
        else:
            self.progress.end(self.progress.begin(next))

    def take(self, by: Literal["record", "key", "batch"], most: int) -> Unit | None:
        """Returns the next unit, which is in hand from then on; None if there is none for now."""
        if self.state != "active" or self.is_paused:
            return None
        if by == "key":
            unit = self._take_by_key()
        else:
            unit = None if self.in_hand > 0 else self._take_next(most if by == "batch" else 1)
        if unit is not None:
            self.in_hand += 1
        return unit

    def finish(self, unit: Unit, is_handled: bool) -> None:
        """`is_handled`, or else given up: it is read again by whoever owns the partition next."""
        self.in_hand -= 1
        if unit.generation == self.generation:
            if is_handled:
                self.progress.end(unit.step)
            self._open_lane(unit)

    def handled_up_to(self, unit: Unit, position: int) -> None:
        """Where it is handled up to, as far as a batch in hand has said."""
        rest = [record for record in unit.records if record.offset >= position]
        if 0 < len(rest) < len(unit.records) and unit.generation == self.generation:
            self.progress.position = position  # a batch is the only thing in hand
        unit.records = rest

    def seek(self, offset: int | None) -> None:
        """Goes on at an offset, or, with None, where the group has committed."""
        self.generation += 1
        self.fetch_from = offset
        self.progress.reset(offset)
        self.drop()
        self._lanes.clear()

    def drop(self) -> None:
        """What waits is forgotten; what is in hand stays."""
        self._records.clear()
        self._ends.clear()
        self._bytes = 0
        self._ready.clear()
        self._ahead = 0

    def end(self, is_lost: bool) -> None:
        self.state = "ended"
        self.is_lost = self.is_lost or is_lost
        self.drop()

    def _take_next(self, count: int) -> Unit | None:
        if not self._records:
            return None
        records = [self._records.popleft()]
        # A batch ends with a fetch, whose end is where to commit.
        while len(records) < count and self._records and records[-1].offset not in self._ends:
            records.append(self._records.popleft())
        return self._unit(records)

    def _take_by_key(self) -> Unit | None:
        # After a seek what was in hand before has to end first: it may be of the same keys.
        if self.in_hand > 0 and self.progress.is_done:
            return None
        if self._ready:
            return self._ready.popleft()
        while self._records and self._ahead < AHEAD_MAX:
            record = self._records.popleft()
            unit = self._unit([record])
            if record.key is None:
                return unit
            lane = self._lanes.get(record.key)
            if lane is None:
                self._lanes[record.key] = deque()
                return unit
            lane.append(unit)
            self._ahead += 1
        return None

    def _open_lane(self, unit: Unit) -> None:
        key = unit.records[0].key if unit.records else None
        lane = None if key is None else self._lanes.get(key)
        if key is None or lane is None:
            return
        if lane:
            self._ahead -= 1
            self._ready.append(lane.popleft())
        else:
            del self._lanes[key]

    def _unit(self, records: list[GroupRecord]) -> Unit:
        self._bytes -= sum(_size_of(record) for record in records)
        last = records[-1].offset
        step = self.progress.begin(self._ends.pop(last, last + 1))
        return Unit(self, records, step, self.generation)


def _size_of(record: GroupRecord) -> int:
    return RECORD_ALLOWANCE_BYTES + record.stored_size
