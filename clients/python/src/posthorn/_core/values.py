"""Values on their way to the broker: what an application sends, as the JSON of a request.

A value is any JSON value, `bytes` (`{"$base64": "..."}` on the wire) or None: a tombstone in a topic, no body in a message.
Values become text when they are handed over, so changing them later changes nothing that is sent.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ..errors import invalid_argument

HeaderValue = str | bytes | None
Headers = Mapping[str, HeaderValue | Iterable[HeaderValue]] | Iterable[tuple[str, HeaderValue]]
"""Name to value, a list if a name occurs more than once; or pairs, as a record that was read has them."""

DEPTH_MAX = 500
"""Arrays and objects within each other in a value: a request may have 512, with its own around the value."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_text = json.JSONEncoder(ensure_ascii=False).encode

_BYTES = (bytes, bytearray, memoryview)


def value_text(value: object) -> str:
    """Returns the JSON of a value. Raises PosthornError `invalid_argument` if there is none."""
    if isinstance(value, _BYTES):
        return bytes_text(bytes(value))
    try:
        text = _encode(value)
        if not _is_well_formed(text):
            text = json.dumps(value, allow_nan=False, separators=(",", ":"))
        # A request nests at most so deep, but the bytes of a value may.
        return bytes_text(text.encode()) if _may_be_deep(text) else text
    except (TypeError, ValueError, RecursionError) as cause:
        message = f"a value is JSON, bytes or None; this cannot be written: {cause}"
        raise invalid_argument(message) from cause


def _may_be_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return False
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest > DEPTH_MAX


def bytes_text(data: bytes) -> str:
    return f'{{"$base64":"{base64.b64encode(data).decode()}"}}'


def text_json(text: str) -> str:
    """Returns the JSON of a key, a header or a name. Raises `invalid_argument` for half of a surrogate pair."""
    return _encode_text(check_well_formed(text))


def check_well_formed(text: str) -> str:
    if _is_well_formed(text):
        return text
    shown = json.dumps(text[:60])
    raise invalid_argument(f"{shown} has half of a surrogate pair, which no UTF-8 can hold; send bytes")


def _is_well_formed(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def key_bytes(key: str | bytes | None, what: str = "a key") -> bytes | None:
    if key is None:
        return None
    if isinstance(key, str):
        return check_well_formed(key).encode()
    if isinstance(key, _BYTES):
        return bytes(key)
    raise invalid_argument(f"{what} is text, bytes or None, got {type(key).__name__}")


def text_or_bytes(data: bytes) -> str:
    """Returns the JSON of bytes, as text if they are UTF-8."""
    try:
        return _encode_text(data.decode())
    except UnicodeDecodeError:
        return bytes_text(data)


def header_pairs(headers: Headers | None) -> list[tuple[str, bytes | None]]:
    """Returns the headers in their order, each value as bytes."""
    if not headers:
        return []
    entries: Iterable[tuple[str, Any]] = headers.items() if isinstance(headers, Mapping) else headers
    pairs: list[tuple[str, bytes | None]] = []
    for name, values in entries:
        if not isinstance(name, str):
            raise invalid_argument(f"the name of a header is text, got {type(name).__name__}")
        check_well_formed(name)
        is_one = values is None or isinstance(values, (str, *_BYTES)) or not isinstance(values, Iterable)
        each = (values,) if is_one else values
        pairs.extend((name, key_bytes(value, f'header "{name}"')) for value in each)
    return pairs


def headers_text(pairs: list[tuple[str, bytes | None]]) -> str:
    """Returns the JSON object of headers, with a list for each name."""
    by_name: dict[str, list[str]] = {}
    for name, value in pairs:
        by_name.setdefault(name, []).append("null" if value is None else text_or_bytes(value))
    members = (f"{text_json(name)}:[{','.join(values)}]" for name, values in by_name.items())
    return f"{{{','.join(members)}}}"


def timestamp_ms(timestamp: float | datetime, what: str = "a timestamp") -> int:
    """Returns milliseconds since 1970. A `datetime` without a time zone is local time, as everywhere in Python."""
    if isinstance(timestamp, datetime):
        timestamp = round(timestamp.timestamp() * 1_000)
    if isinstance(timestamp, int) and not isinstance(timestamp, bool) and 0 <= timestamp < 2**53:
        return timestamp
    raise invalid_argument(f"{what} is whole milliseconds since 1970 or a datetime, got {timestamp!r}")


def varint_size(number: int) -> int:
    """Returns the bytes that a number from 0 takes as a zigzag varint."""
    return max(1, -(-(number << 1).bit_length() // 7))


def value_bytes(value: object, text: str) -> bytes:
    """Returns a value as it is stored. `text` is its JSON."""
    if isinstance(value, _BYTES):
        return bytes(value)
    if text.startswith('{"$base64":"'):
        return base64.b64decode(json.loads(text)["$base64"])
    return text.encode()


def nullable_size(data: bytes | None) -> int:
    return 1 if data is None else varint_size(len(data)) + len(data)


def record_size(key: bytes | None, value_size: int, pairs: list[tuple[str, bytes | None]]) -> int:
    """Returns an upper bound of what a record takes in a stored batch, in bytes."""
    size = 1 + nullable_size(key) + varint_size(value_size) + value_size + varint_size(len(pairs))
    for name, value in pairs:
        name_size = len(name.encode())
        size += varint_size(name_size) + name_size + nullable_size(value)
    # Widest: length 5, timestamp delta 8, offset delta 5.
    return size + 18


def value_size(value: object, text: str) -> int:
    """Returns the bytes of a value as stored."""
    if value is None:
        return 0
    return len(value) if isinstance(value, (bytes, bytearray)) else len(text.encode())
