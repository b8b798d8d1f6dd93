"""Dead letters: listed, read, sent back, replayed, exported and purged."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from posthorn import AsyncPosthorn, Posthorn, PosthornError, Replay


def bury(posthorn: Posthorn, queue: str, count: int) -> None:
    posthorn.queues.declare(queue)
    with posthorn.publisher() as publisher:
        for number in range(count):
            publisher.send_to_queue(queue, {"n": number, "exact": 1.0}, headers={"h": str(number)})
    left = count
    for message in posthorn.messages(queue):
        message.reject(ValueError("odd") if message.json()["n"] % 2 else KeyError("even")).result()
        left -= 1
        if left == 0:
            break


def test_lists_dead_letters_with_their_errors(posthorn: Posthorn, name: str) -> None:
    bury(posthorn, name, 5)
    dead = list(posthorn.dead_letters.list(name))
    assert [each.original_message.json()["n"] for each in dead] == list(range(5))
    assert dead[0].original_message.text() == '{"n":0,"exact":1.0}'
    assert dead[3].original_message.header("h") == "3"
    assert dead[1].error["type"] == "ValueError"
    odd = list(posthorn.dead_letters.list(name, {"error_type": "ValueError"}))
    assert [each.original_message.json()["n"] for each in odd] == [1, 3]
    since = datetime.now(timezone.utc) + timedelta(hours=1)
    assert list(posthorn.dead_letters.list(name, {"since": since})) == []
    assert posthorn.dead_letters.get(name, dead[2].id).original_message.body == b'{"n":2,"exact":1.0}'
    with pytest.raises(PosthornError) as missing:
        posthorn.dead_letters.get(name, "9-9")
    assert missing.value.status in (400, 404)


def test_exports_the_text_of_each(posthorn: Posthorn, name: str) -> None:
    bury(posthorn, name, 2)
    lines = list(posthorn.dead_letters.export(name))
    assert len(lines) == 2
    assert '"exact":1.0' in lines[0]
    assert "\n" not in lines[0]


def test_sends_one_back_as_it_was_or_changed(posthorn: Posthorn, name: str) -> None:
    bury(posthorn, name, 2)
    first, second = posthorn.dead_letters.list(name)
    posthorn.dead_letters.resend(name, first.id)
    posthorn.dead_letters.resend(name, second.id, body={"n": "mended"}, priority=0)
    messages = posthorn.queues.peek(name)
    assert [message.json()["n"] for message in messages] == [0, "mended"]
    assert messages[1].header("h") == "1"


def test_replays_what_matches_and_says_how_far_it_is(posthorn: Posthorn, name: str) -> None:
    bury(posthorn, name, 6)
    posthorn.queues.declare(f"{name}-other")
    assert posthorn.dead_letters.dry_run(name, filter={"error_type": "KeyError"})["would_replay"] == 3
    told: list[Replay] = []
    done = posthorn.dead_letters.replay(
        name, filter={"error_type": "KeyError"}, to={"queue": f"{name}-other"}, on_progress=told.append
    )
    assert (done["state"], done["moved"]) == ("done", 3)
    assert told[-1] == done
    assert len(posthorn.queues.peek(f"{name}-other")) == 3
    assert [replay["id"] for replay in posthorn.dead_letters.replays(name)] == [done["id"]]
    ids = [dead.id for dead in posthorn.dead_letters.list(name)][:1]
    assert posthorn.dead_letters.replay(name, ids=ids)["moved"] == 1
    assert posthorn.dead_letters.purge(name) == 2
    with pytest.raises(PosthornError, match="ids"):
        posthorn.dead_letters.replay(name, ids=[])


def test_cancels_a_replay(posthorn: Posthorn, name: str) -> None:
    bury(posthorn, name, 5)
    replay = posthorn.dead_letters.begin_replay(name, rate_per_s=1)
    assert posthorn.dead_letters.cancel(name, replay["id"])["state"] == "cancelled"
    assert posthorn.dead_letters.get_replay(name, replay["id"])["state"] == "cancelled"


async def test_has_the_same_calls_for_asyncio(posthorn: Posthorn, url: str, name: str) -> None:
    bury(posthorn, name, 2)
    async with AsyncPosthorn(url) as client:
        assert len([dead async for dead in client.dead_letters.list(name)]) == 2
        assert (await client.dead_letters.replay(name, limit=1))["moved"] == 1
        assert await client.dead_letters.purge(name) == 1
