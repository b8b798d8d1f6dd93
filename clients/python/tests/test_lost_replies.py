"""Lost replies: requests are carried out, and their replies never come. Nothing is lost, and nothing is there twice."""

from __future__ import annotations

import random
import threading

import httpx

from broker import until
from posthorn import Message, Posthorn, RetryPolicy


class Lossy(httpx.AsyncBaseTransport):
    """Drops the reply to every third request, on average; always the same ones for a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._inner = httpx.AsyncHTTPTransport()
        self.lost = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if self._random.random() < 1 / 3:
            await response.aread()
            await response.aclose()
            self.lost += 1
            raise httpx.ReadError("the reply was lost")
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def lossy(url: str, seed: int) -> tuple[Posthorn, Lossy]:
    transport = Lossy(seed)
    return Posthorn(url, retry=RetryPolicy(base_ms=1, attempts=50), http_transport=transport), transport


def test_stores_each_record_once(posthorn: Posthorn, url: str, name: str) -> None:
    posthorn.topics.declare(name, partitions=2)
    client, transport = lossy(url, 1)
    with client, client.producer(batch_bytes=500) as producer:
        futures = [producer.send(name, number, key=f"k{number % 2}") for number in range(300)]
    receipts = [future.result() for future in futures]
    assert transport.lost > 10
    found = list(posthorn.reader(name, follow=False))
    assert sorted(record.json() for record in found) == list(range(300))
    at = {(record.partition, record.offset): record.json() for record in found}
    assert [at[receipt.partition, receipt.offset] for receipt in receipts] == list(range(300))


def test_stores_each_message_once(posthorn: Posthorn, url: str, name: str) -> None:
    posthorn.queues.declare(name)
    posthorn.queues.declare(f"{name}-2")
    posthorn.exchanges.declare(name, type="fanout")
    posthorn.exchanges.bind(name, queue=f"{name}-2")
    client, transport = lossy(url, 2)
    with client, client.publisher(batch_messages=10) as publisher:
        for number in range(200):
            publisher.send_to_queue(name, number)
            publisher.publish(name, number)
    assert transport.lost > 10
    for queue in (name, f"{name}-2"):
        assert [message.json() for message in posthorn.queues.peek(queue, max=1_000)] == list(range(200))


def test_settles_each_message_once(posthorn: Posthorn, url: str, name: str) -> None:
    posthorn.queues.declare(name, lease_ms=1_000)
    with posthorn.publisher() as publisher:
        for number in range(100):
            publisher.send_to_queue(name, number)
    handled: list[int] = []
    lock = threading.Lock()

    def handle(message: Message) -> None:
        with lock:
            handled.append(message.json())

    client, transport = lossy(url, 3)
    with client, client.consumer(name, handle, prefetch=10):
        # Messages of a lost delivery come again when their lease ends.
        until("all are handled", lambda: set(handled) == set(range(100)))
        until("all are settled", lambda: posthorn.queues.get(name)["state"]["leased"] == 0)
    assert transport.lost > 0
    assert len(handled) == 100
    state = posthorn.queues.get(name)["state"]
    assert (state["ready"], state["leased"], state["parked"]) == (0, 0, 0)
