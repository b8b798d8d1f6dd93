"""Start positions: where reading begins in a partition, and how a request names it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ..errors import invalid_argument
from .values import timestamp_ms

Start = int | datetime | Literal["earliest", "latest"]
"""The first record, the end, an offset, or a time: the first record at or after it."""

WireOffset = int | str


def wire_start(start: Start, name: str = "start") -> WireOffset:
    """Returns what a request has for a start. `name` is what the caller calls it, for the error."""
    if isinstance(start, datetime):
        return f"@{timestamp_ms(start, name)}"
    if start in ("earliest", "latest"):
        return start
    if isinstance(start, int) and not isinstance(start, bool) and start >= 0:
        return start
    raise invalid_argument(f'{name} is "earliest", "latest", an offset or a datetime, got {start!r}')
