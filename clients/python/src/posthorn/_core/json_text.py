"""JSON text of replies: reads a reply and keeps the exact text of the values in it.

The broker returns the JSON that was stored, byte for byte. `json.loads` would lose that: digits of numbers, members that
occur twice, escapes. So the envelope is walked member by member; a value keeps its text beside what it was read as.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import PosthornError

_SPACE = re.compile(r"[ \t\n\r]*")
_INT_DIGITS_MAX = 4_300
"""Longer integers are refused by `int`, as an attack on its speed."""


def _lenient_int(digits: str) -> int | float:
    return int(digits) if len(digits) < _INT_DIGITS_MAX else float(digits)


_decode = json.JSONDecoder().raw_decode
_decode_leniently = json.JSONDecoder(parse_int=_lenient_int).raw_decode


def parse_json(text: str) -> Any:
    """Reads JSON as `json.loads` does; an integer of more than 4,300 digits becomes a float."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return json.loads(text, parse_int=_lenient_int)


def value_at(text: str, at: int) -> tuple[Any, int]:
    """Returns the value that begins there, and where it ends."""
    try:
        return _decode(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _decode_leniently(text, at)


def skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def walk_object(text: str, at: int, member: Callable[[str, int], int]) -> int:
    """Calls `member` with each name and where its value begins; it returns where the value ends. Returns the end."""
    at = skip_space(text, at)
    if text[at] != "{":
        raise ValueError("expected an object")
    at = skip_space(text, at + 1)
    while text[at] != "}":
        name, at = _decode(text, at)
        at = skip_space(text, at)
        if text[at] != ":":
            raise ValueError("expected a colon")
        at = skip_space(text, member(name, skip_space(text, at + 1)))
        if text[at] == ",":
            at = skip_space(text, at + 1)
        elif text[at] != "}":
            raise ValueError("expected a comma or the end of an object")
    return at + 1


def walk_array(text: str, at: int, item: Callable[[int], int]) -> int:
    """As `walk_object`, for the items of an array."""
    if text[at] != "[":
        raise ValueError("expected an array")
    at = skip_space(text, at + 1)
    while text[at] != "]":
        at = skip_space(text, item(at))
        if text[at] == ",":
            at = skip_space(text, at + 1)
        elif text[at] != "]":
            raise ValueError("expected a comma or the end of an array")
    return at + 1


class StoredValue:
    """A value as it is stored: bytes, or None for no value."""

    __slots__ = ("_bytes", "_parsed", "_text")

    def __init__(self, text: str | None, parsed: Any) -> None:
        self._text = text
        self._parsed = parsed
        self._bytes: bytes | None = None
        if isinstance(parsed, dict) and len(parsed) == 1 and "$base64" in parsed:
            self._text = None
            self._bytes = base64.b64decode(parsed["$base64"])

    @classmethod
    def of_bytes(cls, body: bytes) -> StoredValue:
        value = cls(None, None)
        value._bytes = body
        return value

    @property
    def bytes(self) -> bytes | None:
        if self._bytes is None and self._text is not None:
            self._bytes = self._text.encode()
        return self._bytes

    @property
    def size(self) -> int:
        """In bytes, about."""
        return len(self._text or self._bytes or b"")

    @property
    def text(self) -> str | None:
        if self._text is not None:
            return self._text
        return None if self._bytes is None else self._bytes.decode("utf-8", "replace")

    def json(self, where: str) -> Any:
        if self._bytes is not None and self._text is None:
            try:
                return parse_json(self._bytes.decode())
            except ValueError as cause:
                raise PosthornError("unexpected_reply", f"{where} is not JSON") from cause
        return self._parsed


NO_VALUE = StoredValue(None, None)


def read_items(content: bytes, list_name: str, value_name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Reads a reply with a list whose items have a stored value.

    Returns the other members, and the items with a `StoredValue` under the name of their value.
    """
    fields: dict[str, Any] = {}
    items: list[dict[str, Any]] = []
    try:
        text = content.decode()
        end = walk_object(text, 0, lambda name, at: _read_member(text, name, at, list_name, value_name, fields, items))
        if skip_space(text, end) != len(text):
            raise ValueError("more than one value")
    except (ValueError, IndexError, RecursionError, TypeError) as cause:
        said = content[:200].decode("utf-8", "replace")
        raise PosthornError("unexpected_reply", f"the reply cannot be read: {said}") from cause
    return fields, items


def _read_member(
    text: str,
    name: str,
    at: int,
    list_name: str,
    value_name: str,
    fields: dict[str, Any],
    items: list[dict[str, Any]],
) -> int:
    if name != list_name:
        fields[name], end = value_at(text, at)
        return end

    def item(at: int) -> int:
        read, end = read_item(text, at, value_name)
        items.append(read)
        return end

    return walk_array(text, at, item)


def read_item(text: str, at: int, value_name: str) -> tuple[dict[str, Any], int]:
    """Reads one object with a stored value."""
    item: dict[str, Any] = {}

    def member(name: str, at: int) -> int:
        parsed, end = value_at(text, at)
        if name != value_name:
            item[name] = parsed
        elif parsed is None:
            item[name] = NO_VALUE
        else:
            item[name] = StoredValue(text[at:end], parsed)
        return end

    return item, walk_object(text, at, member)


def read_reply(content: bytes, value_name: str) -> dict[str, Any]:
    """Reads a reply that is one object with a stored value."""
    try:
        text = content.decode()
        item, _ = read_item(text, 0, value_name)
    except (ValueError, IndexError, RecursionError, TypeError) as cause:
        said = content[:200].decode("utf-8", "replace")
        raise PosthornError("unexpected_reply", f"the reply cannot be read: {said}") from cause
    return item


def wire_bytes(value: Any) -> bytes | None:
    """Returns the bytes of a key or a header in a reply."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    return base64.b64decode(value["$base64"])


def wire_headers(headers: dict[str, Any] | None) -> Iterator[tuple[str, bytes | None]]:
    """Yields the headers of a reply as pairs."""
    for name, values in (headers or {}).items():
        for value in values if isinstance(values, list) else [values]:
            yield name, wire_bytes(value)


def read_text_items(text: str) -> dict[str, str]:
    """Returns the text of each member of an object by its name, or of each item of an array by its number."""
    items: dict[str, str] = {}

    def member(name: str, at: int) -> int:
        _, end = value_at(text, at)
        items[name] = text[at:end]
        return end

    try:
        at = skip_space(text, 0)
        if text[at] == "[":
            walk_array(text, at, lambda at: member(str(len(items)), at))
        else:
            walk_object(text, at, member)
    except (ValueError, IndexError, RecursionError) as cause:
        raise PosthornError("unexpected_reply", f"the reply cannot be read: {text[:200]}") from cause
    return items
