"""Producers: order, batches, failures, and what is stored once."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest

from posthorn import AsyncPosthorn, OutgoingRecord, Posthorn, PosthornError, RetryPolicy
from posthorn._core.murmur2 import partition_for_key


def test_stores_records_and_reads_them_back_as_they_were_sent(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, partitions=3)
    when = datetime(2026, 1, 1, tzinfo=timezone.utc)
    with posthorn.producer() as producer:
        first = producer.send(name, {"total": 12, "é": "ü"}, key="customer-7", timestamp=when)
        producer.send(name, b"\x00\xff", key=b"\xfe", headers={"a": ["1", b"\xff", None], "b": "2"})
        producer.send(name, None, key="tombstone")
        producer.send(name, "no key", partition=2)
    receipt = first.result()
    assert receipt.partition == partition_for_key(b"customer-7", 3) == 1
    assert receipt.timestamp == 1_767_225_600_000
    found = {record.key: record for record in posthorn.reader(name, follow=False)}
    assert found[b"customer-7"].json() == {"total": 12, "é": "ü"}
    assert found[b"customer-7"].text() == '{"total":12,"é":"ü"}'
    assert found[b"\xfe"].value == b"\x00\xff"
    assert found[b"\xfe"].headers == (("a", b"1"), ("a", b"\xff"), ("a", None), ("b", b"2"))
    assert found[b"\xfe"].header("b") == "2"
    assert found[b"tombstone"].value is None
    assert (found[None].json(), found[None].partition) == ("no key", 2)


def test_keeps_the_order_of_each_key(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, partitions=4)
    with posthorn.producer(batch_bytes=2_000) as producer:
        for number in range(2_000):
            producer.send(name, number, key=f"key-{number % 7}")
    by_key: dict[bytes | None, list[int]] = {}
    for record in posthorn.reader(name, follow=False):
        by_key.setdefault(record.key, []).append(record.json())
    assert sum(map(len, by_key.values())) == 2_000
    assert all(numbers == sorted(numbers) for numbers in by_key.values())


def test_gathers_while_a_request_is_under_way_and_sends_at_once_otherwise() -> None:
    batches: list[int] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/records"):
            records = json.loads(request.content)["records"]
            batches.append(len(records))
            await asyncio.sleep(0.01)
            return httpx.Response(200, json={"offsets": [{"partition": 0, "offset": 0, "timestamp": 0}] * len(records)})
        return httpx.Response(200, json=TOPIC)

    async def main() -> None:
        transport = httpx.MockTransport(answer)
        async with AsyncPosthorn("http://broker", http_transport=transport) as posthorn:
            producer = posthorn.producer(idempotent=False)
            await producer.send("t", 0)
            for _ in range(5):
                producer.send("t", 1)
            await asyncio.sleep(0.005)
            for _ in range(7):
                producer.send("t", 2)
            await producer.flush()

    asyncio.run(main())
    assert batches == [1, 5, 7]


TOPIC = {"topic": "t", "topic_id": 1, "partitions": 1, "max_batch_bytes": 1_048_576, "cleanup_policy": "delete"}


def test_sends_batches_again_under_their_sequence_and_gives_up_in_time() -> None:
    sent: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/producers"):
            return httpx.Response(200, json={"id": 7, "epoch": 0})
        if request.method == "GET":
            return httpx.Response(200, json=TOPIC)
        body = json.loads(request.content)
        sent.append((body["producer"]["epoch"], body["producer"]["sequence"], body["records"][0]["value"]))
        if body["records"][0]["value"] == "never" or len(sent) == 1:
            return httpx.Response(503, json={"code": "partition_unavailable", "retryable": True})
        return httpx.Response(200, json={"offsets": [{"partition": 0, "offset": 9, "timestamp": 0}]})

    transport = httpx.MockTransport(answer)
    retry = RetryPolicy(base_ms=1)
    with Posthorn("http://broker", retry=retry, http_transport=transport) as posthorn:
        producer = posthorn.producer(delivery_timeout_ms=100)
        assert producer.send("t", "first").result().offset == 9
        assert sent == [(0, 0, "first"), (0, 0, "first")]
        with pytest.raises(PosthornError, match="not stored within 100 ms") as late:
            producer.send("t", "never").result()
        assert (late.value.code, late.value.retryable) == ("timeout", True)
        assert isinstance(late.value.__cause__, PosthornError)
        producer.send("t", "next").result()
        assert sent[-1] == (1, 0, "next")


def test_fails_only_the_record_that_is_refused(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    producer = posthorn.producer()
    producer.send(name, 0).result()
    futures = [producer.send(name, 1), producer.send(name, 2, headers={"h": ["v"] * 1_001}), producer.send(name, 3)]
    producer.flush()
    assert futures[0].result().offset == 1
    assert futures[2].result().offset == 2
    with pytest.raises(PosthornError) as refused:
        futures[1].result()
    assert refused.value.code == "invalid_field"
    assert producer.send(name, 4).result().offset == 3


def test_refuses_what_no_topic_would_take(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, cleanup_policy="compact", partitions=2)
    producer = posthorn.producer(claim_check_bytes=float("inf"))
    for value, options, code in [
        (1, {}, "key_required"),
        (1, {"key": "k", "partition": 2}, "partition_not_found"),
        ("x" * 1_048_576, {"key": "k"}, "record_too_large"),
    ]:
        arguments: Any = options
        with pytest.raises(PosthornError) as refused:
            producer.send(name, value, **arguments).result()
        assert refused.value.code == code
    for wrong in [{"timestamp": -1}, {"key": 7}, {"partition": -1}, {"timestamp": 2**52}]:
        arguments = wrong
        with pytest.raises(PosthornError) as refused:
            producer.send(name, 1, **arguments)
        assert refused.value.code == "invalid_argument"
    with pytest.raises(PosthornError) as refused:
        producer.send(f"{name}-none", 1).result()
    assert refused.value.code == "topic_not_found"


def test_follows_a_topic_that_gets_more_partitions(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    with posthorn.producer() as producer:
        assert producer.send(name, 1, partition=0).result().partition == 0
        posthorn.topics.change(name, partitions=3)
        assert producer.send(name, 2, partition=2).result().partition == 2


def test_goes_on_when_the_topic_was_deleted_and_made_again(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    with posthorn.producer() as producer:
        assert producer.send(name, 1).result().offset == 0
        posthorn.topics.delete(name)
        posthorn.topics.declare(name)
        assert producer.send(name, 2).result().offset == 0
        assert producer.send(name, 3).result().offset == 1


def test_tells_for_each_record_of_a_batch_where_it_is(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, partitions=2)
    producer = posthorn.producer()
    receipts = producer.send_batch(name, [OutgoingRecord(n, partition=n % 2) for n in range(10)])
    assert [(receipt.partition, receipt.offset) for receipt in receipts] == [(n % 2, n // 2) for n in range(10)]
    with pytest.raises(PosthornError) as refused:
        producer.send_batch(name, [OutgoingRecord(1, partition=0), OutgoingRecord(2, partition=7)])
    stored = refused.value.details["receipts"]
    assert (stored[0].offset, stored[1]) == (5, None)
    with pytest.raises(PosthornError, match="record 1"):
        producer.send_batch(name, [OutgoingRecord(1), OutgoingRecord({1, 2})])


def test_promises_nothing_at_most_once(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    with posthorn.producer(delivery="at-most-once") as producer:
        assert producer.send(name, 1).result().offset == -1
    with pytest.raises(PosthornError, match="says what acks"):
        posthorn.producer(delivery="at-most-once", idempotent=True)
    with pytest.raises(PosthornError, match="idempotent needs"):
        posthorn.producer(acks="none", idempotent=True)


def test_waits_for_room_when_memory_is_full(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    with posthorn.producer(buffer_bytes=20_000) as producer:
        for number in range(500):
            producer.send(name, number)
            assert producer.buffered_bytes <= 20_000 + 500
        producer.ready()
    assert posthorn.topics.describe_partition(name, 0)["high_watermark"] == 500


def test_takes_records_from_several_threads(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, partitions=2)
    with posthorn.producer() as producer:

        def send(thread: int) -> None:
            for number in range(200):
                producer.send(name, number, key=f"thread-{thread}")

        threads = [threading.Thread(target=send, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    by_key: dict[bytes | None, list[int]] = {}
    for record in posthorn.reader(name, follow=False):
        by_key.setdefault(record.key, []).append(record.json())
    assert list(by_key.values()) == [list(range(200))] * 4


def test_refuses_records_after_it_was_closed(posthorn: Posthorn, name: str) -> None:
    producer = posthorn.producer()
    producer.close()
    producer.close()
    with pytest.raises(PosthornError) as closed:
        producer.send(name, 1)
    assert closed.value.code == "closed"


def test_does_not_wait_for_itself_in_a_callback(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    producer = posthorn.producer(buffer_bytes=1)
    caught: list[BaseException] = []

    def call_back(_: object) -> None:
        producer.send(name, 2)
        try:
            producer.flush()
        except PosthornError as error:
            caught.append(error)

    producer.send(name, 1).add_done_callback(call_back)
    producer.flush()
    producer.flush()
    assert posthorn.topics.describe_partition(name, 0)["high_watermark"] == 2
    assert "cannot wait" in str(caught[0])


async def test_sends_from_asyncio(url: str, name: str) -> None:
    async with AsyncPosthorn(url) as posthorn:
        await posthorn.topics.declare(name, partitions=2)
        async with posthorn.producer(buffer_bytes=10_000) as producer:
            futures = []
            for number in range(300):
                futures.append(producer.send(name, number, key="k"))
                await producer.ready()
            receipts = await asyncio.gather(*futures)
            assert [receipt.offset for receipt in receipts] == list(range(300))
            more = await producer.send_batch(name, [OutgoingRecord(n, key="k") for n in range(3)])
            assert [receipt.offset for receipt in more] == [300, 301, 302]
            cancelled = producer.send(name, "cancelled", key="k")
            cancelled.cancel()
        assert [record.json() async for record in posthorn.reader(name, follow=False)][-1] == "cancelled"
