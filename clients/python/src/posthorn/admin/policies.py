"""Policies: settings for all queues whose names match a pattern."""

from __future__ import annotations

from .._core.calls import Call, Operation, json_body
from .._core.names import check_name
from .._core.typing import NotRequired, TypedDict
from .binding import Awaiting, Blocking, ask, awaiting, blocking, delete, list_all
from .queue_types import QueueChange


class RuleProgress(TypedDict):
    """How far a rule has come on its way to the queues: there may be many."""

    queues_checked: int
    queues_total: int
    done: bool


class Policy(TypedDict):
    policy: str
    pattern: str
    priority: int
    definition: QueueChange
    progress: NotRequired[RuleProgress]
    """Not in lists."""
    warnings: NotRequired[list[str]]
    topology_version: NotRequired[int]


def put_policy(policy: str, *, pattern: str, definition: QueueChange, priority: int = 0) -> Operation[Policy]:
    """Creates a policy, or replaces it.

    `pattern`: names of queues; `*` stands for any characters, `?` for any one. Of several that match only the one with the
    highest priority applies.
    """
    fields = {"pattern": pattern, "priority": priority, "definition": definition}
    return (yield from ask(Policy, Call("PUT", _path(policy), body=json_body(fields))))


def get_policy(policy: str) -> Operation[Policy]:
    """Returns a policy. Raises PosthornError `policy_not_found`."""
    return (yield from ask(Policy, Call("GET", _path(policy))))


def list_policies() -> Operation[list[Policy]]:
    """Returns all policies of the namespace, by name."""
    return (yield from list_all(Policy, "/policies", "policies"))


def delete_policy(policy: str) -> Operation[None]:
    """Deletes a policy. Its queues return to their own settings."""
    yield from delete(_path(policy), "policy_not_found")


def _path(policy: str) -> str:
    return f"/policies/{check_name('policy', policy)}"


class Policies(Blocking):
    """Put, read, list and delete policies: settings for many queues."""

    put = blocking(put_policy)
    get = blocking(get_policy)
    list = blocking(list_policies)
    delete = blocking(delete_policy)


class AsyncPolicies(Awaiting):
    """Put, read, list and delete policies: settings for many queues."""

    put = awaiting(put_policy)
    get = awaiting(get_policy)
    list = awaiting(list_policies)
    delete = awaiting(delete_policy)
