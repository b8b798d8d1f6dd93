"""Hooks: addresses that store webhooks of other services, each verified by its signature."""

from __future__ import annotations

from typing import Literal

from .._core.calls import Call, Operation, json_body
from .._core.names import check_name
from .._core.typing import NotRequired, TypedDict
from .binding import Awaiting, Blocking, ask, awaiting, blocking, delete, list_all
from .subscriptions import KEEP

HookScheme = Literal["github", "stripe", "standard", "hmac"]


class HookTarget(TypedDict):
    """One of `queue`, `topic` (with `key`) and `exchange` (with `routing_key`)."""

    queue: NotRequired[str]
    topic: NotRequired[str]
    key: NotRequired[Literal["none", "id", "type"]]
    exchange: NotRequired[str]
    routing_key: NotRequired[str]


class HookSignature(TypedDict):
    header: str
    prefix: NotRequired[str]
    hash: NotRequired[Literal["sha256", "sha1", "sha512"]]
    encoding: NotRequired[Literal["hex", "base64"]]
    signed: NotRequired[str]
    """Text with `{body}`, `{timestamp}` and `{id}` in it."""
    timestamp_header: NotRequired[str]
    id_header: NotRequired[str]
    type_header: NotRequired[str]


class Hook(TypedDict):
    hook: str
    target: HookTarget
    scheme: HookScheme
    signature: NotRequired[HookSignature]
    tolerance_s: int
    headers: list[str]
    has_next_secret: bool
    path: NotRequired[str]
    """Where senders send to, on the address of the broker. Not in lists."""
    secret: NotRequired[str]
    """Only in the reply to the call that made it."""
    topology_version: NotRequired[int]
    """Not in lists."""


def put_hook(
    hook: str,
    *,
    target: HookTarget,
    scheme: HookScheme,
    signature: HookSignature | None = None,
    tolerance_s: int = 300,
    headers: list[str] | None = None,
    secret: str | None = None,
    next_secret: str | None = KEEP,
) -> Operation[Hook]:
    """Creates a hook, or replaces it. A secret that is made for it is in the result of this call only.

    Raises PosthornError `invalid_field`, `queue_not_found`, `topic_not_found`, `exchange_not_found`, `too_many_hooks`.
    """
    fields: dict[str, object] = {
        "target": target,
        "scheme": scheme,
        "tolerance_s": tolerance_s,
        "headers": headers or [],
    }
    if signature is not None:
        fields["signature"] = signature
    if secret is not None:
        fields["secret"] = secret
    if next_secret != KEEP:
        fields["next_secret"] = next_secret
    return (yield from ask(Hook, Call("PUT", _path(hook), body=json_body(fields))))


def get_hook(hook: str) -> Operation[Hook]:
    """Returns a hook without its secrets. Raises PosthornError `hook_not_found`."""
    return (yield from ask(Hook, Call("GET", _path(hook))))


def list_hooks() -> Operation[list[Hook]]:
    """Returns all hooks of the namespace, by name."""
    return (yield from list_all(Hook, "/hooks", "hooks"))


def delete_hook(hook: str) -> Operation[None]:
    """Deletes a hook. Within 5 s nothing is taken at its address any more."""
    yield from delete(_path(hook), "hook_not_found")


def _path(hook: str) -> str:
    return f"/hooks/{check_name('hook', hook)}"


class Hooks(Blocking):
    """Put, read, list and delete hooks: addresses that store webhooks of other services."""

    put = blocking(put_hook)
    get = blocking(get_hook)
    list = blocking(list_hooks)
    delete = blocking(delete_hook)


class AsyncHooks(Awaiting):
    """Put, read, list and delete hooks: addresses that store webhooks of other services."""

    put = awaiting(put_hook)
    get = awaiting(get_hook)
    list = awaiting(list_hooks)
    delete = awaiting(delete_hook)
