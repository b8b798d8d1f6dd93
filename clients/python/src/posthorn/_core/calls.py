"""Calls: requests to the broker as values, and operations that make several of them."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import PosthornError

QueryValue = str | int | None

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    """Below the namespace, or below the broker's address with `is_root`. Its parts are escaped by the caller."""
    query: Mapping[str, QueryValue] = field(default_factory=dict)
    """None is left out."""
    body: bytes | None = None
    content_type: str = JSON_TYPE
    """Of the body."""
    is_root: bool = False
    accept: str | None = None
    range: tuple[int, int] | None = None
    """The first and the last byte that are asked for."""
    wait_ms: int = 0
    """How long the broker may wait before it answers; added to the time limit."""
    timeout_ms: float | None = None
    """Instead of the client's."""
    gone: str | None = None
    """The code for something that does not exist: after a lost reply it says that an earlier attempt deleted it."""
    is_once: bool = False
    """Never repeated by the client."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Reply:
    """A reply without an error, read in whole."""

    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Returns the reply as `json.loads` reads it. Raises PosthornError `unexpected_reply`."""
        try:
            return json.loads(self.content)
        except ValueError as cause:
            said = self.content[:200].decode("utf-8", "replace")
            raise PosthornError("unexpected_reply", f"the reply is not JSON: {said}") from cause


Result = TypeVar("Result")

Operation = Generator[Call, Reply, Result]
"""Yields calls, gets their replies, and returns a result. What carries it out repeats calls that fail for the moment."""


def json_body(fields: object) -> bytes:
    """Encodes the fields of a request."""
    try:
        return json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as cause:
        raise PosthornError("invalid_argument", f"the fields cannot be written as JSON: {cause}") from cause


def given(**fields: Any) -> dict[str, Any]:
    """Returns the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
