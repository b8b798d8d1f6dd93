"""The async publisher: the class that applications use to publish messages."""

from __future__ import annotations

import asyncio
from types import TracebackType

from ._core.message_batches import Destination, PendingMessage
from ._core.messages import MessageProperties
from ._core.received import Confirmation
from ._core.tracing import traced
from ._core.typing import Unpack
from ._core.values import Headers
from ._io.publishing import Publishing
from .errors import PosthornError


class AsyncPublisher:
    """Publishes messages in batches. Each future is done when its message is durable in every destination.

    After a temporary failure (no reply, 429, 503) the publisher sends a message again until `delivery_timeout_ms`. For
    one queue or one exchange the order is that of the calls, also under retries. A queue, and each destination of an
    exchange, stores a message once however often it was sent: it recognises the message by producer and sequence. This
    holds for the life of the publisher. If a message failed with `timeout` and the application publishes it again, that
    is another message; a queue with a `dedup_window_ms` recognises it too, by its `message_id`.
    """

    def __init__(self, publishing: Publishing) -> None:
        """Made by `AsyncPosthorn.publisher`."""
        self._publishing = publishing
        self._is_closed = False

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
    ) -> asyncio.Future[Confirmation]:
        """Publishes one message through an exchange (`""` is the default exchange).

        The future is done when every queue and topic to which it is routed has stored it. With `mandatory` it raises
        `unroutable` if no binding takes the message.

        Raises PosthornError `invalid_argument`, `record_too_large` and `closed` at once. The future raises
        `exchange_not_found`, `exchange_internal`, `unroutable`, `timeout`, and other codes of the broker.
        """
        future = self._future()
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
        self._publishing.accept(Destination("exchange", exchange), message)
        return future

    def send_to_queue(
        self,
        queue: str,
        body: object,
        *,
        headers: Headers | None = None,
        **properties: Unpack[MessageProperties],
    ) -> asyncio.Future[Confirmation]:
        """Publishes one message straight to a queue. The future is done when it is stored.

        Raises PosthornError `invalid_argument`, `record_too_large` and `closed` at once. The future raises
        `queue_not_found`, `timeout`, and other codes of the broker.
        """
        future = self._future()
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
        self._publishing.accept(Destination("queue", queue), message)
        return future

    async def ready(self) -> None:
        """Waits until fewer than `max_unconfirmed` messages and `buffer_bytes` are in memory."""
        await self._publishing.ready()

    async def flush(self) -> None:
        """Returns when everything published before is confirmed or has failed."""
        await self._publishing.flush()

    async def close(self) -> None:
        """Flushes, and refuses further messages with `closed`."""
        self._is_closed = True
        await self._publishing.flush()

    async def __aenter__(self) -> AsyncPublisher:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _future(self) -> asyncio.Future[Confirmation]:
        if self._is_closed:
            raise PosthornError("closed", "the publisher is closed")
        return asyncio.get_running_loop().create_future()
