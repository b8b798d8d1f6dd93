"""Transactions: all or nothing over partitions, queues and the offsets of a group."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from broker import until
from posthorn import AsyncPosthorn, GroupRecord, Posthorn, PosthornError


def committed(posthorn: Posthorn, topic: str) -> list[object]:
    return sorted(record.json() for record in posthorn.reader(topic, follow=False, isolation="read_committed"))


def test_shows_all_records_of_a_transaction_or_none(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, partitions=2)
    posthorn.queues.declare(name)
    with posthorn.transactional_producer(name) as producer:
        with producer.transaction():
            for number in range(10):
                producer.send(name, number, key=f"k{number}")
            assert producer.send_to_queue(name, "committed").result(20)
            assert committed(posthorn, name) == []
        with suppress(ZeroDivisionError), producer.transaction():
            producer.send(name, 99)
            producer.send_to_queue(name, 1 / 0)
        with producer.transaction():
            producer.send(name, 10)
    assert committed(posthorn, name) == list(range(11))
    until("it is sent", lambda: posthorn.queues.get(name)["state"]["ready"] == 1)
    assert [message.json() for message in posthorn.queues.peek(name)] == ["committed"]


def test_says_whether_a_mandatory_message_has_a_destination(posthorn: Posthorn, name: str) -> None:
    posthorn.exchanges.declare(name)
    with posthorn.transactional_producer(name) as producer, producer.transaction():
        assert producer.publish(name, 1, mandatory=True).result(20) is False


def test_aborts_when_a_record_cannot_be_stored(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    with posthorn.transactional_producer(name) as producer:
        producer.begin()
        producer.send(name, 1)
        producer.send(f"{name}-none", 2)
        with pytest.raises(PosthornError) as failed:
            producer.commit()
        assert failed.value.code == "topic_not_found"
        with producer.transaction():
            producer.send(name, 3)
    assert committed(posthorn, name) == [3]


def test_fences_an_earlier_instance(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    first, second = posthorn.transactional_producer(name), posthorn.transactional_producer(name)
    first.begin()
    first.send(name, 1).result(20)
    second.begin()
    second.send(name, 2)
    second.commit()
    with pytest.raises(PosthornError) as fenced:
        first.commit()
    assert fenced.value.code in ("producer_fenced", "transaction_aborted")
    assert committed(posthorn, name) == [2]
    with pytest.raises(PosthornError, match="begin a transaction"):
        first.send(name, 3)


def test_commits_offsets_with_the_results(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(f"{name}-in")
    posthorn.topics.declare(f"{name}-out")
    with posthorn.producer() as plain:
        for number in range(3):
            plain.send(f"{name}-in", number)
    producer = posthorn.transactional_producer(name)

    def double(record: GroupRecord) -> None:
        with producer.transaction():
            producer.send(f"{name}-out", record.json() * 2)
            producer.send_offsets(record.owner, [record.position])

    with posthorn.group_consumer(name, [f"{name}-in"], each_record=double, commit="manual"):
        until("all are doubled", lambda: committed(posthorn, f"{name}-out") == [0, 2, 4])
    producer.close()
    assert posthorn.groups.offsets(name)[0]["offset"] == 3


def test_handles_each_record_exactly_once_whatever_fails(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(f"{name}-in", partitions=2)
    posthorn.topics.declare(f"{name}-out")
    with posthorn.producer() as plain:
        for number in range(30):
            plain.send(f"{name}-in", number, partition=number % 2)
    producer = posthorn.transactional_producer(name)
    failures = [5, 6, 17]

    def double(record: GroupRecord) -> None:
        producer.send(f"{name}-out", record.json() * 2)
        if record.json() in failures:
            failures.remove(record.json())
            raise ValueError("after it has sent")

    options: Any = {"delivery": "exactly-once", "max_batch_records": 4, "retry_schedule_ms": [1, 1, 1, 1]}
    with posthorn.group_consumer(name, [f"{name}-in"], each_record=double, producer=producer, **options):
        until("all are doubled", lambda: len(committed(posthorn, f"{name}-out")) == 30)
    producer.close()
    assert committed(posthorn, f"{name}-out") == [2 * number for number in range(30)]
    assert failures == []
    assert sum(offset["offset"] or 0 for offset in posthorn.groups.offsets(name)) >= 30
    with pytest.raises(PosthornError, match="needs a producer"):
        posthorn.group_consumer(name, [f"{name}-in"], each_record=double, delivery="exactly-once")


async def test_runs_transactions_in_asyncio(url: str, name: str) -> None:
    async with AsyncPosthorn(url) as posthorn:
        await posthorn.topics.declare(name)
        await posthorn.queues.declare(name)
        async with posthorn.transactional_producer(name) as producer:
            async with producer.transaction():
                await producer.send(name, 1)
                assert await producer.publish("", 2, routing_key=name)
                await producer.send_to_queue(name, 3)
            await producer.begin()
            await producer.send(name, 9)
            await producer.abort()
        reader = posthorn.reader(name, follow=False, isolation="read_committed")
        assert [record.json() async for record in reader] == [1]
