"""Request and reply."""

from __future__ import annotations

import pytest

from posthorn import AsyncMessage, AsyncPosthorn, Message, Posthorn, PosthornError


def test_replies_with_what_the_handler_returns(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    errors: list[BaseException] = []

    def price(message: Message) -> object:
        if message.json() == "coffee":
            raise KeyError("coffee")
        return {"item": message.json(), "price": 3.0}

    with posthorn.respond(name, price, on_error=lambda error, _: errors.append(error)):
        answer = posthorn.request("tea", queue=name, correlation_id="c")
        assert answer.text() == '{"item":"tea","price":3.0}'
        assert answer.properties["correlation_id"] == "c"
        with pytest.raises(PosthornError) as failed:
            posthorn.request("coffee", exchange="", routing_key=name)
    assert failed.value.code == "request_failed"
    assert failed.value.details == {"type": "KeyError", "message": "'coffee'"}
    assert [type(error) for error in errors] == [KeyError]
    assert posthorn.queues.get(name)["state"]["ready"] == 0


def test_says_that_nobody_replied(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    with pytest.raises(PosthornError) as late:
        posthorn.request(1, queue=name, timeout_ms=50)
    assert late.value.code == "no_reply"
    with pytest.raises(PosthornError) as unroutable:
        posthorn.request(1, queue=f"{name}-none")
    assert unroutable.value.code == "unroutable"
    with pytest.raises(PosthornError, match="either queue or exchange"):
        posthorn.request(1)
    with pytest.raises(PosthornError, match="reply_to"):
        posthorn.request(1, queue=name, reply_to="me")


def test_tries_a_request_again_if_told_so(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name, retry={"schedule_ms": [0]})
    attempts: list[int] = []

    def answer(message: Message) -> object:
        attempts.append(message.delivery_count)
        if len(attempts) == 1:
            raise ValueError
        return b"\x00"

    with posthorn.respond(name, answer, on_throw="nack"):
        assert posthorn.request(None, queue=name).body == b"\x00"
    assert attempts == [1, 2]


async def test_requests_and_replies_in_asyncio(url: str, name: str) -> None:
    async with AsyncPosthorn(url) as posthorn:
        await posthorn.queues.declare(name)

        async def answer(message: AsyncMessage) -> object:
            return message.json() + 1

        async with posthorn.respond(name, answer):
            assert (await posthorn.request(1, queue=name)).json() == 2
