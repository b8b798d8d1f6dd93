"""Consumers of groups: membership, order, commits, retries, dead letters, and what changes hands."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from broker import until
from posthorn import AsyncPosthorn, GroupBatch, GroupConsumer, GroupRecord, Posthorn, PosthornError, TopicPartition


def fill(posthorn: Posthorn, topic: str, numbers: range, keys: int = 0) -> None:
    with posthorn.producer() as producer:
        for number in numbers:
            producer.send(topic, number, key=f"k{number % keys}" if keys else None)


def committed(posthorn: Posthorn, group: str) -> int:
    return sum(offset["offset"] or 0 for offset in posthorn.groups.offsets(group))


def test_hands_each_record_to_one_member_in_order(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, partitions=4)
    fill(posthorn, name, range(400), keys=9)
    handled: dict[bytes | None, list[int]] = {}
    lock = threading.Lock()

    def handle(record: GroupRecord) -> None:
        with lock:
            handled.setdefault(record.key, []).append(record.json())

    options: Any = {"each_record": handle, "session_timeout_ms": 1_500}
    members = [posthorn.group_consumer(name, [name], **options) for _ in range(2)]
    until("all are handled", lambda: sum(map(len, handled.values())) == 400)
    until("both have partitions", lambda: [len(member.assignment) for member in members] == [2, 2])
    assert posthorn.groups.describe(name)["state"] in ("stable", "reconciling")
    for member in members:
        member.stop()
    assert all(numbers == sorted(numbers) for numbers in handled.values())
    assert committed(posthorn, name) == 400
    assert posthorn.groups.describe(name)["members"] == []


def test_goes_on_where_the_group_has_committed(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    fill(posthorn, name, range(10))
    handled: list[int] = []

    def handle(record: GroupRecord) -> None:
        handled.append(record.json())

    with posthorn.group_consumer(name, [name], each_record=handle):
        until("ten are handled", lambda: len(handled) == 10)
    fill(posthorn, name, range(10, 15))
    with posthorn.group_consumer(name, [name], each_record=handle, commit="batch"):
        until("the rest is handled", lambda: len(handled) == 15)
        until("it is committed", lambda: committed(posthorn, name) == 15)
    assert handled == list(range(15))


def test_gives_partitions_up_and_says_so(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, partitions=2)
    events: list[tuple[str, list[int]]] = []

    def told(kind: str) -> Callable[[list[TopicPartition]], None]:
        return lambda places: events.append((kind, sorted(place.partition for place in places)))

    options: Any = {"on_assigned": told("assigned"), "on_revoked": told("revoked"), "session_timeout_ms": 1_500}
    first = posthorn.group_consumer(name, [name], each_record=print, **options)
    until("it has both", lambda: events == [("assigned", [0, 1])])
    second = posthorn.group_consumer(name, [name], each_record=print, session_timeout_ms=1_500)
    until("one has moved", lambda: len(second.assignment) == 1)
    assert events[1][0] == "revoked"
    assert len(events[1][1]) == 1
    second.stop()
    until("it came back", lambda: len(first.assignment) == 2)
    first.stop()
    assert events[-1] == ("revoked", [0, 1])


def test_handles_keys_of_a_partition_at_the_same_time_and_each_key_in_order(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    fill(posthorn, name, range(60), keys=3)
    at_once: list[int] = []
    running: set[bytes | None] = set()
    handled: dict[bytes | None, list[int]] = {}
    lock = threading.Lock()

    def handle(record: GroupRecord) -> None:
        with lock:
            assert record.key not in running
            running.add(record.key)
            at_once.append(len(running))
        threading.Event().wait(0.002)
        with lock:
            running.discard(record.key)
            handled.setdefault(record.key, []).append(record.json())

    with posthorn.group_consumer(name, [name], each_record=handle, order_by="key"):
        until("all are handled", lambda: sum(map(len, handled.values())) == 60)
    assert max(at_once) > 1
    assert all(numbers == sorted(numbers) for numbers in handled.values())
    assert committed(posthorn, name) == 60


def test_tries_again_and_then_keeps_a_record_as_a_dead_letter(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    fill(posthorn, name, range(5), keys=5)
    attempts: list[int] = []
    handled: list[int] = []

    def handle(record: GroupRecord) -> None:
        if record.json() == 2:
            attempts.append(record.attempt)
            raise ValueError("odd")
        handled.append(record.json())

    with posthorn.group_consumer(name, [name], each_record=handle, retry_schedule_ms=[1, 1]):
        until("the others are handled", lambda: len(handled) == 4)
    assert handled == [0, 1, 3, 4]
    assert attempts == [1, 2, 3]
    [dead] = posthorn.queues.peek(f"{name}.dlq")
    assert dead.json() == 2
    assert dead.properties["ordering_key"] == "k2"
    assert (dead.header("dead-letter-error-message"), dead.header("dead-letter-attempts")) == ("odd", "3")
    assert (dead.header("dead-letter-topic"), dead.header("dead-letter-offset")) == (name, "2")
    assert "in handle" in (dead.header("dead-letter-error-stack") or "")
    assert committed(posthorn, name) == 5


def test_sends_dead_letters_to_a_topic_or_ends_with_the_error(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    posthorn.topics.declare(f"{name}-dead")
    fill(posthorn, name, range(1))

    def handle(record: GroupRecord) -> None:
        raise ValueError("never")

    consumer = posthorn.group_consumer(name, [name], each_record=handle, retry_schedule_ms=[], dead_letter="none")
    with pytest.raises(PosthornError) as failed:
        consumer.wait()
    assert failed.value.code == "handler_failed"
    assert failed.value.details["offset"] == 0
    assert isinstance(failed.value.__cause__, ValueError)
    target: Any = {"topic": f"{name}-dead"}
    with posthorn.group_consumer(name, [name], each_record=handle, retry_schedule_ms=[], dead_letter=target):
        until("it is dead", lambda: posthorn.topics.describe_partition(f"{name}-dead", 0)["high_watermark"] == 1)
    [dead] = posthorn.reader(f"{name}-dead", follow=False)
    assert dead.header("dead-letter-error-type") == "ValueError"


def test_hands_out_batches_and_goes_on_after_what_was_marked(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    fill(posthorn, name, range(20))
    batches: list[list[int]] = []

    def handle(batch: GroupBatch) -> None:
        batches.append([record.json() for record in batch.records])
        if len(batches) == 1:
            batch.mark_handled(batch.records[2])
            raise ValueError

    with posthorn.group_consumer(name, [name], each_batch=handle, max_batch_records=8, retry_schedule_ms=[1]):
        until("all are handled", lambda: sum(map(len, batches)) == 25)
    assert batches[:2] == [list(range(8)), list(range(3, 8))]
    assert [number for batch in batches[2:] for number in batch] == list(range(8, 20))
    assert committed(posthorn, name) == 20


def test_commits_by_hand_seeks_and_pauses(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    fill(posthorn, name, range(6))
    records: list[GroupRecord] = []
    with posthorn.group_consumer(name, [name], each_record=records.append, commit="manual") as consumer:
        until("all came", lambda: len(records) == 6)
        consumer.commit([records[2].position])
        assert committed(posthorn, name) == 3
        consumer.commit()
        assert committed(posthorn, name) == 6
        [lag] = consumer.lag()
        assert (lag.lag, lag.position, lag.high_watermark) == (0, 6, 6)
        consumer.pause()
        assert consumer.paused == consumer.assignment
        fill(posthorn, name, range(6, 7))
        consumer.seek(records[3].position)
        consumer.resume()
        until("they came again", lambda: len(records) == 9)
        assert [record.json() for record in records[6:]] == [4, 5, 6]
        with pytest.raises(PosthornError) as foreign:
            consumer.owner(name, 7)
        assert foreign.value.code == "partition_not_owned"


def test_begins_at_the_end_if_told_so(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    fill(posthorn, name, range(3))
    handled: list[int] = []

    def handle(record: GroupRecord) -> None:
        handled.append(record.json())

    with posthorn.group_consumer(name, [name], each_record=handle, auto_offset_reset="latest") as consumer:
        until("it has the partition", lambda: len(consumer.assignment) == 1)
        fill(posthorn, name, range(3, 5))
        until("the new ones came", lambda: len(handled) == 2)
    assert handled == [3, 4]


def test_loses_what_it_had_and_joins_again_when_it_was_removed(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    lost: list[TopicPartition] = []
    handled: list[int] = []

    def handle(record: GroupRecord) -> None:
        handled.append(record.json())

    with posthorn.group_consumer(name, [name], each_record=handle, on_lost=lost.extend) as consumer:
        until("it has the partition", lambda: len(consumer.assignment) == 1)
        former = consumer.member_id
        posthorn.groups.remove_member(name, former)
        fill(posthorn, name, range(2))
        until("they are handled", lambda: handled == [0, 1])
        assert consumer.member_id not in ("", former)
    assert [place.partition for place in lost] == [0]


def test_reads_a_topic_that_was_made_again_from_its_start(posthorn: Posthorn, name: str) -> None:
    topic_id = posthorn.topics.declare(name)["topic_id"]
    fill(posthorn, name, range(3))
    handled: list[int] = []
    replaced: list[Any] = []

    def handle(record: GroupRecord) -> None:
        handled.append(record.json())

    options: Any = {"on_topic_replaced": replaced.append, "session_timeout_ms": 1_500, "commit": "batch"}
    with posthorn.group_consumer(name, [name], each_record=handle, **options):
        until("they are handled", lambda: len(handled) == 3)
        posthorn.topics.delete(name)
        again = posthorn.topics.declare(name)["topic_id"]
        fill(posthorn, name, range(10, 12))
        until("the new ones are handled", lambda: handled[3:] == [10, 11])
    assert [(each.topic_id, each.previous_topic_id) for each in replaced] in ([(again, topic_id)], [])


def test_commits_before_the_work_at_most_once(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    fill(posthorn, name, range(4))
    seen: list[tuple[int, int]] = []
    errors: list[BaseException] = []

    def handle(record: GroupRecord) -> None:
        seen.append((record.json(), committed(posthorn, name)))
        raise ValueError

    options: Any = {"delivery": "at-most-once", "on_error": lambda error, _: errors.append(error)}
    with posthorn.group_consumer(name, [name], each_record=handle, **options):
        until("all came", lambda: len(seen) == 4)
    assert seen == [(number, 4) for number in range(4)]
    assert len(errors) == 4


def test_waits_for_running_handlers_when_it_stops(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    fill(posthorn, name, range(3))
    begun, go = threading.Event(), threading.Event()
    handled: list[int] = []

    def handle(record: GroupRecord) -> None:
        begun.set()
        go.wait(20)
        handled.append(record.json())

    consumer = posthorn.group_consumer(name, [name], each_record=handle)
    assert begun.wait(20)
    stopping = threading.Thread(target=consumer.stop)
    stopping.start()
    until("nothing is assigned", lambda: consumer.assignment == [])
    go.set()
    stopping.join(20)
    assert handled == [0]
    assert committed(posthorn, name) == 1


def test_comes_back_by_its_name_to_its_partitions(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    first = posthorn.group_consumer(name, [name], each_record=print, instance_id="a")
    until("it has the partition", lambda: len(first.assignment) == 1)
    first.stop()
    assert len(posthorn.groups.describe(name)["members"]) == 1
    second = posthorn.group_consumer(name, [name], each_record=print, instance_id="a", session_timeout_ms=1_500)
    until("it has it again", lambda: len(second.assignment) == 1)
    third = posthorn.group_consumer(name, [name], each_record=print, instance_id="a", session_timeout_ms=2_000)
    with pytest.raises(PosthornError) as fenced:
        second.wait()
    assert fenced.value.code == "instance_fenced"
    third.stop()


def test_follows_topics_by_a_pattern(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(f"{name}-a")
    handled: list[str] = []

    def handle(record: GroupRecord) -> None:
        handled.append(record.topic)

    options: Any = {"topic_pattern": f"{name}-*", "session_timeout_ms": 1_500}
    with posthorn.group_consumer(name, each_record=handle, **options) as consumer:
        until("it has one", lambda: len(consumer.assignment) == 1)
        posthorn.topics.declare(f"{name}-b")
        fill(posthorn, f"{name}-b", range(1))
        until("it reads the other", lambda: handled == [f"{name}-b"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"topics": []},
        {"topics": "orders"},
        {"each_record": None},
        {"each_batch": print},
        {"concurrency": 0},
        {"dead_letter": {"exchange": "e"}},
        {"commit": "never"},
        {"delivery": "at-most-once", "commit": "batch"},
        {"retry_schedule_ms": [-1]},
    ],
)
def test_refuses_options_that_contradict_each_other(posthorn: Posthorn, wrong: Any) -> None:
    options: Any = {"topics": ["t"], "each_record": print, **wrong}
    with pytest.raises(PosthornError) as refused:
        posthorn.group_consumer("g", **options)
    assert refused.value.code == "invalid_argument"


def test_ends_when_a_topic_is_not_there(posthorn: Posthorn, name: str) -> None:
    consumer: GroupConsumer = posthorn.group_consumer(name, [name], each_record=print)
    with pytest.raises(PosthornError) as ended:
        consumer.wait()
    assert ended.value.code == "topic_not_found"


async def test_consumes_in_asyncio(url: str, name: str) -> None:
    async with AsyncPosthorn(url) as posthorn:
        await posthorn.topics.declare(name, partitions=2)
        async with posthorn.producer() as producer:
            for number in range(50):
                producer.send(name, number, key=f"k{number % 3}")
        handled: list[int] = []
        assigned: list[TopicPartition] = []
        all_came = asyncio.Event()

        async def handle(record: GroupRecord) -> None:
            await asyncio.sleep(0)
            handled.append(record.json())
            if len(handled) == 50:
                all_came.set()

        async def on_assigned(places: list[TopicPartition]) -> None:
            await asyncio.sleep(0)
            assigned.extend(places)

        async with posthorn.group_consumer(name, [name], each_record=handle, on_assigned=on_assigned) as consumer:
            await asyncio.wait_for(all_came.wait(), 20)
            assert len(await consumer.lag()) == 2
        assert sorted(handled) == list(range(50))
        assert len(assigned) == 2
        aborted = posthorn.group_consumer(name, [name], each_record=handle)
        aborted.abort()
        with pytest.raises(PosthornError, match="aborted"):
            await aborted.wait()
