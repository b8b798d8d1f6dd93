"""Bodies that were too large for their messages, which another client has stored as objects."""

from __future__ import annotations

import hashlib
import json

from broker import until
from posthorn import GroupRecord, Message, Posthorn

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
