"""Readers: where they begin, when they end, and what they do when the log has changed."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import datetime, timezone

import pytest

from posthorn import AsyncPosthorn, Posthorn, PosthornError, ReceivedRecord, TopicReplaced


def fill(posthorn: Posthorn, topic: str, numbers: range, partition: int = 0) -> None:
    with posthorn.producer() as producer:
        for number in numbers:
            producer.send(topic, number, partition=partition)


def numbers_of(records: list[ReceivedRecord]) -> list[int]:
    return [record.json() for record in records]


def test_begins_where_it_is_told_to(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    fill(posthorn, name, range(3))
    now = datetime.now(timezone.utc)
    while datetime.now(timezone.utc).timestamp() * 1_000 < now.timestamp() * 1_000 + 2:
        time.sleep(0.001)
    fill(posthorn, name, range(3, 6))
    assert numbers_of(list(posthorn.reader(name, follow=False))) == [0, 1, 2, 3, 4, 5]
    assert numbers_of(list(posthorn.reader(name, follow=False, start=4))) == [4, 5]
    assert numbers_of(list(posthorn.reader(name, follow=False, start={0: 5}))) == [5]
    assert numbers_of(list(posthorn.reader(name, follow=False, start="latest"))) == []
    after = datetime.fromtimestamp(now.timestamp() + 0.001, timezone.utc)
    assert numbers_of(list(posthorn.reader(name, follow=False, start=after))) == [3, 4, 5]


def test_reads_chosen_partitions_in_batches(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, partitions=3)
    for partition in range(3):
        fill(posthorn, name, range(partition * 10, partition * 10 + 5), partition)
    batches = list(posthorn.reader(name, follow=False, partitions=[0, 2], fetch_bytes=100).batches())
    assert all(len({record.partition for record in batch}) == 1 for batch in batches)
    found = sorted(record.json() for batch in batches for record in batch)
    assert found == [0, 1, 2, 3, 4, 20, 21, 22, 23, 24]


def test_follows_until_the_loop_is_left_or_the_reader_closed(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, partitions=2)
    fill(posthorn, name, range(2))
    reader = posthorn.reader(name)
    found: list[int] = []
    for record in reader:
        found.append(record.json())
        if len(found) == 2:
            fill(posthorn, name, range(2, 4), 1)
        if len(found) == 4:
            threading.Timer(0.05, reader.close).start()
    assert sorted(found) == [0, 1, 2, 3]
    for _ in reader:
        break


def test_raises_what_a_position_outside_of_the_log_is(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    fill(posthorn, name, range(4))
    posthorn.topics.delete_records(name, 0, 2)
    with pytest.raises(PosthornError) as below:
        list(posthorn.reader(name, start=0, follow=False))
    assert below.value.code == "offset_below_start"
    assert below.value.details["log_start_offset"] == 2
    again = posthorn.reader(name, start=0, follow=False, on_out_of_range="earliest")
    assert numbers_of(list(again)) == [2, 3]
    with pytest.raises(PosthornError) as missing:
        list(posthorn.reader(f"{name}-none"))
    assert missing.value.code == "topic_not_found"


def test_begins_anew_when_the_topic_was_made_again(posthorn: Posthorn, name: str) -> None:
    topic_id = posthorn.topics.declare(name)["topic_id"]
    fill(posthorn, name, range(3))
    replaced: list[TopicReplaced] = []
    reader = posthorn.reader(name, on_out_of_range="earliest", on_topic_replaced=replaced.append, wait_ms=1_000)
    found: list[int] = []
    for record in reader:
        found.append(record.json())
        if len(found) == 3:
            posthorn.topics.delete(name)
            again = posthorn.topics.declare(name)["topic_id"]
            fill(posthorn, name, range(10, 12))
        if len(found) == 5:
            break
    assert found == [0, 1, 2, 10, 11]
    assert replaced == [TopicReplaced(name, 0, again, topic_id)]
    with pytest.raises(PosthornError) as other:
        list(posthorn.reader(name, start=1, topic_id=topic_id, follow=False))
    assert other.value.code == "inconsistent_topic_id"


def test_keeps_the_text_of_what_was_stored(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    texts = [b'{"id": 9007199254740993, "2": 1.0, "1": -0, "1": 2}', b"1e400", b'"\\ud800"', b"null", b'{"$base64":"AA=="}']
    with posthorn.producer() as producer:
        for text in texts:
            producer.send(name, text)
    records = list(posthorn.reader(name, follow=False))
    assert [record.value for record in records] == texts
    assert records[0].json() == {"id": 9007199254740993, "2": 1.0, "1": 2}
    assert records[1].json() == float("inf")
    assert records[3].json() is None


def test_reads_a_large_backlog(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    with posthorn.producer() as producer:
        for number in range(300):
            producer.send(name, {"n": number, "text": "x" * 10_000})
    assert [record.json()["n"] for record in posthorn.reader(name, follow=False)] == list(range(300))


async def test_reads_from_asyncio(url: str, name: str) -> None:
    async with AsyncPosthorn(url) as posthorn:
        await posthorn.topics.declare(name, partitions=2)
        async with posthorn.producer() as producer:
            producer.send(name, 1)
        async with posthorn.reader(name) as reader:
            async for record in reader:
                assert record.json() == 1
                break
        reading = asyncio.ensure_future(anext(aiter(posthorn.reader(name, start="latest"))))
        await asyncio.sleep(0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
