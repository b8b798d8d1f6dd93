"""Settlements: what a consumer does to delivered messages, as the JSON of one request."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import PosthornError
from .limits import ERROR_MESSAGE_LENGTH_MAX, ERROR_STACK_LENGTH_MAX, ERROR_TYPE_LENGTH_MAX

Kind = Literal["ack", "nack", "reject", "release", "extend"]

KINDS: tuple[Kind, ...] = ("ack", "nack", "reject", "release", "extend")
"""In the order of results."""

REFUSALS = {"unknown_tag", "already_settled", "lease_expired", "not_yours", "invalid"}
"""Outcomes that have changed nothing."""


@dataclass(frozen=True)
class Settlement:
    kind: Kind
    tag: str
    fields: dict[str, Any]
    """What it says beside its kind."""


def settle_fields(settlements: list[Settlement], consumer_id: str) -> tuple[dict[str, Any], list[int]]:
    """Returns the fields of a request, and for each result the index of its settlement."""
    fields: dict[str, Any] = {"consumer_id": consumer_id}
    order: list[int] = []
    for kind in KINDS:
        chosen = [(index, each) for index, each in enumerate(settlements) if each.kind == kind]
        if not chosen:
            continue
        order.extend(index for index, _ in chosen)
        if kind in ("ack", "release"):
            fields[kind] = [each.tag for _, each in chosen]
        else:
            fields[kind] = [{"tag": each.tag, **each.fields} for _, each in chosen]
    return fields, order


def refusal_of(settlement: Settlement, outcome: str, is_repeated: bool) -> PosthornError | None:
    """Returns None where it was done. After a lost reply a settlement may find itself done."""
    if outcome not in REFUSALS or (is_repeated and outcome == "already_settled"):
        return None
    text = f"{settlement.kind} of message {settlement.tag}: {outcome}"
    return PosthornError("settlement_refused", text, details={"outcome": outcome})


def error_fields(error: BaseException | str | None) -> dict[str, Any]:
    """Returns the error of a nack or reject: an exception with its traceback, or text."""
    if error is None:
        return {}
    if isinstance(error, BaseException):
        stack = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        fields = {
            "type": type(error).__name__[:ERROR_TYPE_LENGTH_MAX],
            "message": cut(str(error), ERROR_MESSAGE_LENGTH_MAX),
            # The end of a Python traceback says most.
            "stack_trace": sendable(stack[-ERROR_STACK_LENGTH_MAX:]),
        }
    else:
        fields = {"message": cut(error, ERROR_MESSAGE_LENGTH_MAX)}
    return {"error": fields}


def cut(text: str, most: int) -> str:
    return sendable(text if len(text) <= most else text[: most - 1] + "…")


def sendable(text: str) -> str:
    """Returns the text without halves of surrogate pairs, which no UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()
