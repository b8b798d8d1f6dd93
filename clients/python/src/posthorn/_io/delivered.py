"""Delivered message: what a consumer holds of a message until it is settled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.received import Received, read_properties
from .._core.settlements import Settlement, error_fields
from ..errors import invalid_argument

Settle = Callable[["Delivered", Settlement, Any], None]
"""Settles a message; the last argument is who waits for it, if anybody does."""


class Delivered(Received):
    """A message that a queue delivered: what the sync and the async client have in common."""

    __slots__ = (
        "_settle",
        "_tag",
        "delivery_count",
        "exchange",
        "hand",
        "is_lost",
        "is_settled",
        "properties",
        "published_at",
        "routing_key",
    )

    properties: dict[str, Any]
    """With the names that it was published with: `message_id`, `priority`, `ordering_key` and others."""
    published_at: int
    """Milliseconds since 1970."""
    delivery_count: int
    """How often it was delivered, this time included."""
    exchange: str | None
    """The exchange that it was published to; None if it went straight to the queue."""
    routing_key: str | None
    is_settled: bool
    is_lost: bool
    """It is another consumer's, or will be: its lease ended, or the consumer was aborted."""

    def __init__(self, fields: dict[str, Any], settle: Settle) -> None:
        super().__init__(fields["body"], fields.get("headers"))
        self.properties = read_properties(fields["properties"])
        self.published_at = fields["published_at"]
        self.delivery_count = fields["delivery_count"]
        self.exchange = fields.get("exchange")
        self.routing_key = fields.get("routing_key")
        self.is_settled = fields["lease_expires_at"] is None
        self.is_lost = False
        self.hand: object | None = None
        self._tag: str = fields["delivery_tag"]
        self._settle = settle

    def _claim_text(self) -> str | None:
        claim: str | None = self.properties.get("claim")
        return claim

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._tag} {(self.text() or '')[:60]!r}>"

    def _where(self) -> str:
        return f"the body of message {self._tag}"

    @property
    def body(self) -> bytes | None:
        """The bytes as they are stored; None if there is no body."""
        return self._stored.bytes

    @property
    def delivery_tag(self) -> str:
        """What this delivery is settled by."""
        return self._tag

    @property
    def redelivered(self) -> bool:
        """It was delivered before."""
        return self.delivery_count > 1

    def begin_settling(self, kind: str) -> None:
        """Raises PosthornError `invalid_argument` if it is settled already."""
        if self.is_settled:
            raise invalid_argument(f"{kind}: message {self._tag} is settled already")
        self.is_settled = True

    def settle_with(self, settlement: Settlement, waiting: Any) -> None:
        self._settle(self, settlement, waiting)


def ack_of(message: Delivered) -> Settlement:
    message.begin_settling("ack")
    return Settlement("ack", message.delivery_tag, {})


def nack_of(message: Delivered, error: BaseException | str | None, delay_ms: int | None) -> Settlement:
    message.begin_settling("nack")
    fields = error_fields(error)
    if delay_ms is not None:
        fields["delay_ms"] = delay_ms
    return Settlement("nack", message.delivery_tag, fields)


def reject_of(message: Delivered, error: BaseException | str | None) -> Settlement:
    message.begin_settling("reject")
    return Settlement("reject", message.delivery_tag, error_fields(error))


def release_of(message: Delivered) -> Settlement:
    message.begin_settling("release")
    return Settlement("release", message.delivery_tag, {})


def extend_of(message: Delivered, lease_ms: int) -> Settlement:
    return Settlement("extend", message.delivery_tag, {"lease_ms": lease_ms})
