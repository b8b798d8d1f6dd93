"""Tracing: what a client tells the hook that it was given. A client without one does nothing for traces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from .group_records import GroupBatch
from .received import Received
from .values import Headers

Built = TypeVar("Built")
Item = TypeVar("Item")
Result = TypeVar("Result")

SpanEnd = Callable[[BaseException | None, Any], None]
"""Called once: with the error or None, and with the receipt or confirmation."""


class Tracing(Protocol):
    def send(
        self, destination: str, headers: Headers | None, routing_key: str, properties: Mapping[str, Any]
    ) -> tuple[Headers | None, SpanEnd]:
        """A message or record begins its way to the broker. Returns its headers with the context of the span."""

    def process(self, source: str, items: Sequence[Received], group: str | None) -> AbstractContextManager[Any]:
        """Returns what a handler runs in."""


class Ending(Protocol):
    """A future of `asyncio` or of `concurrent.futures`."""

    def add_done_callback(self, callback: Callable[[Any], object], /) -> object: ...


def traced(
    tracing: Tracing | None,
    destination: str,
    headers: Headers | None,
    sink: Ending,
    build: Callable[[Headers | None], Built],
    routing_key: str = "",
    properties: Mapping[str, Any] | None = None,
) -> Built:
    """Builds what is sent, within a span that ends with the sink."""
    if tracing is None:
        return build(headers)
    given, end = tracing.send(destination, headers, routing_key, properties or {})

    def ended(future: Any) -> None:
        if future.cancelled():
            return end(None, None)
        error = future.exception()
        return end(error, None if error is not None else future.result())

    try:
        built = build(given)
    except BaseException as error:
        end(error, None)
        raise
    sink.add_done_callback(ended)
    return built


def processing(
    tracing: Tracing | None, source: str | None, handler: Callable[[Item], Result], group: str | None = None
) -> Callable[[Item], Result]:
    """Returns the handler within a span. Without a `source` it is the topic of what is handled."""
    if tracing is None:
        return handler

    def handle(item: Item) -> Result:
        with _process(tracing, source, item, group):
            return handler(item)

    return handle


def processing_async(
    tracing: Tracing | None,
    source: str | None,
    handler: Callable[[Item], Awaitable[Result]],
    group: str | None = None,
) -> Callable[[Item], Awaitable[Result]]:
    """As `processing`, for a handler that is awaited."""
    if tracing is None:
        return handler

    async def handle(item: Item) -> Result:
        with _process(tracing, source, item, group):
            return await handler(item)

    return handle


def _process(tracing: Tracing, source: str | None, item: Any, group: str | None) -> AbstractContextManager[Any]:
    items: Sequence[Received] = item.records if isinstance(item, GroupBatch) else [item]
    return tracing.process(item.topic if source is None else source, items, group)
