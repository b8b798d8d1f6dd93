"""Limits: the cost ceiling of a namespace."""

from __future__ import annotations

from .._core.calls import Call, Operation, json_body
from .._core.typing import TypedDict
from .binding import Awaiting, Blocking, ask, awaiting, blocking


class CostLimits(TypedDict):
    rows_written_per_hour: int | None
    """Rows that the namespace may write in an hour (UTC) before publishes are refused; None: no limit."""
    rows_written_this_hour: int
    is_exceeded: bool
    resets_at: int
    """When the next hour begins, in ms since 1970."""


def get_limits() -> Operation[CostLimits]:
    """Returns the ceiling of the namespace, and what was written in this hour."""
    return (yield from ask(CostLimits, Call("GET", "/limits")))


def set_limits(*, rows_written_per_hour: int | None) -> Operation[CostLimits]:
    """Sets the ceiling of the namespace."""
    body = json_body({"rows_written_per_hour": rows_written_per_hour})
    return (yield from ask(CostLimits, Call("PUT", "/limits", body=body)))


class Limits(Blocking):
    """Read and set the cost ceiling of the namespace."""

    get = blocking(get_limits)
    set = blocking(set_limits)


class AsyncLimits(Awaiting):
    """Read and set the cost ceiling of the namespace."""

    get = awaiting(get_limits)
    set = awaiting(set_limits)
