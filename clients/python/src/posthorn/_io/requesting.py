"""Requesting and responding: a message is published, and the call answers with the reply to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from .._core.calls import Call, Operation
from .._core.json_text import read_reply, read_text_items
from .._core.limits import WAIT_MS_MAX, check_range
from .._core.message_batches import Destination, PendingMessage
from .._core.messages import MessageProperties, message_text
from .._core.names import exchange_path
from .._core.received import PeekedMessage
from .._core.values import Headers
from ..errors import PosthornError, invalid_argument
from .consuming import OnError
from .delivered import Delivered
from .publishing import Publishing

ERROR_HEADER = "posthorn-error"
"""The header of a reply that reports a failure: the name of the error."""

OnThrow = Literal["reply", "nack"]


def request_operation(
    body: object,
    queue: str | None,
    exchange: str | None,
    routing_key: str | None,
    headers: Headers | None,
    timeout_ms: int,
    properties: MessageProperties,
) -> Operation[PeekedMessage]:
    """Publishes a message and waits for the reply to it. It is not repeated: without a reply it may have been served."""
    check_range("timeout_ms", timeout_ms, 1, WAIT_MS_MAX)
    if "reply_to" in properties:
        raise invalid_argument("reply_to: a request sets it")
    if (queue is None) == (exchange is None):
        raise invalid_argument("give either queue or exchange")
    if queue is not None:
        exchange, routing_key = "", queue
    text = message_text(body, headers, properties, routing_key=routing_key or "")
    path = f"{exchange_path(exchange or '')}/requests"
    call = Call("POST", path, query={"wait_ms": timeout_ms}, body=text.encode(), wait_ms=timeout_ms, is_once=True)
    reply = yield call
    answer = PeekedMessage(read_reply(read_text_items(reply.content.decode())["reply"].encode(), "body"))
    kind = answer.header(ERROR_HEADER)
    if kind is None:
        return answer
    told = answer.json()
    why = str(told.get("message")) if isinstance(told, dict) else str(told)
    details = {"type": kind, "message": why}
    raise PosthornError("request_failed", f"the responder failed: {kind}: {why}", details=details)


def check_on_throw(on_throw: OnThrow) -> OnThrow:
    if on_throw not in ("reply", "nack"):
        raise invalid_argument('on_throw is "reply" or "nack"')
    return on_throw


def responder(
    handle: Callable[[Delivered], Awaitable[object]],
    publishing: Publishing,
    on_throw: OnThrow,
    on_error: OnError | None,
) -> Callable[[Delivered], Awaitable[object]]:
    """Returns a handler that replies to each request with what the function returns."""

    async def answer(message: Delivered) -> None:
        reply_to = message.properties.get("reply_to")
        headers: Headers | None = None
        try:
            body = await handle(message)
        except Exception as error:
            if on_throw == "nack" or reply_to is None:
                raise
            if on_error is not None:
                on_error(error, message)
            body, headers = {"message": str(error)}, {ERROR_HEADER: type(error).__name__}
        if message.is_settled or reply_to is None:
            return
        properties: MessageProperties = {}
        if "correlation_id" in message.properties:
            properties["correlation_id"] = message.properties["correlation_id"]
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            pending = PendingMessage(body, headers, properties, future, routing_key=reply_to, mandatory=True)
            publishing.accept(Destination("exchange", ""), pending)
            await future
        except PosthornError as error:
            # No caller waits any more, or the result cannot be sent. Repeating the request would not help.
            if error.retryable:
                raise
            if on_error is not None:
                on_error(error, message)

    return answer
