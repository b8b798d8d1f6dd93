"""Definitions: everything that is declared in a namespace, as one document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from .._core.calls import Call, Operation, json_body
from .._core.typing import NotRequired, TypedDict
from .binding import Awaiting, Blocking, JsonObject, ask, awaiting, blocking, flag

_PATH = "/definitions"


class DefinitionStep(TypedDict):
    action: Literal["create", "change", "delete"]
    kind: str
    name: str
    """Of a binding: what it connects, as text."""
    fields: NotRequired[dict[str, dict[str, Any]]]
    """Of a change: what each field that differs `is`, and what is `wanted`. A value that is absent is the default."""
    secret: NotRequired[str]
    """The secret that was made for it. No other reply shows it."""


class LeftOut(TypedDict):
    kind: str
    """The member of the document that has it."""
    name: str
    reason: str


class DefinitionsPlan(TypedDict):
    dry_run: bool
    steps: list[DefinitionStep]
    """What is created, changed and deleted, in that order."""
    unchanged: int
    """Entries of the document that are there as they shall be."""
    problem: NotRequired[dict[str, str]]
    """Of a plan: the first step that would be refused, and all others with it."""
    left_out: NotRequired[list[LeftOut]]
    """Of a definitions file of RabbitMQ: entries that have no counterpart, and why."""
    topology_version: int
    """For `if_version`."""


def export_definitions(*, kinds: Iterable[str] | None = None) -> Operation[JsonObject]:
    """Returns everything that is declared in the namespace as it is at one moment, without secrets.

    - `kinds`: the members of the document, such as `queues` and `bindings`; default all

    Raises PosthornError `definitions_too_large`.
    """
    query = {"kinds": None if kinds is None else ",".join(kinds)}
    return (yield from ask(JsonObject, Call("GET", _PATH, query=query)))


def plan_definitions(document: Mapping[str, Any], *, prune: bool = False) -> Operation[DefinitionsPlan]:
    """Returns what `apply` would do, and changes nothing.

    - `prune`: also delete what the document does not have, of the kinds that it has
    """
    query = {"dry_run": "true", "prune": flag(prune)}
    return (yield from ask(DefinitionsPlan, Call("PUT", _PATH, query=query, body=json_body(document))))


def apply_definitions(
    document: Mapping[str, Any], *, prune: bool = False, if_version: int | None = None
) -> Operation[DefinitionsPlan]:
    """Creates and changes what the document says. A setting that it leaves out returns to its default.

    All is done, or nothing is, but for queues that are deleted: they follow one by one.

    - `prune`: also delete what the document does not have, of the kinds that it has
    - `if_version`: `topology_version` of a plan; if a definition has changed since, nothing is changed. That is the
      answer, too, if a first attempt was applied and its reply was lost: a new plan has no steps then

    Raises PosthornError `definitions_changed`, `definitions_incomplete`, and the codes of the declarations.
    """
    query = {"prune": flag(prune), "if_version": if_version}
    return (yield from ask(DefinitionsPlan, Call("PUT", _PATH, query=query, body=json_body(document))))


class Definitions(Blocking):
    """Export everything that is declared as one document, plan what a document would change, and apply it."""

    export = blocking(export_definitions)
    plan = blocking(plan_definitions)
    apply = blocking(apply_definitions)


class AsyncDefinitions(Awaiting):
    """Export everything that is declared as one document, plan what a document would change, and apply it."""

    export = awaiting(export_definitions)
    plan = awaiting(plan_definitions)
    apply = awaiting(apply_definitions)
