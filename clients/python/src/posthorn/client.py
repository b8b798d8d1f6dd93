"""The client: one broker and namespace, and everything that an application can do with them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Literal

import httpx

from ._core.calls import Operation, Result
from ._core.messages import MessageProperties
from ._core.names import check_name, check_wide_name
from ._core.options import RequestHeaders, Token, client_config
from ._core.received import PeekedMessage
from ._core.retry import RetryPolicy
from ._core.tracing import Tracing
from ._core.typing import Unpack
from ._core.values import Headers
from ._io.consuming import consumer_config, messages_config
from ._io.loop_thread import LoopThread
from ._io.producing import Producing, producer_config
from ._io.publishing import Publishing, publisher_config
from ._io.reading import reader_config
from ._io.requesting import check_on_throw, request_operation, responder
from ._io.transacting import Transacting
from ._io.transport import Transport
from .admin.alerts import Alerts
from .admin.dead_letters import DeadLetters
from .admin.definitions import Definitions
from .admin.events import Events
from .admin.exchanges import Exchanges
from .admin.groups import Groups
from .admin.hooks import Hooks
from .admin.limits import Limits
from .admin.moves import Moves
from .admin.namespaces import Namespaces
from .admin.objects import Objects
from .admin.overview import Overview
from .admin.policies import Policies
from .admin.queue_messages import QueueMessages
from .admin.queues import Queues
from .admin.schedules import Schedules
from .admin.share_groups import ShareGroups
from .admin.subscriptions import Subscriptions
from .admin.tokens import Tokens
from .admin.topics import Topics
from .consumer import Consumer, MessageHandler, Messages
from .group_consumer import BatchHandler, GroupConsumer, RecordHandler
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
from .producer import Producer
from .publisher import Publisher
from .reader import Reader
from .transactional_producer import TransactionalProducer


class Posthorn:
    """A client of one broker and namespace. It may be used by several threads.

    Its requests run in a thread of its own, which begins when the client is first used. Close the client at the end, or
    use it with `with`. After a fork make a new one.

        with Posthorn("http://127.0.0.1:8787") as posthorn:
            posthorn.topics.declare("orders", partitions=3)
            with posthorn.producer() as producer:
                producer.send("orders", {"total": 12}, key="customer-7")
            for record in posthorn.reader("orders", follow=False):
                print(record.partition, record.offset, record.key_text, record.json())
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
        self._thread = LoopThread()
        self._transport = Transport(config, http_transport)
        runner = _Runner(self._thread, self._transport)
        self.topics = Topics(runner)
        self.queues = Queues(runner)
        self.exchanges = Exchanges(runner)
        self.dead_letters = DeadLetters(runner)
        self.groups = Groups(runner)
        self.tokens = Tokens(runner, namespace)
        self.share_groups = ShareGroups(runner)
        self.schedules = Schedules(runner)
        self.subscriptions = Subscriptions(runner)
        self.hooks = Hooks(runner)
        self.queue_messages = QueueMessages(runner)
        self.events = Events(runner)
        self.objects = Objects(runner)
        self.overview = Overview(runner)
        self.policies = Policies(runner)
        self.moves = Moves(runner)
        self.namespaces = Namespaces(runner)
        self.limits = Limits(runner)
        self.definitions = Definitions(runner)
        self.alerts = Alerts(runner)

    def producer(self, **options: Unpack[ProducerOptions]) -> Producer:
        """Makes a producer with batches and order of its own. Most applications need one."""
        config = producer_config(**options)
        return Producer(self._thread, Producing(self._transport, config), config.buffer_bytes)

    def publisher(self, **options: Unpack[PublisherOptions]) -> Publisher:
        """Makes a publisher to exchanges and queues, with batches and order of its own. Most applications need one."""
        config = publisher_config(**options)
        publishing = Publishing(self._transport, config)
        return Publisher(self._thread, publishing, config.buffer_bytes, config.max_unconfirmed)

    def reader(self, topic: str, **options: Unpack[ReaderOptions]) -> Reader:
        """Reads a topic. It sends no request until a loop asks for the first record."""
        return Reader(self._thread, self._transport, check_name("topic", topic), reader_config(**options))

    def consumer(self, queue: str, handler: MessageHandler, **options: Unpack[ConsumerOptions]) -> Consumer:
        """Takes messages from a queue and hands them to a function, until it is stopped. It begins at once."""
        config = consumer_config(**options)
        return Consumer(self._thread, self._transport, check_wide_name("queue", queue), handler, config)

    def messages(self, queue: str, **options: Unpack[MessagesOptions]) -> Messages:
        """Returns the messages of a queue for a loop that settles each. It sends no request until the loop begins."""
        config = messages_config(**options)
        return Messages(self._thread, self._transport, check_wide_name("queue", queue), config)

    def group_consumer(
        self,
        group: str,
        topics: Sequence[str] = (),
        *,
        each_record: RecordHandler | None = None,
        each_batch: BatchHandler | None = None,
        producer: TransactionalProducer | None = None,
        **options: Unpack[GroupOptions],
    ) -> GroupConsumer:
        """Reads topics as a member of a group and hands their records to a function, until it is stopped.

        The topics have to exist. Give either `each_record`, or `each_batch`, which gets records of one partition.
        `producer`: with `delivery="exactly-once"`, for this consumer alone; the handler sends with it.
        """
        return GroupConsumer(self._thread, self._transport, group, topics, each_record, each_batch, producer, options)

    def transactional_producer(
        self,
        transactional_id: str,
        *,
        transaction_timeout_ms: int | None = None,
        **options: Unpack[TransactionalProducerOptions],
    ) -> TransactionalProducer:
        """Makes a transactional producer: readers see all records of a transaction or none.

        `transactional_id`: the name of this job, the same after a restart. One instance at a time uses it: the one that
        began last. A transaction that an earlier instance left open is aborted, and one that is open for longer than
        `transaction_timeout_ms` (1,000 to 900,000; default 60,000) too.
        """
        config = producer_config(**options)
        check_wide_name("transactional_id", transactional_id)
        transport = self._transport
        return TransactionalProducer(
            self._thread,
            lambda: Transacting(transport, transactional_id, transaction_timeout_ms, config),
            config.buffer_bytes,
        )

    def request(
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
        return self._thread.run(self._transport.run(operation))

    def respond(
        self,
        queue: str,
        handler: MessageHandler,
        *,
        on_throw: Literal["reply", "nack"] = "reply",
        **options: Unpack[ResponderOptions],
    ) -> Consumer:
        """Takes requests from a queue and replies to each with what the function returns: JSON, or bytes.

        A request is acknowledged when the broker has the reply, or says that nobody waits for it any more. `on_throw`: what
        happens to a request whose handler raises. `reply`: the caller gets `request_failed`. `nack`: the queue tries it
        again by its retry schedule, while the caller waits.
        """
        config = consumer_config(**options)
        publishing = Publishing(self._transport, publisher_config(message_ids=False))
        wrap = partial(responder, publishing=publishing, on_throw=check_on_throw(on_throw), on_error=config.on_error)
        return Consumer(self._thread, self._transport, check_wide_name("queue", queue), handler, config, wrap)

    def close(self) -> None:
        """Closes connections and ends the thread. Close producers, publishers and consumers before."""
        try:
            if self._thread.is_running:
                self._thread.run(self._transport.close())
        finally:
            self._thread.close()

    def __enter__(self) -> Posthorn:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Runner:
    """Carries out operations in the thread of the client."""

    def __init__(self, thread: LoopThread, transport: Transport) -> None:
        self._thread = thread
        self._transport = transport

    def run(self, operation: Operation[Result]) -> Result:
        return self._thread.run(self._transport.run(operation))
