"""What was read: records of topics, and messages that were read without taking them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .json_text import StoredValue, wire_bytes, wire_headers

CLAIM_HEADER = ":claim"


class Received:
    """A stored value with headers: what records and messages share."""

    __slots__ = ("_stored", "headers", "is_opened")

    headers: tuple[tuple[str, bytes | None], ...]
    """Pairs of name and value; a name may occur more than once."""

    def __init__(self, stored: StoredValue, headers: dict[str, Any] | None) -> None:
        self._stored = stored
        self.is_opened = False
        self.headers = tuple(wire_headers(headers)) if headers else ()

    def _where(self) -> str:
        return "the value"

    @property
    def claim(self) -> dict[str, Any] | None:
        """Where the value is, if it was too large for its record or message: `id`, `bytes`, `sha256`, `content_type`."""
        text = self._claim_text()
        try:
            claim = None if text is None else json.loads(text)
        except ValueError:
            return None
        return claim if isinstance(claim, dict) and "id" in claim and "sha256" in claim else None

    def _claim_text(self) -> str | None:
        return self.header(CLAIM_HEADER)

    def open(self, body: bytes) -> None:
        """For the client: the value that the claim refers to."""
        self._stored = StoredValue.of_bytes(body)
        self.is_opened = True

    @property
    def stored_size(self) -> int:
        """About how many bytes the value has."""
        return self._stored.size

    def text(self) -> str | None:
        """Returns the value as text: for a JSON string, with its quotes. None if there is no value."""
        return self._stored.text

    def json(self) -> Any:
        """Returns the value as `json.loads` reads it; None if there is none.

        Raises PosthornError `unexpected_reply` if it is not JSON.
        """
        return self._stored.json(self._where())

    def header(self, name: str) -> str | None:
        """Returns the last header of that name as UTF-8; None if there is none, or its value is null."""
        for key, value in reversed(self.headers):
            if key == name:
                return None if value is None else value.decode("utf-8", "replace")
        return None


class ReceivedRecord(Received):
    """A record that was read from a topic."""

    __slots__ = ("key", "offset", "partition", "timestamp", "topic", "topic_id")

    topic: str
    topic_id: int
    """The topic that the offset belongs to: one that is deleted and made again under its name has another id."""
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since 1970."""
    key: bytes | None

    def __init__(self, topic: str, topic_id: int, partition: int, fields: dict[str, Any]) -> None:
        super().__init__(fields["value"], fields.get("headers"))
        self.topic = topic
        self.topic_id = topic_id
        self.partition = partition
        self.offset = fields["offset"]
        self.timestamp = fields["timestamp"]
        self.key = wire_bytes(fields["key"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.topic}/{self.partition} offset {self.offset} key {self.key!r}>"

    def _where(self) -> str:
        return f"the value of the record at {self.topic}/{self.partition}, offset {self.offset}"

    @property
    def value(self) -> bytes | None:
        """The bytes as they are stored; None is a tombstone."""
        return self._stored.bytes

    @property
    def key_text(self) -> str | None:
        """The key as UTF-8."""
        return None if self.key is None else self.key.decode("utf-8", "replace")


class PeekedMessage(Received):
    """A message that was read without taking it."""

    __slots__ = ("exchange", "properties", "published_at", "routing_key")

    properties: dict[str, Any]
    published_at: int
    """Milliseconds since 1970."""
    exchange: str | None
    """The exchange that it was published to; None if it went straight to the queue."""
    routing_key: str | None

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields["body"], fields.get("headers"))
        self.properties = read_properties(fields["properties"])
        self.published_at = fields["published_at"]
        self.exchange = fields.get("exchange")
        self.routing_key = fields.get("routing_key")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {(self.text() or '')[:60]!r}>"

    def _where(self) -> str:
        return "the body of the message"

    def _claim_text(self) -> str | None:
        claim: str | None = self.properties.get("claim")
        return claim

    @property
    def body(self) -> bytes | None:
        """The bytes as they are stored; None if there is no body."""
        return self._stored.bytes


def read_properties(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns the properties of a message; an ordering key that is no text is bytes."""
    key = fields.get("ordering_key")
    return {**fields, "ordering_key": wire_bytes(key)} if isinstance(key, dict) else fields


@dataclass(frozen=True)
class Receipt:
    """Where a record was stored."""

    partition: int
    offset: int
    """-1 with `acks="none"`."""
    timestamp: int
    """Milliseconds since 1970: the record's own, or the partition's if the topic stamps records."""


@dataclass(frozen=True)
class Confirmation:
    """What became of a message."""

    outcome: str
    """`stored`: it is durable in every destination. `duplicate`: the queue knew its message id."""
    message_id: str | None
    """Its own, or the one that it was given."""
    destinations: tuple[dict[str, Any], ...] = ()
    """Where a message through an exchange is: `kind`, `name`, and in a topic `partition` and `offset`."""
