"""Publishers: queues, exchanges, full queues, and what is stored once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from broker import until
from posthorn import AsyncPosthorn, Posthorn, PosthornError, RetryPolicy


def test_stores_messages_in_order(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    with posthorn.publisher(batch_messages=50) as publisher:
        futures = [publisher.send_to_queue(name, number) for number in range(500)]
    assert {future.result().outcome for future in futures} == {"stored"}
    assert [message.json() for message in posthorn.queues.peek(name, max=1_000)] == list(range(500))


def test_says_where_a_message_went(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    posthorn.topics.declare(f"{name}-t")
    posthorn.exchanges.declare(name, type="topic")
    posthorn.exchanges.bind(name, queue=name, routing_key="a.*")
    posthorn.exchanges.bind(name, topic=f"{name}-t", routing_key="#")
    publisher = posthorn.publisher()
    confirmation = publisher.publish(name, {"n": 1}, routing_key="a.b", mandatory=True).result()
    assert confirmation.message_id is not None
    assert sorted(place["name"] for place in confirmation.destinations) == [name, f"{name}-t"]
    [message] = posthorn.queues.peek(name)
    assert (message.exchange, message.routing_key) == (name, "a.b")
    [record] = posthorn.reader(f"{name}-t", follow=False)
    assert record.json() == {"n": 1}
    posthorn.exchanges.delete(name)
    with pytest.raises(PosthornError) as gone:
        publisher.publish(name, 1, routing_key="a.b").result()
    assert gone.value.code == "exchange_not_found"


def test_reports_mandatory_messages_that_nothing_takes_and_no_others(posthorn: Posthorn, name: str) -> None:
    publisher = posthorn.publisher()
    dropped = publisher.publish("", 1, routing_key=name)
    refused = publisher.publish("", 2, routing_key=name, mandatory=True)
    assert dropped.result().destinations == ()
    with pytest.raises(PosthornError) as unroutable:
        refused.result()
    assert unroutable.value.code == "unroutable"


def test_stores_a_message_with_a_known_id_once(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name, dedup_window_ms=60_000)
    publisher = posthorn.publisher()
    assert publisher.send_to_queue(name, 1, message_id="m").result().outcome == "stored"
    assert publisher.send_to_queue(name, 1, message_id="m").result().outcome == "duplicate"
    given = publisher.send_to_queue(name, 2).result()
    assert given.message_id is not None
    assert posthorn.queues.get(name)["state"]["ready"] == 2


def test_waits_until_a_full_queue_has_room(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name, max_length=2, overflow="reject-publish")
    publisher = posthorn.publisher()
    futures = [publisher.send_to_queue(name, number) for number in range(3)]
    until("two are stored", lambda: sum(future.done() for future in futures) == 2)
    assert posthorn.queues.purge(name) == 2
    assert futures[2].result(20).outcome == "stored"


def test_fails_only_the_messages_that_are_refused(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    publisher = posthorn.publisher()
    for send in (publisher.send_to_queue, lambda q, body, **more: publisher.publish("", body, routing_key=q, **more)):
        futures = [
            send(name, 1),
            send(name, 2, ordering_key="k", delay_ms=5),
            send(name, 3, priority=99),
            send(name, 4),
        ]
        publisher.flush()
        errors = [future.exception() for future in futures]
        assert [error.code if isinstance(error, PosthornError) else None for error in errors] == [
            None,
            "invalid_field",
            "invalid_field",
            None,
        ]
    assert [message.json() for message in posthorn.queues.peek(name)] == [1, 4, 1, 4]


@pytest.mark.parametrize(
    "wrong",
    [{"priority": -1}, {"delay_ms": 1, "deliver_at": 5}, {"headers": {":mine": "x"}}, {"message_id": 7}, {"color": 1}],
)
def test_refuses_messages_that_no_queue_would_take(posthorn: Posthorn, name: str, wrong: Any) -> None:
    publisher = posthorn.publisher()
    with pytest.raises(PosthornError) as refused:
        publisher.send_to_queue(name, 1, **wrong)
    assert refused.value.code == "invalid_argument"


def test_refuses_what_is_too_large_or_goes_nowhere(posthorn: Posthorn, name: str) -> None:
    publisher = posthorn.publisher(claim_check_bytes=float("inf"))
    with pytest.raises(PosthornError) as refused:
        publisher.send_to_queue(name, "x" * 1_048_576)
    assert refused.value.code == "record_too_large"
    with pytest.raises(PosthornError, match="routing_key"):
        publisher.publish("", 1, routing_key="x" * 256)
    with pytest.raises(PosthornError) as refused:
        publisher.send_to_queue(name, 1).result()
    assert refused.value.code == "queue_not_found"


def test_sends_again_under_the_same_ids_and_sequence() -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/producers"):
            return httpx.Response(200, json={"id": 7, "epoch": 0})
        sent.append(request.content)
        if len(sent) < 3:
            raise httpx.ReadError("lost")
        return httpx.Response(200, json={"messages": [{"destinations": []}]})

    transport = httpx.MockTransport(answer)
    with Posthorn("http://broker", retry=RetryPolicy(base_ms=1), http_transport=transport) as posthorn:
        posthorn.publisher().publish("events", 1).result()
    assert len(set(sent)) == 1
    body = json.loads(sent[0])
    assert body["producer"] == {"id": 7, "epoch": 0, "sequence": 0}
    assert "message_id" in body["messages"][0]["properties"]


def test_completes_what_some_destinations_lack() -> None:
    sent: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/producers"):
            return httpx.Response(200, json={"id": 7, "epoch": 0})
        sent.append(json.loads(request.content))
        if len(sent) == 1:
            failed = [{"kind": "queue", "name": "b", "code": "queue_unavailable"}]
            messages = [{"destinations": [], "failed": failed}, {"destinations": [{"kind": "queue", "name": "a"}]}]
            problem = {"code": "destination_unavailable", "retryable": True, "messages": messages}
            return httpx.Response(503, json=problem)
        return httpx.Response(200, json={"messages": [{"destinations": []}] * len(sent[-1]["messages"])})

    async def main() -> None:
        transport = httpx.MockTransport(answer)
        async with AsyncPosthorn("http://x", retry=RetryPolicy(base_ms=1), http_transport=transport) as posthorn:
            publisher = posthorn.publisher()
            first, second = publisher.publish("e", 1), publisher.publish("e", 2)
            assert (await second).destinations == ({"kind": "queue", "name": "a"},)
            assert len(sent) == 1
            await first

    asyncio.run(main())
    assert sent[0] == sent[1]


def test_waits_for_room_when_too_many_are_unconfirmed(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    with posthorn.publisher(max_unconfirmed=10) as publisher:
        for number in range(200):
            publisher.send_to_queue(name, number)
            assert publisher.unconfirmed <= 10
        publisher.ready()
    assert posthorn.queues.get(name)["state"]["ready"] == 200
    with pytest.raises(PosthornError) as closed:
        publisher.send_to_queue(name, 1)
    assert closed.value.code == "closed"
