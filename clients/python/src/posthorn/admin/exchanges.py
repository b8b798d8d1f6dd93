"""Exchanges: declare, read, list and delete them; bind and unbind."""

from __future__ import annotations

from typing import Any, Literal

from .._core.calls import Call, Operation, given, json_body
from .._core.names import check_exchange, check_name, check_wide_name, escaped, exchange_path
from .._core.typing import NotRequired, TypedDict, Unpack
from .._core.values import Headers, header_pairs, headers_text
from ..errors import invalid_argument
from .binding import (
    Awaiting,
    Blocking,
    JsonObject,
    Page,
    Pages,
    ask,
    awaiting,
    awaiting_pages,
    blocking,
    blocking_pages,
    delete,
    flag,
    list_all,
)

ExchangeType = Literal["direct", "fanout", "topic", "headers", "consistent-hash"]
ArgumentValue = str | int | float | bool | None


class ExchangeSettings(TypedDict, total=False):
    type: ExchangeType
    """How bindings are compared with messages. Default `direct`; it cannot change."""
    internal: bool
    """Takes messages from other exchanges only."""
    alternate_exchange: str | None
    """The exchange for messages that no binding takes; None, the default: they are dropped."""
    auto_delete: bool
    hash_header: str | None


class Exchange(TypedDict):
    exchange: str
    """`amq.default` stands for the default exchange."""
    type: ExchangeType
    internal: bool
    alternate_exchange: str | None
    auto_delete: bool
    hash_header: str | None
    predeclared: bool
    topology_version: NotRequired[int]
    """Not in lists."""


class Destination(TypedDict):
    kind: Literal["queue", "exchange", "topic"]
    name: str


class Binding(TypedDict):
    id: str
    """The same binding has the same id everywhere."""
    source: str
    destination: Destination
    routing_key: str
    arguments: dict[str, ArgumentValue]
    topology_version: NotRequired[int]


class NewBinding(TypedDict):
    """One of `bind_many`: a source and one of queue, exchange and topic."""

    source: str
    queue: NotRequired[str]
    exchange: NotRequired[str]
    topic: NotRequired[str]
    routing_key: NotRequired[str]
    arguments: NotRequired[dict[str, ArgumentValue]]


def declare_exchange(exchange: str, **settings: Unpack[ExchangeSettings]) -> Operation[Exchange]:
    """Creates an exchange, or checks that it has the given settings. Raises PosthornError `exchange_differs`."""
    return (yield from ask(Exchange, Call("PUT", exchange_path(exchange), body=json_body(settings))))


def get_exchange(exchange: str) -> Operation[Exchange]:
    """Returns the definition of an exchange. Raises PosthornError `exchange_not_found`."""
    return (yield from ask(Exchange, Call("GET", exchange_path(exchange))))


def list_exchanges() -> Operation[list[Exchange]]:
    """Returns all exchanges of the namespace, by name."""
    return (yield from list_all(Exchange, "/exchanges", "exchanges"))


def delete_exchange(exchange: str, *, if_unused: bool = False) -> Operation[None]:
    """Deletes an exchange and its bindings. Raises PosthornError `exchange_reserved`, `exchange_in_use`."""
    yield from delete(exchange_path(exchange), "exchange_not_found", if_unused=flag(if_unused))


def bind(
    source: str,
    *,
    queue: str | None = None,
    exchange: str | None = None,
    topic: str | None = None,
    routing_key: str | None = None,
    arguments: dict[str, ArgumentValue] | None = None,
) -> Operation[Binding]:
    """Binds a queue, a topic or another exchange to an exchange. The same binding made again is one.

    Raises PosthornError `queue_not_found`, `topic_not_found`, `too_many_bindings`, `exchange_reserved`.
    """
    fields = given(destination=_destination(queue, exchange, topic), routing_key=routing_key, arguments=arguments)
    return (yield from ask(Binding, Call("POST", f"{exchange_path(source)}/bindings", body=json_body(fields))))


