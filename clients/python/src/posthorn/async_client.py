"""The async client: one broker and namespace, and everything that an application can do with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Literal

import httpx

from ._core.messages import MessageProperties
from ._core.names import check_name, check_wide_name
from ._core.options import RequestHeaders, Token, client_config
from ._core.received import PeekedMessage
from ._core.retry import RetryPolicy
from ._core.tracing import Tracing
from ._core.typing import Unpack
from ._core.values import Headers
from ._io.consuming import Consuming, consumer_config, messages_config
from ._io.delivered import Delivered
from ._io.producing import Producing, producer_config
from ._io.publishing import Publishing, publisher_config
from ._io.reading import reader_config
from ._io.requesting import check_on_throw, request_operation, responder
from ._io.transacting import Transacting
from ._io.transport import Transport
from .admin.alerts import AsyncAlerts
from .admin.dead_letters import AsyncDeadLetters
from .admin.definitions import AsyncDefinitions
from .admin.events import AsyncEvents
from .admin.exchanges import AsyncExchanges
from .admin.groups import AsyncGroups
from .admin.hooks import AsyncHooks
from .admin.limits import AsyncLimits
from .admin.moves import AsyncMoves
from .admin.namespaces import AsyncNamespaces
from .admin.objects import AsyncObjects
from .admin.overview import AsyncOverview
from .admin.policies import AsyncPolicies
from .admin.queue_messages import AsyncQueueMessages
from .admin.queues import AsyncQueues
from .admin.schedules import AsyncSchedules
from .admin.share_groups import AsyncShareGroups
from .admin.subscriptions import AsyncSubscriptions
from .admin.tokens import AsyncTokens
from .admin.topics import AsyncTopics
from .async_consumer import AsyncConsumer, AsyncMessages, MessageHandler, make_message
from .async_group_consumer import AsyncGroupConsumer, BatchHandler, RecordHandler
from .async_producer import AsyncProducer
from .async_publisher import AsyncPublisher
from .async_reader import AsyncReader
from .async_transactional_producer import AsyncTransactionalProducer
from .group_options import GroupOptions
from .options import (
    ConsumerOptions,
    MessagesOptions,
    ProducerOptions,
    PublisherOptions,
    ReaderOptions,
    ResponderOptions,
    TransactionalProducerOptions,
)


class AsyncPosthorn:
    """A client of one broker and namespace, for one event loop.

    It connects when it is first used. Close it at the end, or use it with `async with`.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str = "default",
        token: Token | None = None,
        headers: RequestHeaders | None = None,
        timeout_ms: float = 30_000,
        retry: RetryPolicy | None = None,
        tracing: Tracing | None = None,
        http_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Makes a client; nothing is sent yet.

        - `url`: where the broker is, for example `http://127.0.0.1:8787`
        - `token`: `ph_...`, or a function that returns it. It is asked for each request, and once more when the broker
          says that the token is not good
        - `headers`: sent with each request; a function is asked for each request
        - `timeout_ms`: the time limit of one request; a long poll adds its waiting time
        - `retry`: how temporary failures are tried again
        - `tracing`: `posthorn.tracing.open_telemetry(url)` makes spans of what is sent and handled
        - `http_transport`: the transport of httpx, for proxies of one's own and for tests

        Raises PosthornError `invalid_argument`.
        """
        config = client_config(url, namespace, token, headers, timeout_ms, retry, tracing)
        self._transport = transport = Transport(config, http_transport)
        self.topics = AsyncTopics(transport)
        self.queues = AsyncQueues(transport)
        self.exchanges = AsyncExchanges(transport)
        self.dead_letters = AsyncDeadLetters(transport)
        self.groups = AsyncGroups(transport)
        self.tokens = AsyncTokens(transport, namespace)
        self.share_groups = AsyncShareGroups(transport)
        self.schedules = AsyncSchedules(transport)
        self.subscriptions = AsyncSubscriptions(transport)
        self.hooks = AsyncHooks(transport)
        self.queue_messages = AsyncQueueMessages(transport)
        self.events = AsyncEvents(transport)
        self.objects = AsyncObjects(transport)
        self.overview = AsyncOverview(transport)
        self.policies = AsyncPolicies(transport)
        self.moves = AsyncMoves(transport)
        self.namespaces = AsyncNamespaces(transport)
        self.limits = AsyncLimits(transport)
        self.definitions = AsyncDefinitions(transport)
        self.alerts = AsyncAlerts(transport)

    def producer(self, **options: Unpack[ProducerOptions]) -> AsyncProducer:
        """Makes a producer with batches and order of its own. Most applications need one."""
        return AsyncProducer(Producing(self._transport, producer_config(**options)))

    def publisher(self, **options: Unpack[PublisherOptions]) -> AsyncPublisher:
        """Makes a publisher to exchanges and queues, with batches and order of its own. Most applications need one."""
        return AsyncPublisher(Publishing(self._transport, publisher_config(**options)))

    def reader(self, topic: str, **options: Unpack[ReaderOptions]) -> AsyncReader:
        """Reads a topic. It sends no request until a loop asks for the first record."""
        return AsyncReader(self._transport, check_name("topic", topic), reader_config(**options))

    def consumer(self, queue: str, handler: MessageHandler, **options: Unpack[ConsumerOptions]) -> AsyncConsumer:
        """Takes messages from a queue and hands them to a function, until it is stopped. It begins at once."""
        return AsyncConsumer(self._transport, queue, handler, consumer_config(**options))

    def messages(self, queue: str, **options: Unpack[MessagesOptions]) -> AsyncMessages:
        """Returns the messages of a queue for a loop that settles each. It sends no request until the loop begins."""
        config = messages_config(**options)
        check_wide_name("queue", queue)

        def begin(handle: Callable[[Delivered], Awaitable[object]]) -> Consuming:
            return Consuming(self._transport, queue, handle, config, make_message)

        return AsyncMessages(begin)

    def group_consumer(
        self,
        group: str,
        topics: Sequence[str] = (),
        *,
        each_record: RecordHandler | None = None,
        each_batch: BatchHandler | None = None,
        producer: AsyncTransactionalProducer | None = None,
        **options: Unpack[GroupOptions],
    ) -> AsyncGroupConsumer:
        """Reads topics as a member of a group and hands their records to a function, until it is stopped.

        The topics have to exist. Give either `each_record`, or `each_batch`, which gets records of one partition.
        `producer`: with `delivery="exactly-once"`, for this consumer alone; the handler sends with it.
        """
        return AsyncGroupConsumer(self._transport, group, topics, each_record, each_batch, producer, options)

    def transactional_producer(
        self,
        transactional_id: str,
        *,
        transaction_timeout_ms: int | None = None,
        **options: Unpack[TransactionalProducerOptions],
    ) -> AsyncTransactionalProducer:
        """Makes a transactional producer: readers see all records of a transaction or none.

        `transactional_id`: the name of this job, the same after a restart. One instance at a time uses it: the one that
        began last. A transaction that an earlier instance left open is aborted, and one that is open for longer than
        `transaction_timeout_ms` (1,000 to 900,000; default 60,000) too.
        """
        config = producer_config(**options)
        check_wide_name("transactional_id", transactional_id)
        return AsyncTransactionalProducer(Transacting(self._transport, transactional_id, transaction_timeout_ms, config))

    async def request(
        self,
        body: object,
        *,
        queue: str | None = None,
        exchange: str | None = None,
        routing_key: str | None = None,
        headers: Headers | None = None,
        timeout_ms: int = 30_000,
        **properties: Unpack[MessageProperties],
    ) -> PeekedMessage:
        """Publishes a message to a queue or an exchange, and waits for the reply to it. It is never sent twice by itself.

        Raises PosthornError `no_reply` if the time is over, `unroutable` if nobody takes it, `request_failed` if whoever
        took it failed.
        """
        operation = request_operation(body, queue, exchange, routing_key, headers, timeout_ms, properties)
        return await self._transport.run(operation)

    def respond(
        self,
        queue: str,
        handler: MessageHandler,
        *,
        on_throw: Literal["reply", "nack"] = "reply",
        **options: Unpack[ResponderOptions],
    ) -> AsyncConsumer:
        """Takes requests from a queue and replies to each with what the function returns: JSON, or bytes.

        A request is acknowledged when the broker has the reply, or says that nobody waits for it any more. `on_throw`: what
        happens to a request whose handler raises. `reply`: the caller gets `request_failed`. `nack`: the queue tries it
        again by its retry schedule, while the caller waits.
        """
        config = consumer_config(**options)
        publishing = Publishing(self._transport, publisher_config(message_ids=False))
        wrap = partial(responder, publishing=publishing, on_throw=check_on_throw(on_throw), on_error=config.on_error)
        return AsyncConsumer(self._transport, queue, handler, config, wrap)

    async def close(self) -> None:
        """Closes connections. Close producers, publishers and consumers before."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncPosthorn:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
