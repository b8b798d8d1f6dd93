"""Overview: how a namespace does, as far as its objects have reported."""

from __future__ import annotations

from typing import Any

from .._core.calls import Call, Operation
from .._core.typing import NotRequired, TypedDict
from .binding import Awaiting, Blocking, ask, awaiting, blocking


class OverviewProblem(TypedDict):
    problem: str
    """The kind, for example `dead_letters_growing`, `full`, `lag_stuck` or `no_consumer`."""
    kind: str
    """`queue`, `partition`, `group` or `share_group`."""
    name: str
    partition: NotRequired[int]
    detail: str


class NamespaceOverview(TypedDict):
    at: int
    """In ms since 1970."""
    totals: dict[str, int]
    counters: dict[str, Any]
    """Since the objects were first seen, with what was deleted since."""
    rates: dict[str, float]
    """In one second, over the last minute."""
    problems: list[OverviewProblem]
    """The worst kinds first."""
    queues: list[dict[str, Any]]
    """Those with the most ready messages."""
    topics: list[dict[str, Any]]
    """Those with the largest lag, then by records."""
    groups: list[dict[str, Any]]
    """Those with the largest lag."""


def get_overview(*, limit: int | None = None) -> Operation[NamespaceOverview]:
    """Returns what is wrong, the worst first, and how queues, topics and groups do: of each at most `limit` (100)."""
    return (yield from ask(NamespaceOverview, Call("GET", "/overview", query={"limit": limit})))


class Overview(Blocking):
    """Read how the namespace does."""

    get = blocking(get_overview)


class AsyncOverview(Awaiting):
    """Read how the namespace does."""

    get = awaiting(get_overview)
