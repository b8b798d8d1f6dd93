"""Namespaces and their quotas, with the root token."""

from __future__ import annotations

from typing import Literal

from .._core.calls import Call, Operation, given, json_body
from .._core.names import check_name
from .._core.typing import NotRequired, TypedDict
from .binding import Awaiting, Blocking, ask, awaiting, blocking, list_all


class RateQuotas(TypedDict, total=False):
    """None, or left out: no limit."""

    publish_per_s: float | None
    deliver_per_s: float | None
    connections: int | None


class Quotas(RateQuotas, total=False):
    queues: int | None
    topics: int | None
    partitions: int | None
    bindings: int | None
    groups: int | None
    stored_bytes: int | None


class Deletion(TypedDict):
    started_at: int
    freed: int
    left: int | None


class Namespace(TypedDict):
    namespace: str
    state: Literal["active", "deleting"]
    created_at: int
    quotas: Quotas
    use: NotRequired[dict[str, int | None]]
    """What there is now. Not in lists."""
    deletion: NotRequired[Deletion]


def put_namespace(namespace: str, *, quotas: Quotas | None = None) -> Operation[Namespace]:
    """Creates a namespace, or replaces the quotas of one that exists if quotas are given."""
    return (yield from ask(Namespace, Call("PUT", _path(namespace), body=json_body(given(quotas=quotas)), is_root=True)))


def get_namespace(namespace: str) -> Operation[Namespace]:
    """Returns a namespace. Raises PosthornError `namespace_not_found`."""
    return (yield from ask(Namespace, Call("GET", _path(namespace), is_root=True)))


def list_namespaces() -> Operation[list[Namespace]]:
    """Returns all namespaces, by name."""
    return (yield from list_all(Namespace, "/admin/v1/namespaces", "namespaces", is_root=True))


def change_namespace(namespace: str, *, quotas: Quotas) -> Operation[Namespace]:
    """Replaces the quotas of a namespace."""
    return (yield from ask(Namespace, Call("PATCH", _path(namespace), body=json_body({"quotas": quotas}), is_root=True)))


def delete_namespace(namespace: str, *, confirm: str) -> Operation[Namespace]:
    """Deletes a namespace with everything in it; `confirm` is its name again.

    Its objects are freed after the call; `get` raises `namespace_not_found` when all of them are.
    """
    return (yield from ask(Namespace, Call("DELETE", _path(namespace), query={"confirm": confirm}, is_root=True)))


def _path(namespace: str) -> str:
    return f"/admin/v1/namespaces/{check_name('namespace', namespace)}"


class Namespaces(Blocking):
    """Create, read, list, change and delete namespaces, with the root token."""

    put = blocking(put_namespace)
    get = blocking(get_namespace)
    list = blocking(list_namespaces)
    change = blocking(change_namespace)
    delete = blocking(delete_namespace)


class AsyncNamespaces(Awaiting):
    """Create, read, list, change and delete namespaces, with the root token."""

    put = awaiting(put_namespace)
    get = awaiting(get_namespace)
    list = awaiting(list_namespaces)
    change = awaiting(change_namespace)
    delete = awaiting(delete_namespace)