def bind_many(bindings: list[NewBinding]) -> Operation[list[str]]:
    """Creates many bindings in one change of the topology: all or none, at most 5,000. Returns their ids, in order."""
    fields = [
        given(
            source=check_exchange(binding["source"]),
            destination=_destination(binding.get("queue"), binding.get("exchange"), binding.get("topic")),
            routing_key=binding.get("routing_key"),
            arguments=binding.get("arguments"),
        )
        for binding in bindings
    ]
    reply = yield from ask(JsonObject, Call("POST", "/bindings", body=json_body({"bindings": fields})))
    ids: list[str] = reply["ids"]
    return ids


def unbind(binding: Binding) -> Operation[None]:
    """Removes a binding that `bind` or `bindings` returned. Raises PosthornError `binding_not_found`."""
    path = f"{exchange_path(binding['source'])}/bindings/{check_name('binding', binding['id'])}"
    yield from delete(path, "binding_not_found")


def bindings(
    *,
    source: str | None = None,
    queue: str | None = None,
    exchange: str | None = None,
    topic: str | None = None,
) -> Pages[Binding]:
    """Iterates over the bindings from an exchange (`source`), or those to a queue, an exchange or a topic."""
    end: str | None = None
    if source is not None:
        path, end = f"{exchange_path(source)}/bindings", "source"
    else:
        to = _destination(queue, exchange, topic)
        path = f"/{to['kind']}s/{escaped(to['name'])}/bindings"
        end = "destination" if to["kind"] == "exchange" else None

    def page(after: str | None) -> Operation[Page[Binding]]:
        reply: dict[str, Any] = yield from ask(JsonObject, Call("GET", path, query={"end": end, "after": after}))
        return reply["bindings"], reply.get("next")

    return page


class Route(TypedDict):
    """Where an exchange would send a message."""

    destinations: list[Destination]
    """The queues and topics that would store it, each once; at most 1,000 are shown."""
    destination_count: int
    unroutable: bool
    """Nothing would store it."""
    steps: list[dict[str, Any]]
    """The exchanges that the message meets, in order: `exchange`, `by`, `from`, `matched`, `alternate`."""
    hidden_steps: int


def route_message(exchange: str, *, routing_key: str = "", headers: Headers | None = None) -> Operation[Route]:
    """Returns where the exchange would send a message, and how it would get there. Nothing is published."""
    given_headers = b"" if headers is None else b',"headers":' + headers_text(header_pairs(headers)).encode()
    content = json_body({"routing_key": routing_key})[:-1] + given_headers + b"}"
    return (yield from ask(Route, Call("POST", f"{exchange_path(exchange)}/route", body=content)))


def _destination(queue: str | None, exchange: str | None, topic: str | None) -> Destination:
    named: list[Destination] = []
    if queue is not None:
        named.append({"kind": "queue", "name": check_wide_name("queue", queue)})
    if exchange is not None:
        named.append({"kind": "exchange", "name": check_wide_name("exchange", exchange)})
    if topic is not None:
        named.append({"kind": "topic", "name": check_name("topic", topic)})
    if len(named) != 1:
        raise invalid_argument("a destination is one of queue, exchange and topic")
    return named[0]


class Exchanges(Blocking):
    """Declare, read, list and delete exchanges; bind and unbind."""

    declare = blocking(declare_exchange)
    get = blocking(get_exchange)
    list = blocking(list_exchanges)
    delete = blocking(delete_exchange)
    bind = blocking(bind)
    bind_many = blocking(bind_many)
    unbind = blocking(unbind)
    bindings = blocking_pages(bindings)
    route = blocking(route_message)


class AsyncExchanges(Awaiting):
    """Declare, read, list and delete exchanges; bind and unbind."""

    declare = awaiting(declare_exchange)
    get = awaiting(get_exchange)
    list = awaiting(list_exchanges)
    delete = awaiting(delete_exchange)
    bind = awaiting(bind)
    bind_many = awaiting(bind_many)
    unbind = awaiting(unbind)
    bindings = awaiting_pages(bindings)
    route = awaiting(route_message)
