"""Tracing with the real API and SDK of OpenTelemetry: one trace from the producer to the last handler."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from broker import until
from posthorn import AsyncPosthorn, OutgoingRecord, Posthorn, PosthornError
from posthorn.tracing import open_telemetry

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
tracer = provider.get_tracer("test")

OWN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(autouse=True)
def empty() -> None:
    exporter.clear()


@pytest.fixture
def traced(url: str) -> Iterator[Posthorn]:
    with Posthorn(url, tracing=open_telemetry(url, tracer_provider=provider)) as client:
        yield client


def spans(name: str, count: int = 1) -> list[ReadableSpan]:
    def named() -> list[ReadableSpan]:
        return [span for span in exporter.get_finished_spans() if span.name == name]

    until(f"{count} spans {name}", lambda: len(named()) >= count)
    assert len(named()) == count
    return named()


def span_of(name: str) -> ReadableSpan:
    return spans(name)[0]


def context_of(span: ReadableSpan) -> Any:
    assert span.context is not None
    return span.context


def test_makes_one_trace_of_a_publish_and_its_handling(traced: Posthorn, name: str) -> None:
    traced.queues.declare(name)
    handled: Future[Any] = Future()
    with traced.publisher() as publisher:
        publisher.send_to_queue(name, 1, message_id="m1", correlation_id="c1").result()
    with traced.consumer(name, lambda _: handled.set_result(trace.get_current_span().get_span_context())):
        active = handled.result(timeout=10)
    publish, process = span_of(f"publish {name}"), span_of(f"process {name}")
    assert (publish.kind, process.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert process.parent is not None
    assert process.parent.span_id == context_of(publish).span_id
    assert context_of(process).trace_id == context_of(publish).trace_id
    assert active.span_id == context_of(process).span_id
    expected = {
        "messaging.system": "posthorn",
        "messaging.destination.name": name,
        "server.address": "127.0.0.1",
        "messaging.message.id": "m1",
        "messaging.message.conversation_id": "c1",
    }
    for span, operation, kind in ((publish, "publish", "send"), (process, "process", "process")):
        assert span.attributes is not None
        assert expected.items() <= span.attributes.items()
        assert span.attributes["messaging.operation.name"] == operation
        assert span.attributes["messaging.operation.type"] == kind
    assert process.attributes is not None
    assert process.attributes["posthorn.delivery_count"] == 1


def test_belongs_to_the_active_span_and_keeps_a_context_of_the_message(traced: Posthorn, name: str) -> None:
    traced.queues.declare(name)
    with traced.publisher() as publisher, tracer.start_as_current_span("request") as request:
        publisher.send_to_queue(name, 1).result()
        publisher.publish("amq.default", 2, routing_key=name, headers={"traceparent": OWN}).result()
    [first] = spans(f"publish {name}")
    [second] = spans("publish amq.default")
    assert first.parent is not None
    assert first.parent.span_id == request.get_span_context().span_id
    assert [f"{link.context.trace_id:032x}" for link in second.links] == [OWN.split("-")[1]]
    bodies = {message.json(): message.header("traceparent") for message in traced.queues.peek(name, max=5)}
    assert bodies[2] == OWN
    assert bodies[1] is not None
    assert bodies[1].startswith(f"00-{context_of(first).trace_id:032x}-{context_of(first).span_id:016x}-")


def test_follows_records_to_the_handlers_of_groups(traced: Posthorn, name: str) -> None:
    traced.topics.declare(name, partitions=1)
    with traced.producer() as producer:
        receipt = producer.send(name, 1).result()
        producer.send_batch(name, [])
    handled: Future[None] = Future()
    with traced.group_consumer(name, [name], each_batch=lambda _: handled.set_result(None)):
        handled.result(timeout=20)
    publish, process = span_of(f"publish {name}"), span_of(f"process {name}")
    assert process.parent is not None
    assert process.parent.span_id == context_of(publish).span_id
    assert publish.attributes is not None
    assert publish.attributes["posthorn.offset"] == receipt.offset
    assert process.attributes is not None
    assert process.attributes["messaging.consumer.group.name"] == name
    assert process.attributes["messaging.destination.partition.id"] == "0"


async def test_traces_what_is_awaited(url: str, name: str) -> None:
    async with AsyncPosthorn(url, tracing=open_telemetry(url, tracer_provider=provider)) as client:
        await client.topics.declare(name, partitions=1)
        async with client.producer() as producer:
            await producer.send_batch(name, [OutgoingRecord(1), OutgoingRecord(2)])
        await client.queues.declare(name)
        async with client.publisher() as publisher:
            await publisher.send_to_queue(name, 1)

        begun = asyncio.Event()

        async def handle(_: Any) -> None:
            begun.set()
            raise TypeError("poisoned")

        async with client.consumer(name, handle, on_error=lambda *_: None):
            await begun.wait()
    assert len(spans(f"publish {name}", 3)) == 3
    assert exporter_has_error(f"process {name}")


def exporter_has_error(name: str) -> bool:
    first = next(span for span in exporter.get_finished_spans() if span.name == name)
    return first.status.status_code is StatusCode.ERROR


def test_tells_what_failed(traced: Posthorn, name: str) -> None:
    publisher = traced.publisher()
    with pytest.raises(PosthornError):
        publisher.send_to_queue(name, 1).result()
    with pytest.raises(PosthornError):
        publisher.send_to_queue(name, object())
    publisher.close()
    failed = spans(f"publish {name}", 2)
    assert {span.status.status_code for span in failed} == {StatusCode.ERROR}
    kinds = {span.attributes["error.type"] for span in failed if span.attributes is not None}
    assert kinds == {"queue_not_found", "invalid_argument"}


def test_ignores_a_context_that_is_not_valid(traced: Posthorn, name: str) -> None:
    traced.queues.declare(name)
    handled: Future[None] = Future()
    with traced.publisher() as publisher:
        publisher.send_to_queue(name, 1, headers={"traceparent": "00-0-0-01"}).result()
    with traced.consumer(name, lambda _: handled.set_result(None)):
        handled.result(timeout=10)
    assert span_of(f"publish {name}").links == ()
    assert span_of(f"process {name}").parent is None


def test_needs_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PosthornError, match=r"posthorn\[opentelemetry\]"):
        open_telemetry()
