"""Messages on their way to the broker: body, headers and properties as the JSON of a request."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..errors import invalid_argument
from .limits import ORDERING_KEY_BYTES_MAX, PROPERTY_LENGTH_MAX
from .typing import TypedDict
from .values import Headers, header_pairs, headers_text, key_bytes, text_json, text_or_bytes, timestamp_ms, value_text


class MessageProperties(TypedDict, total=False):
    """What a message says to the broker and to its consumer."""

    priority: int
    """0 to 31; higher priorities are delivered first."""
    expiration_ms: int
    """The message expires this long after its publish."""
    delay_ms: int
    """The message is delivered this long after its publish."""
    deliver_at: int | datetime
    """The message is delivered at this time, in ms since 1970 or as a datetime. Instead of `delay_ms`."""
    message_id: str
    """The id that deduplication uses."""
    correlation_id: str
    reply_to: str
    """The queue for replies."""
    ordering_key: str | bytes
    """Messages of one key are delivered one at a time, in order."""
    content_type: str
    timestamp: int | datetime
    """When the application made it."""
    type: str
    app_id: str
    claim: str
    """Where the body is, if it was too large for the message."""


_TEXTS = ("message_id", "correlation_id", "reply_to", "content_type", "type", "app_id", "claim")
_NUMBERS = ("priority", "expiration_ms", "delay_ms")
_TIMES = ("deliver_at", "timestamp")


def properties_fields(properties: MessageProperties) -> dict[str, str]:
    """Checks properties. Returns the JSON of each; None is as if it were left out."""
    fields: dict[str, str] = {}
    for name, value in dict(properties).items():
        if value is not None:
            fields[name] = _property_text(name, value)
    if "delay_ms" in fields and "deliver_at" in fields:
        raise invalid_argument("delay_ms and deliver_at exclude each other")
    return fields


def _property_text(name: str, value: Any) -> str:
    if name == "ordering_key":
        key = key_bytes(value, "ordering_key") or b""
        if len(key) > ORDERING_KEY_BYTES_MAX:
            raise invalid_argument(f"ordering_key has {len(key)} bytes; at most {ORDERING_KEY_BYTES_MAX} are taken")
        return text_or_bytes(key)
    if name in _TEXTS:
        if isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) <= PROPERTY_LENGTH_MAX:
            return text_json(value)
        raise invalid_argument(f"{name} is text of at most {PROPERTY_LENGTH_MAX} bytes")
    if name in _TIMES:
        return str(timestamp_ms(value, name))
    if name not in _NUMBERS:
        raise invalid_argument(f'there is no property "{name}"')
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    raise invalid_argument(f"{name} is a whole number from 0, got {value!r}")


def properties_text(fields: dict[str, str]) -> str:
    return "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"


def checked_headers(headers: Headers | None) -> list[tuple[str, bytes | None]]:
    pairs = header_pairs(headers)
    for name, _ in pairs:
        if name.startswith(":"):
            raise invalid_argument(f'header "{name}": names that begin with ":" are the broker\'s')
    return pairs


class Unchanged:
    """Says that a part of a message is left as it is."""

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED = Unchanged()


def message_text(
    body: object | Unchanged,
    headers: Headers | None,
    properties: MessageProperties,
    **more: str | bool | None,
) -> str:
    """Returns the JSON of a message, with those of its parts that are given."""
    parts: list[str] = []
    if not isinstance(body, Unchanged):
        parts.append(f'"body":{value_text(body)}')
    if headers is not None:
        parts.append(f'"headers":{headers_text(checked_headers(headers))}')
    fields = properties_fields(properties)
    if fields:
        parts.append(f'"properties":{properties_text(fields)}')
    for name, value in more.items():
        if value is not None:
            text = text_json(value) if isinstance(value, str) else str(value).lower()
            parts.append(f'"{name}":{text}')
    return "{" + ",".join(parts) + "}"
