"""Bodies that were too large for their messages, which another client has stored as objects."""

from __future__ import annotations

import hashlib
import json

import pytest

from broker import until
from posthorn import GroupRecord, Message, OutgoingRecord, Posthorn, PosthornError

BODY = bytes(range(256)) * 8192


def store(posthorn: Posthorn, name: str) -> str:
    posthorn.objects.put(f"forever.{name}", BODY)
    claim = {"id": f"forever.{name}", "bytes": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest()}
    return json.dumps(claim)


def test_come_with_messages(posthorn: Posthorn, name: str) -> None:
    claim = store(posthorn, name)
    posthorn.queues.declare(name)
    with posthorn.publisher() as publisher:
        publisher.send_to_queue(name, b"", claim=claim)
        publisher.send_to_queue(name, "small")
    handled: list[Message] = []
    with posthorn.consumer(name, handled.append, concurrency=1):
        until("both are handled", lambda: len(handled) == 2)
    assert handled[0].body == BODY
    assert handled[1].json() == "small"


def test_come_with_records(posthorn: Posthorn, name: str) -> None:
    claim = store(posthorn, name)
    posthorn.topics.declare(name)
    with posthorn.producer() as producer:
        producer.send(name, b"", headers={":claim": claim})
    assert [record.value for record in posthorn.reader(name, follow=False)] == [BODY]
    handled: list[GroupRecord] = []
    with posthorn.group_consumer(name, topics=[name], each_record=handled.append):
        until("it is handled", lambda: len(handled) == 1)
    assert handled[0].value == BODY


def test_that_have_vanished_become_dead_letters(posthorn: Posthorn, name: str) -> None:
    claim = store(posthorn, name)
    posthorn.objects.delete(f"forever.{name}")
    posthorn.queues.declare(name, retry={"schedule_ms": []})
    with posthorn.publisher() as publisher:
        publisher.send_to_queue(name, b"", claim=claim)
    with posthorn.consumer(name, lambda _: None):
        until("it is dead", lambda: posthorn.queues.get(name)["state"]["ready"] == 0 and _died(posthorn, name))
    letter = next(iter(posthorn.dead_letters.list(f"{name}.dlq")))
    assert "does not exist, or has expired" in (letter.error["message"] or "")


def _died(posthorn: Posthorn, name: str) -> bool:
    return any(queue["queue"] == f"{name}.dlq" for queue in posthorn.queues.list())


LARGE = {"pixels": "x" * 3_000_000}


def test_are_stored_and_keep_the_order_of_their_neighbours(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    with posthorn.publisher() as publisher:
        futures = [
            publisher.send_to_queue(name, "before"),
            publisher.send_to_queue(name, BODY, content_type="image/png"),
            publisher.publish("", LARGE, routing_key=name),
            publisher.send_to_queue(name, BODY),
            publisher.send_to_queue(name, "after"),
        ]
        publisher.flush()
        assert [future.result().outcome for future in futures] == ["stored"] * 5
    handled: list[Message] = []
    with posthorn.consumer(name, handled.append, concurrency=1):
        until("all are handled", lambda: len(handled) == 5)
    claims = [message.claim for message in handled]
    assert sum(claim is not None for claim in claims) == 3
    sent_to_queue = [message for message in handled if message.exchange is None]
    assert [message.body for message in sent_to_queue] == [b'"before"', BODY, BODY, b'"after"']
    claim = sent_to_queue[1].claim
    assert claim is not None
    assert (claim["bytes"], claim["content_type"]) == (len(BODY), "image/png")
    assert next(message for message in handled if message.exchange is not None).json() == LARGE


def test_of_records_live_as_long_as_their_topic(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name, retention_ms=None)
    with posthorn.producer() as producer:
        producer.send(name, 1)
        receipts = producer.send_batch(name, [OutgoingRecord(LARGE, key="k"), OutgoingRecord(3)])
        assert len(receipts) == 2
    records = list(posthorn.reader(name, follow=False))
    assert [record.json() for record in records] == [1, LARGE, 3]
    assert records[1].claim is not None
    assert records[1].claim["id"].startswith("forever.")


def test_live_as_long_as_their_queue_and_its_dead_letters(posthorn: Posthorn, name: str) -> None:
    day = 86_400_000
    posthorn.queues.declare(name, message_ttl_ms=30 * day)
    with posthorn.publisher() as publisher:
        publisher.send_to_queue(name, BODY).result()
    claim = posthorn.queues.peek(name)[0].claim
    assert claim is not None
    (stored,) = [each for each in posthorn.objects.list() if each["object"] == claim["id"]]
    assert stored["expires_at"] is not None
    assert stored["expires_at"] - stored["stored_at"] > 37 * day


def test_stay_in_the_message_if_it_is_asked_for(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    with posthorn.publisher(claim_check_bytes=float("inf")) as publisher:
        publisher.send_to_queue(name, "x" * 500_000).result()
        with pytest.raises(PosthornError) as error:
            publisher.send_to_queue(name, BODY)
        assert error.value.code == "record_too_large"
    assert posthorn.queues.peek(name)[0].claim is None
