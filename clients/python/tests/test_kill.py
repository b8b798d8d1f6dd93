"""The broker is killed in the middle of a load: its runtime alone, and all of it, after which another takes over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from broker import Broker, until
from posthorn import Message, Posthorn, PosthornError, RetryPolicy

PARTITIONS = 2


class Load:
    """Sends, publishes and consumes until it is told to stop, in threads of its own."""

    def __init__(self, posthorn: Posthorn) -> None:
        self._posthorn = posthorn
        self._is_over = threading.Event()
        self.sent: list[int] = []
        """Acknowledged records."""
        self.published: list[int] = []
        """Confirmed messages."""
        self.handled: list[int] = []
        self.errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._guard, args=(run,)) for run in (self._send, self._publish)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _guard(self, run: Callable[[], None]) -> None:
        try:
            run()
        except BaseException as error:
            self.errors.append(error)

    def _send(self) -> None:
        number = 0
        with self._posthorn.producer(batch_bytes=4_000) as producer:
            while not self._is_over.is_set():
                futures = [producer.send("kill", number + i, key=f"k{(number + i) % 5}") for i in range(50)]
                for i, future in enumerate(futures):
                    future.result(60)
                    self.sent.append(number + i)
                number += len(futures)

    def _publish(self) -> None:
        number = 0
        with self._posthorn.publisher(batch_messages=20) as publisher:
            while not self._is_over.is_set():
                futures = [publisher.send_to_queue("kill", number + i) for i in range(50)]
                for i, future in enumerate(futures):
                    future.result(60)
                    self.published.append(number + i)
                number += len(futures)


def test_loses_and_doubles_nothing_that_was_acknowledged(folder: Path) -> None:
    broker = Broker(folder)
    port = broker.port
    retry = RetryPolicy(base_ms=20, max_ms=200, attempts=100)
    with Posthorn(broker.url, retry=retry) as posthorn:
        posthorn.topics.declare("kill", partitions=PARTITIONS)
        posthorn.queues.declare("kill", lease_ms=2_000)
        load = Load(posthorn)
        until("the load moves", lambda: len(load.sent) > 100 and len(load.published) > 100)
        broker.kill_runtime()
        moves_on(load)
        broker.kill()
        time.sleep(0.2)
        broker = Broker(folder, port)
        moves_on(load)
        consumer = posthorn.consumer("kill", load_handler(load))
        until("messages are handled", lambda: len(load.handled) > 100)
        broker.kill()
        broker = Broker(folder, port)
        moves_on(load)
        load.stop()
        assert load.errors == []
        until("all are handled", lambda: set(load.handled) >= set(load.published))
        consumer.stop()

        found: dict[bytes | None, list[int]] = {}
        for record in posthorn.reader("kill", follow=False):
            found.setdefault(record.key, []).append(record.json())
        assert all(numbers == sorted(set(numbers)) for numbers in found.values()), "doubled, or out of order"
        stored = {number for numbers in found.values() for number in numbers}
        assert set(load.sent) - stored == set(), "lost"
        assert set(load.handled) == set(load.published), "lost, or from nowhere"
        state = posthorn.queues.get("kill")["state"]
        assert (state["ready"], state["leased"], state["parked"]) == (0, 0, 0)
    broker.stop()


def moves_on(load: Load) -> None:
    """Waits until what began after this is acknowledged."""
    sent, published = len(load.sent) + 150, len(load.published) + 150
    until("the load moves on", lambda: len(load.sent) > sent and len(load.published) > published, 60)


def load_handler(load: Load) -> Callable[[Message], None]:
    """A message may be handled twice: its acknowledgement may be lost with the broker."""
    return lambda message: load.handled.append(message.json())


def test_a_message_comes_again_when_its_acknowledgement_was_lost(folder: Path) -> None:
    broker = Broker(folder)
    port = broker.port
    retry = RetryPolicy(base_ms=20, max_ms=100)
    with Posthorn(broker.url, retry=retry) as posthorn:
        posthorn.queues.declare("jobs", lease_ms=500)
        with posthorn.publisher() as publisher:
            publisher.send_to_queue("jobs", 1)
        counts: list[int] = []
        errors: list[BaseException] = []
        is_down = threading.Event()

        def handle(message: Message) -> None:
            counts.append(message.delivery_count)
            if len(counts) == 1:
                broker.kill()
                is_down.set()

        with posthorn.consumer("jobs", handle, on_error=lambda error, _: errors.append(error)):
            assert is_down.wait(20)
            until("the settlement was given up", lambda: any(is_settlement(error) for error in errors))
            broker = Broker(folder, port)
            until("it came again", lambda: len(counts) == 2)
        assert counts == [1, 2]
        assert posthorn.queues.get("jobs")["state"]["ready"] == 0
    broker.stop()


def is_settlement(error: BaseException) -> bool:
    return isinstance(error, PosthornError) and "/settlements" in str(error)
