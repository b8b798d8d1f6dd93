"""The publisher: the class that applications use to publish messages."""

from __future__ import annotations

from concurrent.futures import Future
from types import TracebackType

from ._core.message_batches import Destination, PendingMessage
from ._core.messages import MessageProperties
from ._core.names import check_exchange, check_wide_name
from ._core.received import Confirmation
from ._core.tracing import traced
from ._core.typing import Unpack
from ._core.values import Headers
from ._io.inbox import Inbox, running_future
from ._io.loop_thread import LoopThread
from ._io.publishing import Publishing
from .errors import PosthornError

_Item = tuple[Destination, PendingMessage]


class Publisher:
    """Publishes messages in batches. It may be used by several threads.

    Each future is done when its message is durable in every destination. After a temporary failure (no reply, 429, 503)
    the publisher sends a message again until `delivery_timeout_ms`. For one queue or one exchange the order is that of
    the calls, also under retries. A queue, and each destination of an exchange, stores a message once however often it
    was sent: it recognises the message by producer and sequence. This holds for the life of the publisher. If a message
    failed with `timeout` and the application publishes it again, that is another message; a queue with a
    `dedup_window_ms` recognises it too, by its `message_id`.
    """

    def __init__(self, thread: LoopThread, publishing: Publishing, buffer_bytes: int, max_unconfirmed: int) -> None:
        """Made by `Posthorn.publisher`."""
        self._thread = thread
        self._publishing = publishing
        self._is_closed = False
        self._inbox: Inbox[_Item] = Inbox(
            thread,
            lambda item: publishing.accept(*item),
            lambda item, error: item[1].settle(error),
            lambda item: item[1].held_bytes,
            lambda count, size: (
                publishing.bytes.held + size < buffer_bytes and publishing.messages.held + count < max_unconfirmed
            ),
            publishing.ready,
        )

    @property
    def unconfirmed(self) -> int:
        """Messages that are not confirmed yet."""
        return self._publishing.messages.held

    @property
    def buffered_bytes(self) -> int:
        """What waits in memory, with an allowance of 256 bytes for each message."""
        return self._publishing.bytes.held

    def publish(
        self,
        exchange: str,
        body: object,
        *,
        routing_key: str = "",
        mandatory: bool = False,
        headers: Headers | None = None,
        **properties: Unpack[MessageProperties],
    ) -> Future[Confirmation]:
        """Publishes one message through an exchange (`""` is the default exchange).

        The future is done when every queue and topic to which it is routed has stored it. With `mandatory` it raises
        `unroutable` if no binding takes the message. If `max_unconfirmed` messages or `buffer_bytes` are in memory,
        `publish` waits for room.

        Raises PosthornError `invalid_argument`, `record_too_large` and `closed` at once. The future raises
        `exchange_not_found`, `exchange_internal`, `unroutable`, `timeout`, and other codes of the broker.
        """
        future = self._future()
        check_exchange(exchange)
        message = traced(
            self._publishing.tracing,
            exchange,
            headers,
            future,
            lambda given: PendingMessage(
                body,
                given,
                properties,
                future,
                routing_key=routing_key,
                mandatory=mandatory,
                claim_check_bytes=self._publishing.claim_check_bytes,
            ),
            routing_key,
            properties,
        )
        self._inbox.put((Destination("exchange", exchange), message))
        return future

    def send_to_queue(
        self,
        queue: str,
        body: object,
        *,
        headers: Headers | None = None,
        **properties: Unpack[MessageProperties],
    ) -> Future[Confirmation]:
        """Publishes one message straight to a queue. The future is done when it is stored. Waits as `publish`.

        Raises PosthornError `invalid_argument`, `record_too_large` and `closed` at once. The future raises
        `queue_not_found`, `timeout`, and other codes of the broker.
        """
        future = self._future()
        check_wide_name("queue", queue)
        message = traced(
            self._publishing.tracing,
            queue,
            headers,
            future,
            lambda given: PendingMessage(
                body, given, properties, future, claim_check_bytes=self._publishing.claim_check_bytes
            ),
            properties=properties,
        )
        self._inbox.put((Destination("queue", queue), message))
        return future

    def ready(self) -> None:
        """Waits until fewer than `max_unconfirmed` messages and `buffer_bytes` are in memory."""
        self._inbox.wait_for_room()

    def flush(self) -> None:
        """Returns when everything published before is confirmed or has failed."""
        self._thread.run(self._flush())

    def close(self) -> None:
        """Flushes, and refuses further messages with `closed`."""
        self._is_closed = True
        self.flush()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def _flush(self) -> None:
        await self._inbox.drained()
        await self._publishing.flush()

    def _future(self) -> Future[Confirmation]:
        if self._is_closed:
            raise PosthornError("closed", "the publisher is closed")
        return running_future()
