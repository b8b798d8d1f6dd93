"""Administration, with the sync and the async client."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from posthorn import AsyncPosthorn, Posthorn, PosthornError, RetryPolicy


def test_declares_changes_lists_and_deletes_topics(posthorn: Posthorn, name: str) -> None:
    topic = posthorn.topics.declare(name, partitions=2, retention_ms=None)
    assert topic["partitions"] == 2
    assert topic["retention_ms"] is None
    assert posthorn.topics.change(name, partitions=3)["partitions"] == 3
    assert posthorn.topics.get(name)["topic_id"] == topic["topic_id"]
    assert name in [each["topic"] for each in posthorn.topics.list()]
    assert posthorn.topics.describe_partition(name, 0)["high_watermark"] == 0
    with posthorn.producer() as producer:
        producer.send(name, 1, partition=1)
    assert posthorn.topics.delete_records(name, 1, "latest")["log_start_offset"] == 1
    posthorn.topics.delete(name)
    with pytest.raises(PosthornError) as gone:
        posthorn.topics.get(name)
    assert (gone.value.code, gone.value.status, gone.value.retryable) == ("topic_not_found", 404, False)


def test_declares_changes_pauses_purges_and_deletes_queues(posthorn: Posthorn, name: str) -> None:
    queue = posthorn.queues.declare(name, retry={"schedule_ms": [5]}, max_priority=3)
    assert queue["retry"] == {"schedule_ms": [5]}
    with posthorn.publisher() as publisher:
        publisher.send_to_queue(name, {"n": 1.5}, headers={"h": "v"}, priority=2)
    [peeked] = posthorn.queues.peek(name)
    assert (peeked.json(), peeked.header("h"), peeked.properties) == ({"n": 1.5}, "v", {"priority": 2})
    posthorn.queues.pause(name)
    assert posthorn.queues.get(name)["state"]["is_paused"]
    posthorn.queues.resume(name)
    assert posthorn.queues.purge(name) == 1
    assert posthorn.queues.change(name, lease_ms=1_000)["lease_ms"] == 1_000
    assert name in [each["queue"] for each in posthorn.queues.list()]
    with posthorn.publisher() as publisher:
        publisher.send_to_queue(name, "leased")
    with pytest.raises(PosthornError) as raised:
        posthorn.queues.delete(name, if_unused="consumers", if_empty="unleased")
    assert raised.value.code == "queue_not_empty"
    posthorn.queues.purge(name)
    posthorn.queues.delete(name, if_unused="consumers", if_empty="unleased")
    assert name not in [each["queue"] for each in posthorn.queues.list()]


def test_declares_exchanges_and_binds_queues_topics_and_exchanges(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(f"{name}-q")
    posthorn.topics.declare(f"{name}-t")
    posthorn.exchanges.declare(f"{name}-e2", type="fanout")
    assert posthorn.exchanges.declare(name, type="topic")["type"] == "topic"
    binding = posthorn.exchanges.bind(name, queue=f"{name}-q", routing_key="a.*")
    ids = posthorn.exchanges.bind_many(
        [{"source": name, "topic": f"{name}-t", "routing_key": "#"}, {"source": name, "exchange": f"{name}-e2"}]
    )
    assert len(list(posthorn.exchanges.bindings(source=name))) == 3
    [to_topic] = posthorn.exchanges.bindings(topic=f"{name}-t")
    [to_exchange] = posthorn.exchanges.bindings(exchange=f"{name}-e2")
    assert [to_topic["id"], to_exchange["id"]] == ids
    posthorn.exchanges.unbind(binding)
    assert list(posthorn.exchanges.bindings(queue=f"{name}-q")) == []
    with pytest.raises(PosthornError, match="destination"):
        posthorn.exchanges.bind(name)
    assert posthorn.exchanges.get(name)["predeclared"] is False
    assert name in [each["exchange"] for each in posthorn.exchanges.list()]
    posthorn.exchanges.delete(name)


def test_resets_the_offsets_of_groups(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    with posthorn.producer() as producer:
        producer.send_batch(name, [])
        for number in range(5):
            producer.send(name, number)
    [reset] = posthorn.groups.reset(name, name, to="latest")
    assert (reset["from"], reset["to"]) == (None, 5)
    [planned] = posthorn.groups.reset(name, name, shift_by=-2, dry_run=True)
    assert planned["to"] == 3
    [back] = posthorn.groups.reset(name, name, to=datetime.now(timezone.utc) - timedelta(minutes=1))
    assert back["to"] == 0
    assert posthorn.groups.offsets(name, topic=name)[0]["lag"] == 5
    assert posthorn.groups.describe(name)["state"] == "empty"
    assert name in posthorn.groups.list()
    posthorn.groups.delete(name)
    with pytest.raises(PosthornError, match="either"):
        posthorn.groups.reset(name, name)


async def test_has_the_same_calls_for_asyncio(url: str, name: str) -> None:
    async with AsyncPosthorn(url) as posthorn:
        await posthorn.topics.declare(name, partitions=2)
        assert name in [topic["topic"] for topic in await posthorn.topics.list()]
        await posthorn.exchanges.declare(name)
        await posthorn.exchanges.bind(name, topic=name)
        assert [binding["source"] async for binding in posthorn.exchanges.bindings(topic=name)] == [name]
        await asyncio.gather(posthorn.topics.delete(name), posthorn.exchanges.delete(name))


def test_reads_a_list_to_its_end(posthorn: Posthorn, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        posthorn.topics.declare(f"{name}-{number}")
    pages: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        pages.append(after)
        number = 0 if after is None else int(after) + 1
        page: dict[str, object] = {"topics": [{"topic": str(number)}]}
        return httpx.Response(200, json={**page, "next": str(number)} if number < 2 else page)

    with Posthorn("http://broker", http_transport=httpx.MockTransport(answer)) as other:
        assert [topic["topic"] for topic in other.topics.list()] == ["0", "1", "2"]
    assert pages == [None, "0", "1"]


def test_repeats_calls_that_fail_for_the_moment_and_no_others() -> None:
    replies = [503, 429, 200]
    seen: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.headers))
        status = replies.pop(0)
        problem = {"code": "overloaded", "retryable": True, "title": "Full"}
        return httpx.Response(status, json={"topic": "t"} if status == 200 else problem)

    transport = httpx.MockTransport(answer)
    retry = RetryPolicy(base_ms=1)
    with Posthorn("http://broker/sub/", token=lambda: "ph_1", retry=retry, http_transport=transport) as posthorn:
        assert posthorn.topics.get("t")["topic"] == "t"
        assert len(seen) == 3
        assert seen[0]["authorization"] == "Bearer ph_1"
        assert seen[0]["user-agent"].startswith("posthorn-python/")
        replies[:] = [503] * 5
        with pytest.raises(PosthornError) as failed:
            posthorn.topics.get("t")
        assert (failed.value.code, failed.value.status) == ("overloaded", 503)
        assert replies == []


def test_asks_for_another_token_when_the_broker_refuses_one() -> None:
    tokens = iter(["old", "new"])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] == "Bearer new":
            return httpx.Response(200, json={"topic": "t"})
        return httpx.Response(401, json={"code": "unauthenticated", "retryable": False})

    async def token() -> str:
        return next(tokens)

    with Posthorn("http://broker", token=token, http_transport=httpx.MockTransport(answer)) as posthorn:
        assert posthorn.topics.get("t")["topic"] == "t"


def test_takes_a_deletion_whose_reply_was_lost_for_done() -> None:
    replies = [(503, "overloaded", True), (404, "topic_not_found", False), (404, "topic_not_found", False)]

    def answer(request: httpx.Request) -> httpx.Response:
        status, code, retryable = replies.pop(0)
        return httpx.Response(status, json={"code": code, "retryable": retryable})

    transport = httpx.MockTransport(answer)
    with Posthorn("http://broker", retry=RetryPolicy(base_ms=1), http_transport=transport) as posthorn:
        posthorn.topics.delete("t")
        with pytest.raises(PosthornError, match="topic_not_found"):
            posthorn.topics.delete("t")


def test_ends_a_call_that_takes_too_long() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    retry = RetryPolicy(attempts=1)
    transport = httpx.MockTransport(answer)
    posthorn = Posthorn("http://broker", timeout_ms=20, retry=retry, http_transport=transport)
    with posthorn, pytest.raises(PosthornError, match="no reply within 20 ms") as late:
        posthorn.topics.get("t")
    assert (late.value.code, late.value.retryable) == ("timeout", True)


def test_says_that_nothing_listens() -> None:
    posthorn = Posthorn("http://127.0.0.1:1", retry=RetryPolicy(attempts=1))
    with posthorn, pytest.raises(PosthornError) as refused:
        posthorn.topics.list()
    assert (refused.value.code, refused.value.retryable) == ("connection_failed", True)


@pytest.mark.parametrize("wrong", ["", "broker", "ftp://broker", "http://"])
def test_refuses_what_is_no_address(wrong: str) -> None:
    with pytest.raises(PosthornError, match="url"):
        Posthorn(wrong)


def test_ends_everything_that_waits_when_it_is_closed(url: str, name: str) -> None:
    posthorn = Posthorn(url)
    posthorn.topics.declare(name)
    posthorn.queues.declare(name)
    stuck = posthorn.publisher().send_to_queue(f"{name}-none-yet", 1, delay_ms=1)
    consumer = posthorn.consumer(name, print)
    member = posthorn.group_consumer(name, [name], each_record=print)
    reading: list[BaseException] = []

    def read() -> None:
        try:
            for _ in posthorn.reader(name):
                pass
        except PosthornError as error:
            reading.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    posthorn.close()
    thread.join(20)
    assert not thread.is_alive()
    assert isinstance(stuck.exception(20), PosthornError)
    for ended in (consumer, member):
        with pytest.raises(PosthornError) as closed:
            ended.wait()
        assert closed.value.code == "closed"
    with pytest.raises(PosthornError) as closed:
        posthorn.producer().send(name, 1)
    assert closed.value.code == "closed"


def test_refuses_calls_after_it_was_closed(url: str) -> None:
    posthorn = Posthorn(url)
    posthorn.close()
    posthorn.close()
    with pytest.raises(PosthornError) as closed:
        posthorn.topics.list()
    assert closed.value.code == "closed"
