"""Consumers of queues: handlers, leases, settlements, and how they stop."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from broker import until
from posthorn import AsyncMessage, AsyncPosthorn, Message, Posthorn, PosthornError


def publish(posthorn: Posthorn, queue: str, count: int) -> None:
    with posthorn.publisher() as publisher:
        for number in range(count):
            publisher.send_to_queue(queue, number)


def state_of(posthorn: Posthorn, queue: str) -> tuple[int, int]:
    state = posthorn.queues.get(queue)["state"]
    return state["ready"], state["leased"]


def test_hands_each_message_to_the_handler_once(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    publish(posthorn, name, 300)
    handled: list[int] = []
    with posthorn.consumer(name, lambda message: handled.append(message.json()), prefetch=50) as consumer:
        until("all are handled", lambda: len(handled) == 300)
        until("nothing is in hand", lambda: consumer.in_hand == 0)
    assert sorted(handled) == list(range(300))
    assert state_of(posthorn, name) == (0, 0)


def test_handles_in_the_order_of_the_queue_with_a_concurrency_of_one(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    publish(posthorn, name, 50)
    handled: list[int] = []
    with posthorn.consumer(name, lambda message: handled.append(message.json()), concurrency=1):
        until("all are handled", lambda: len(handled) == 50)
    assert handled == list(range(50))


def test_tries_again_what_fails_and_keeps_it_as_a_dead_letter_in_the_end(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name, retry={"schedule_ms": [0, 0]})
    publish(posthorn, name, 1)
    counts: list[int] = []
    told: list[BaseException] = []

    def handle(message: Message) -> None:
        counts.append(message.delivery_count)
        raise ValueError("no such address")

    with posthorn.consumer(name, handle, on_error=lambda error, _: told.append(error)):
        until("it is dead", lambda: list(posthorn.dead_letters.list(name)) != [])
    assert counts == [1, 2, 3]
    assert [str(error) for error in told] == ["no such address"] * 3
    [dead] = posthorn.dead_letters.list(name)
    assert dead.error["type"] == "ValueError"
    assert dead.error["message"] == "no such address"
    assert "in handle" in (dead.error["stack_trace"] or "")
    assert (dead.metadata["reason"], dead.metadata["retry_count"]) == ("delivery_limit", 2)


def test_lets_a_handler_settle_by_itself(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    with posthorn.publisher() as publisher:
        for kind in ("ack", "nack", "reject", "release"):
            publisher.send_to_queue(name, kind)
    seen: list[tuple[str, int]] = []

    def handle(message: Message) -> None:
        kind = message.json()
        seen.append((kind, message.delivery_count))
        if message.redelivered or kind == "ack":
            message.ack().result(10)
        elif kind == "nack":
            message.nack("later", delay_ms=0)
        elif kind == "reject":
            message.reject(ValueError("never"))
        else:
            message.release()
        with pytest.raises(PosthornError, match="settled already"):
            message.ack()

    with posthorn.consumer(name, handle):
        until("all came", lambda: len(seen) == 6)
    assert sorted(seen) == [("ack", 1), ("nack", 1), ("nack", 2), ("reject", 1), ("release", 1), ("release", 2)]
    assert [dead.original_message.json() for dead in posthorn.dead_letters.list(name)] == ["reject"]


def test_settles_after_the_handler_has_returned(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    publish(posthorn, name, 3)
    kept: list[Message] = []
    consumer = posthorn.consumer(name, kept.append, settle="manual")
    until("all came", lambda: len(kept) == 3)
    assert consumer.in_hand == 3
    stopping = threading.Thread(target=consumer.stop)
    stopping.start()
    for message in kept:
        message.ack()
    stopping.join(20)
    assert not stopping.is_alive()
    assert state_of(posthorn, name) == (0, 0)


def test_keeps_a_message_while_its_handler_works(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    publish(posthorn, name, 1)
    done = threading.Event()
    counts: list[int] = []

    def handle(message: Message) -> None:
        counts.append(message.delivery_count)
        time.sleep(1.6)
        assert not message.is_lost
        done.set()

    with posthorn.consumer(name, handle, lease_ms=500):
        assert done.wait(20)
    assert counts == [1]
    assert state_of(posthorn, name) == (0, 0)


def test_gives_back_what_no_handler_has_begun_when_it_stops(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    publish(posthorn, name, 20)
    begun, go = threading.Event(), threading.Event()
    handled: list[int] = []

    def handle(message: Message) -> None:
        begun.set()
        go.wait(20)
        handled.append(message.json())

    consumer = posthorn.consumer(name, handle, concurrency=2)
    assert begun.wait(20)
    until("all are in hand", lambda: consumer.in_hand == 20)
    stopping = threading.Thread(target=consumer.stop)
    stopping.start()
    until("the others are given back", lambda: consumer.in_hand == 2)
    assert stopping.is_alive()
    go.set()
    stopping.join(20)
    assert sorted(handled) == [0, 1]
    assert state_of(posthorn, name) == (18, 0)
    assert {message.json() for message in posthorn.queues.peek(name, max=20)} == set(range(2, 20))


def test_stops_at_once_when_it_waits_for_messages(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    consumer = posthorn.consumer(name, print, wait_ms=300_000)
    until("it waits", lambda: posthorn.queues.get(name)["state"]["consumers"] == 1)
    started = time.monotonic()
    consumer.stop()
    consumer.stop()
    consumer.wait()
    assert time.monotonic() - started < 5


def test_ends_when_the_queue_is_not_there(posthorn: Posthorn, name: str) -> None:
    consumer = posthorn.consumer(name, print)
    with pytest.raises(PosthornError) as ended:
        consumer.wait()
    assert ended.value.code == "queue_not_found"
    with pytest.raises(PosthornError):
        consumer.stop()


def test_ends_at_once_when_it_is_aborted(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    publish(posthorn, name, 1)
    begun, go = threading.Event(), threading.Event()
    lost: list[bool] = []

    def handle(message: Message) -> None:
        begun.set()
        go.wait(20)
        lost.append(message.is_lost)

    consumer = posthorn.consumer(name, handle, lease_ms=500)
    assert begun.wait(20)
    consumer.abort()
    with pytest.raises(PosthornError) as ended:
        consumer.wait()
    assert ended.value.code == "aborted"
    go.set()
    until("it comes again", lambda: state_of(posthorn, name) == (1, 0))
    until("the handler has ended", lambda: lost == [True])


def test_hands_out_messages_that_are_settled_already_at_most_once(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    publish(posthorn, name, 5)
    handled: list[int] = []

    def handle(message: Message) -> None:
        handled.append(message.json())
        raise ValueError

    with posthorn.consumer(name, handle, delivery="at-most-once"):
        until("all came", lambda: len(handled) == 5)
    assert state_of(posthorn, name) == (0, 0)
    with pytest.raises(PosthornError, match="neither leases"):
        posthorn.consumer(name, handle, delivery="at-most-once", lease_ms=500)


def test_gives_messages_to_a_loop(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    publish(posthorn, name, 10)
    found: list[int] = []
    for message in posthorn.messages(name, prefetch=4):
        found.append(message.json())
        message.ack()
        if len(found) == 6:
            break
    assert found == list(range(6))
    assert state_of(posthorn, name) == (4, 0)
    messages = posthorn.messages(name)
    threading.Timer(0.3, messages.close).start()
    for message in messages:
        message.ack()
        found.append(message.json())
    assert found == list(range(10))


def test_raises_in_the_loop_what_ends_it(posthorn: Posthorn, name: str) -> None:
    with pytest.raises(PosthornError) as ended:
        next(iter(posthorn.messages(name)))
    assert ended.value.code == "queue_not_found"


def test_shares_a_queue_among_consumers(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    handled: list[tuple[int, int]] = []

    def handler(consumer: int) -> Any:
        def handle(message: Message) -> None:
            time.sleep(0.002)
            handled.append((consumer, message.json()))

        return handle

    first, second = (posthorn.consumer(name, handler(each), prefetch=5) for each in (1, 2))
    publish(posthorn, name, 100)
    until("all are handled", lambda: len(handled) == 100)
    first.stop()
    second.stop()
    assert sorted(number for _, number in handled) == list(range(100))
    assert {consumer for consumer, _ in handled} == {1, 2}


def test_an_error_in_on_error_does_not_end_the_consumer(posthorn: Posthorn, name: str, caplog: Any) -> None:
    posthorn.queues.declare(name, retry={"schedule_ms": []})
    publish(posthorn, name, 3)
    count = 0

    def handle(_: Message) -> None:
        nonlocal count
        count += 1
        raise ValueError

    def fail(*_: object) -> None:
        raise RuntimeError("of the application")

    with posthorn.consumer(name, handle, on_error=fail):
        until("all were tried", lambda: count == 3)
    assert "on_error raised" in caplog.text


async def test_consumes_from_asyncio(url: str, name: str) -> None:
    async with AsyncPosthorn(url) as posthorn:
        await posthorn.queues.declare(name, retry={"schedule_ms": [0]})
        async with posthorn.publisher() as publisher:
            for number in range(50):
                publisher.send_to_queue(name, number)
        handled: list[int] = []
        all_came = asyncio.Event()

        async def handle(message: AsyncMessage) -> None:
            await asyncio.sleep(0)
            if not message.redelivered and message.json() == 7:
                raise ValueError
            handled.append(message.json())
            if len(handled) == 50:
                all_came.set()

        async with posthorn.consumer(name, handle):
            await asyncio.wait_for(all_came.wait(), 20)
        assert sorted(handled) == list(range(50))
        assert (await posthorn.queues.get(name))["state"]["ready"] == 0


async def test_loops_over_messages_in_asyncio(url: str, name: str) -> None:
    async with AsyncPosthorn(url) as posthorn:
        await posthorn.queues.declare(name)
        async with posthorn.publisher() as publisher:
            for number in range(5):
                publisher.send_to_queue(name, number)
        found: list[int] = []
        async with posthorn.messages(name) as messages:
            async for message in messages:
                found.append(message.json())
                await message.ack()
                if len(found) == 3:
                    break
        assert found == [0, 1, 2]
        assert (await posthorn.queues.get(name))["state"]["ready"] == 2


async def test_cancels_async_handlers_when_it_is_aborted(url: str, name: str) -> None:
    async with AsyncPosthorn(url) as posthorn:
        await posthorn.queues.declare(name)
        async with posthorn.publisher() as publisher:
            publisher.send_to_queue(name, 1)
        begun, cancelled = asyncio.Event(), asyncio.Event()

        async def handle(_: AsyncMessage) -> None:
            begun.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        consumer = posthorn.consumer(name, handle)
        await begun.wait()
        consumer.abort()
        with pytest.raises(PosthornError, match="aborted"):
            await consumer.wait()
        await asyncio.wait_for(cancelled.wait(), 5)
