"""Tracing with OpenTelemetry: spans by the semantic conventions for messaging.

A publish is the parent of what is made of its message, so that one trace goes from the producer over retries and dead
letters to the last handler. It needs `opentelemetry-api`: `pip install "posthorn[opentelemetry]"`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ._core.received import Received
from ._core.tracing import SpanEnd, Tracing
from ._core.values import Headers, header_pairs
from ._version import __version__
from .errors import PosthornError, invalid_argument

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanContext, TracerProvider

__all__ = ["Tracing", "open_telemetry"]

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")

_LINKS_MAX = 128
"""What an SDK keeps of one span by default."""

_TEXT_MAX = 255


def open_telemetry(url: str | None = None, *, tracer_provider: TracerProvider | None = None) -> Tracing:
    """Makes the tracing of a client: `Posthorn(url, tracing=open_telemetry(url))`.

    - `url`: the address of the broker, for the attributes `server.address` and `server.port`
    - `tracer_provider`: default: the global one

    Raises PosthornError `invalid_argument` if `opentelemetry-api` is not installed.
    """
    try:
        return _OpenTelemetry(url, tracer_provider)
    except ImportError as cause:
        raise invalid_argument('opentelemetry-api is not installed: pip install "posthorn[opentelemetry]"') from cause


class _OpenTelemetry:
    def __init__(self, url: str | None, provider: TracerProvider | None) -> None:
        from opentelemetry import propagate, trace

        self._trace = trace
        self._propagate = propagate
        # One of the API follows a provider that is set up later.
        self._tracer = trace.get_tracer("posthorn", __version__, provider)
        self._common: dict[str, Any] = {"messaging.system": "posthorn"}
        if url is not None:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            self._common |= {"server.address": parts.hostname or "", "server.port": port}

    def send(
        self, destination: str, headers: Headers | None, routing_key: str, properties: Mapping[str, Any]
    ) -> tuple[Headers | None, SpanEnd]:
        pairs = header_pairs(headers)
        created = self._creation(pairs)
        span = self._tracer.start_span(
            f"publish {destination or routing_key}",
            kind=self._trace.SpanKind.PRODUCER,
            attributes={
                **self._attributes("publish", "send", destination or routing_key),
                **_given("messaging.message.id", properties.get("message_id")),
                **_given("messaging.message.conversation_id", properties.get("correlation_id")),
                **_given("posthorn.routing_key", routing_key),
            },
            links=[self._trace.Link(created)] if created is not None else [],
        )

        def end(error: BaseException | None, place: Any) -> None:
            offset = getattr(place, "offset", None)
            if offset is not None:
                span.set_attribute("messaging.destination.partition.id", str(place.partition))
                span.set_attribute("posthorn.offset", offset)
            if error is not None:
                span.record_exception(error)
                span.set_attribute("error.type", error.code if isinstance(error, PosthornError) else type(error).__name__)
                span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, str(error)))
            span.end()

        # A message that has a context of its own keeps it.
        if created is not None or not span.get_span_context().is_valid:
            return headers, end
        return [*pairs, *self._injected(self._trace.set_span_in_context(span), span.get_span_context(), pairs)], end

    def process(self, source: str, items: Sequence[Received], group: str | None) -> AbstractContextManager[Any]:
        attributes = {**self._attributes("process", "process", source), **_given("messaging.consumer.group.name", group)}
        parent: Context | None = None
        links: list[Link] = []
        if len(items) == 1:
            attributes |= _attributes_of(items[0])
            parent = self._extracted(items[0].headers)
        else:
            # Of many messages none is the parent.
            attributes["messaging.batch.message_count"] = len(items)
            contexts = (self._creation(item.headers) for item in items[:_LINKS_MAX])
            links = [self._trace.Link(context) for context in contexts if context is not None]
        return self._tracer.start_as_current_span(
            f"process {source}", context=parent, kind=self._trace.SpanKind.CONSUMER, attributes=attributes, links=links
        )

    def _attributes(self, operation: str, kind: str, destination: str) -> dict[str, Any]:
        return {
            **self._common,
            "messaging.operation.name": operation,
            "messaging.operation.type": kind,
            "messaging.destination.name": destination,
        }

    def _injected(
        self, context: Context, created: SpanContext, own: Sequence[tuple[str, bytes | None]]
    ) -> list[tuple[str, bytes]]:
        """By the propagators of the application, and by the W3C's in any case."""
        carrier: dict[str, str] = {}
        self._propagate.inject(carrier, context)
        ids = f"{created.trace_id:032x}-{created.span_id:016x}"
        carrier.setdefault("traceparent", f"00-{ids}-{created.trace_flags & 255:02x}")
        state = created.trace_state.to_header()
        if state:
            carrier.setdefault("tracestate", state)
        taken = {name.lower() for name, _ in own}
        return [(name, text.encode()) for name, text in carrier.items() if name.lower() not in taken]

    def _extracted(self, headers: Sequence[tuple[str, bytes | None]]) -> Context:
        """The context in which a message was made, with the baggage that came with it."""
        from opentelemetry.context import Context

        carrier = {name: value.decode("utf-8", "replace") for name, value in reversed(headers) if value is not None}
        context = self._propagate.extract(carrier, Context())
        created = self._creation(headers)
        if created is None or self._trace.get_current_span(context).get_span_context().is_valid:
            return context
        return self._trace.set_span_in_context(self._trace.NonRecordingSpan(created), context)

    def _creation(self, headers: Sequence[tuple[str, bytes | None]]) -> SpanContext | None:
        """None if the message has no valid context."""
        text = next((value for name, value in headers if name == "traceparent" and value is not None), b"")
        match = _TRACEPARENT.fullmatch(text.decode("utf-8", "replace"))
        if match is None:
            return None
        trace_id, span_id, flags = (int(part, 16) for part in match.groups())
        return self._trace.SpanContext(trace_id, span_id, True, self._trace.TraceFlags(flags & 1))


def _attributes_of(item: Any) -> dict[str, Any]:
    """Of a message of a queue or a record of a topic."""
    properties: Mapping[str, Any] = getattr(item, "properties", None) or {}
    count = getattr(item, "delivery_count", None)
    attributes = {
        **_given("messaging.message.id", properties.get("message_id")),
        **_given("messaging.message.conversation_id", properties.get("correlation_id")),
    }
    if count is not None:
        return {**attributes, "posthorn.delivery_count": count}
    return {"messaging.destination.partition.id": str(item.partition), "posthorn.offset": item.offset}


def _given(name: str, text: object) -> dict[str, Any]:
    return {name: text[:_TEXT_MAX]} if isinstance(text, str) and text else {}
