"""Message batches: messages of one queue or exchange that are sent together, and the line of batches that they wait in."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import PosthornError, invalid_argument
from .limits import RECORD_BYTES_MAX, ROUTING_KEY_BYTES_MAX
from .messages import MessageProperties, checked_headers, properties_fields, properties_text
from .names import exchange_path, queue_path
from .received import Confirmation
from .records import RECORD_ALLOWANCE_BYTES, Sink, settle
from .sequences import BatchProducer
from .values import Headers, bytes_text, headers_text, record_size, text_json, value_bytes, value_size, value_text

ID_BYTES_MAX = 48
"""What an id that the publisher makes may take, header included."""

Outcome = Confirmation | PosthornError | None
"""What one attempt did: a confirmation, why it failed, or None if the message has to go again."""


@dataclass(frozen=True)
class Destination:
    """A queue or an exchange."""

    kind: str
    name: str

    @property
    def is_exchange(self) -> bool:
        return self.kind == "exchange"

    @property
    def path(self) -> str:
        if self.is_exchange:
            return exchange_path(self.name)
        return queue_path(self.name)

    @property
    def address(self) -> str:
        """Names the place whose messages a sequence counts."""
        return f"{self.kind} {self.name}"


class PendingMessage:
    """A message that is not confirmed yet."""

    __slots__ = (
        "_body_size",
        "_rest",
        "_text",
        "body",
        "content_type",
        "held_bytes",
        "is_mandatory",
        "is_settled",
        "life",
        "message_id",
        "properties",
        "sink",
        "size",
    )

    def __init__(
        self,
        body: object,
        headers: Headers | None,
        properties: MessageProperties,
        sink: Sink[Any],
        *,
        routing_key: str | None = None,
        mandatory: bool = False,
        claim_check_bytes: float = float("inf"),
    ) -> None:
        text = value_text(body)
        pairs = checked_headers(headers)
        self.properties = properties_fields(properties)
        self.message_id = properties.get("message_id")
        self.is_mandatory = mandatory
        self.is_settled = False
        self.sink = sink
        rest = ""
        if pairs:
            rest += f',"headers":{headers_text(pairs)}'
        extra = 0
        if routing_key is not None:
            extra = len(routing_key.encode("utf-8", "surrogatepass")) + 16
            if extra > ROUTING_KEY_BYTES_MAX + 16:
                raise invalid_argument(f"routing_key has more than {ROUTING_KEY_BYTES_MAX} bytes")
            rest += f',"routing_key":{text_json(routing_key)}'
        if mandatory:
            rest += ',"mandatory":true'
        self._text = text
        self._rest = rest
        extra += sum(len(name) + len(value.encode()) + 4 for name, value in self.properties.items())
        self._body_size = value_size(body, text)
        self.size = record_size(None, self._body_size, pairs) + extra
        self.size += 0 if self.message_id is not None else ID_BYTES_MAX
        self.held_bytes = self.size + RECORD_ALLOWANCE_BYTES
        self.body = value_bytes(body, text) if self._body_size > claim_check_bytes else None
        """The body, if it is so large that it goes to the bucket."""
        self.content_type = properties.get("content_type")
        self.life = properties
        """What it says of its life."""
        if self.body is None:
            self.check_size()

    def check_size(self) -> None:
        if self.size > RECORD_BYTES_MAX:
            raise PosthornError(
                "record_too_large",
                f"the message has about {self.size} bytes; {RECORD_BYTES_MAX} are taken",
                details={"bytes_max": RECORD_BYTES_MAX},
            )

    def claim(self, claim: str) -> None:
        """The body is in the bucket: the message says where, in the place of it."""
        self.properties["claim"] = text_json(claim)
        self._text = bytes_text(b"")
        self.size += len(claim) + 16 - self._body_size
        self.body = None

    @property
    def text(self) -> str:
        if not self.properties:
            return f'{{"body":{self._text}{self._rest}}}'
        return f'{{"body":{self._text}{self._rest},"properties":{properties_text(self.properties)}}}'

    def identify(self, message_id: str) -> None:
        """Before it goes for the first time: what is tried again must have the same id."""
        self.message_id = message_id
        self.properties["message_id"] = text_json(message_id)

    def settle(self, outcome: Confirmation | PosthornError) -> None:
        self.is_settled = True
        settle(self.sink, outcome)


@dataclass(eq=False)
class MessageBatch:
    deadline: float
    """No attempt begins after this, by the clock of the publisher."""
    messages: list[PendingMessage] = field(default_factory=list)
    size: int = 0
    failures: int = 0
    """Attempts that failed."""
    producer: BatchProducer | None = None

    def add(self, message: PendingMessage) -> None:
        self.messages.append(message)
        self.size += message.size

    def content(self) -> bytes:
        """Returns the body of the request. What is tried again is the same."""
        messages = ",".join(message.text for message in self.messages)
        producer = "" if self.producer is None else f',"producer":{json.dumps(self.producer.fields())}'
        return f'{{"messages":[{messages}]{producer}}}'.encode()

    def keep(self, messages: list[PendingMessage]) -> None:
        """Some are settled; the rest goes again, as another batch to the broker."""
        if len(messages) != len(self.messages):
            self.messages = messages
            self.producer = None


class MessageLine:
    """What a publisher holds for one destination. One batch at a time is under way."""

    def __init__(self, destination: Destination, batch_messages: int, batch_bytes: int, delivery_timeout_s: float) -> None:
        self.destination = destination
        self.gives_ids: bool | None = None
        """Whether messages without an id are given one; None until it is known."""
        self.under_way: MessageBatch | None = None
        self._closed: deque[MessageBatch] = deque()
        self._open: MessageBatch | None = None
        self._batch_messages = batch_messages
        self._batch_bytes = batch_bytes
        self._delivery_timeout_s = delivery_timeout_s

    @property
    def batches(self) -> set[MessageBatch]:
        """All of them."""
        return {batch for batch in (self.under_way, self._open, *self._closed) if batch is not None}

    def add(self, message: PendingMessage, now: float) -> None:
        if self._open is not None and self._open.size + message.size > self._batch_bytes:
            self._close()
        if self._open is None:
            self._open = MessageBatch(now + self._delivery_timeout_s)
        self._open.add(message)
        if len(self._open.messages) >= self._batch_messages:
            self._close()

    def take(self) -> MessageBatch | None:
        """Returns the next batch if it may go; it is under way from then on."""
        if self.under_way is not None:
            return None
        if not self._closed and self._open is not None:
            self._close()
        if self._closed:
            self.under_way = self._closed.popleft()
        return self.under_way

    def release(self, again: MessageBatch | None = None) -> None:
        """Nothing is on its way any more; `again` goes first."""
        self.under_way = None
        if again is not None:
            self._closed.appendleft(again)

    def drain(self) -> list[MessageBatch]:
        """Empties the line, what is under way included."""
        drained = list(self.batches)
        self.under_way = self._open = None
        self._closed.clear()
        return drained

    def _close(self) -> None:
        assert self._open is not None
        self._closed.append(self._open)
        self._open = None


def outcomes_of(destination: Destination, messages: Sequence[PendingMessage], reply: Any) -> list[Outcome]:
    """Reads the reply to a batch."""
    results = reply["messages" if destination.is_exchange else "results"]
    if len(results) != len(messages):
        raise PosthornError("unexpected_reply", f"the reply does not tell of {len(messages)} messages")
    if destination.is_exchange:
        return [_routed(destination, *pair) for pair in zip(messages, results, strict=True)]
    queue = ({"kind": "queue", "name": destination.name},)
    return [
        None if result["outcome"] == "rejected" else Confirmation(result["outcome"], message.message_id, queue)
        for message, result in zip(messages, results, strict=True)
    ]


def stored_despite(
    destination: Destination, messages: Sequence[PendingMessage], error: PosthornError
) -> list[Outcome] | None:
    """What a publish that failed did all the same: messages that every destination has stored are done."""
    told = error.details.get("messages")
    if not destination.is_exchange or not isinstance(told, list) or len(told) != len(messages):
        return None
    return [
        None if result.get("failed") else _routed(destination, message, result)
        for message, result in zip(messages, told, strict=True)
    ]


def _routed(destination: Destination, message: PendingMessage, result: Any) -> Outcome:
    if result.get("unroutable") and message.is_mandatory:
        return PosthornError("unroutable", f'no binding of exchange "{destination.name}" takes it')
    return Confirmation("stored", message.message_id, tuple(result["destinations"]))
