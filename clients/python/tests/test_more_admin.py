"""Administration: policies, alerts, limits, schedules, share groups, single messages, tokens and namespaces."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from broker import Broker, until
from posthorn import AsyncPosthorn, Posthorn, PosthornError


def test_puts_and_deletes_policies(posthorn: Posthorn, name: str) -> None:
    policy = posthorn.policies.put(name, pattern=f"{name}*", definition={"max_length": 5}, priority=2)
    assert policy["definition"] == {"max_length": 5}
    assert posthorn.policies.get(name)["priority"] == 2
    assert name in [each["policy"] for each in posthorn.policies.list()]
    posthorn.policies.delete(name)
    with pytest.raises(PosthornError, match=name):
        posthorn.policies.get(name)


def test_puts_and_deletes_alerts(posthorn: Posthorn, name: str) -> None:
    url = "https://example.com/alerts"
    alert = posthorn.alerts.put(name, pattern=name, metric="depth", threshold=10, webhook_url=url)
    assert alert["webhook"]["secret"].startswith("whsec_")
    assert "secret" not in posthorn.alerts.get(name)["webhook"]
    assert name in [each["alert"] for each in posthorn.alerts.list()]
    posthorn.alerts.delete(name)


def test_reads_and_sets_limits(posthorn: Posthorn) -> None:
    assert posthorn.limits.get()["rows_written_per_hour"] is None
    assert posthorn.limits.set(rows_written_per_hour=1_000_000_000)["is_exceeded"] is False
    assert posthorn.limits.set(rows_written_per_hour=None)["rows_written_per_hour"] is None


def test_exports_plans_and_applies_definitions(posthorn: Posthorn, name: str) -> None:
    document = {
        "posthorn": 1,
        "queues": [{"queue": name, "lease_ms": 5_000}],
        "bindings": [{"source": "amq.topic", "destination": {"kind": "queue", "name": name}, "routing_key": name}],
    }
    plan = posthorn.definitions.plan(document)
    assert [(step["action"], step["kind"]) for step in plan["steps"]] == [("create", "queue"), ("create", "binding")]
    assert name not in [each["queue"] for each in posthorn.queues.list()]
    applied = posthorn.definitions.apply(document, if_version=plan["topology_version"])
    assert applied["steps"] == plan["steps"]
    exported = posthorn.definitions.export(kinds=["queues", "bindings"])
    assert set(exported) == {"posthorn", "queues", "bindings"}
    assert {"queue": name, "lease_ms": 5_000} in exported["queues"]
    with pytest.raises(PosthornError) as caught:
        posthorn.definitions.apply(document, prune=True, if_version=plan["topology_version"])
    assert caught.value.code == "definitions_changed"
    left = [each for each in exported["queues"] if each["queue"] != name]
    rest = [each for each in exported["bindings"] if each["destination"]["name"] != name]
    pruned = posthorn.definitions.plan({"posthorn": 1, "queues": left, "bindings": rest}, prune=True)
    assert {"action": "delete", "kind": "queue", "name": name} in pruned["steps"]
    posthorn.queues.delete(name)


def test_tells_how_a_namespace_does(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    assert posthorn.overview.get(limit=5)["totals"]["queues"] >= 1


def test_sends_events(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    event = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.created", "data": {"total": 12}}
    posthorn.events.send([event, {**event, "id": "2"}], queue=name)
    assert [message.json() for message in posthorn.queues.peek(name, max=5)] == [{"total": 12}] * 2
    with pytest.raises(PosthornError, match="specversion"):
        posthorn.events.send([{**event, "specversion": "2"}], queue=name)


def test_puts_triggers_and_deletes_schedules(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    ends = datetime.now(timezone.utc) + timedelta(days=1)
    schedule = posthorn.schedules.put(
        name, "@hourly", target={"queue": name}, body={"n": 1}, headers={"h": "v"}, ends_at=ends, type="report"
    )
    assert schedule["ends_at"] == round(ends.timestamp() * 1_000)
    assert posthorn.schedules.trigger(name)["outcome"] == "published"
    [message] = posthorn.queues.peek(name)
    assert (message.json(), message.header("h"), message.properties["type"]) == ({"n": 1}, "v", "report")
    assert posthorn.schedules.pause(name)["is_paused"]
    assert not posthorn.schedules.resume(name)["is_paused"]
    assert posthorn.schedules.get(name)["state"]["last"] is not None
    assert name in [each["schedule"] for each in posthorn.schedules.list()]
    posthorn.schedules.delete(name)


def test_puts_pauses_and_deletes_subscriptions(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    put = posthorn.subscriptions.put(name, queue=name, url="http://127.0.0.1:9/hook", reply_timeout_ms=500)
    assert put["secret"].startswith("whsec_")
    assert "secret" not in posthorn.subscriptions.get(name)
    assert posthorn.subscriptions.pause(name)["pause_reason"] == "asked"
    assert posthorn.subscriptions.test(name)["outcome"] == "failed"
    [attempt] = posthorn.subscriptions.attempts(name, only_failed=True)
    assert attempt["status"] is None
    assert not posthorn.subscriptions.resume(name)["is_paused"]
    assert name in [each["subscription"] for each in posthorn.subscriptions.list()]
    posthorn.subscriptions.delete(name)


def test_puts_and_deletes_hooks(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    put = posthorn.hooks.put(name, target={"queue": name}, scheme="standard", headers=["x-a"])
    assert put["secret"].startswith("whsec_")
    got = posthorn.hooks.get(name)
    assert "secret" not in got
    assert (got["tolerance_s"], got["headers"], got["has_next_secret"]) == (300, ["x-a"], False)
    assert posthorn.hooks.put(name, target={"queue": name}, scheme="github", next_secret="the next one")["has_next_secret"]
    assert name in [each["hook"] for each in posthorn.hooks.list()]
    posthorn.hooks.delete(name)


def test_shares_records_among_members(posthorn: Posthorn, name: str) -> None:
    posthorn.topics.declare(name)
    with posthorn.producer() as producer:
        for number in range(4):
            producer.send(name, number)
    assert posthorn.share_groups.put(name, [name], delivery_limit=3)["delivery_limit"] == 3
    records = posthorn.share_groups.acquire(name, "worker-1", wait_ms=5_000)
    assert [record.json() for record in records] == [0, 1, 2, 3]
    assert posthorn.share_groups.acquire(name, "worker-2") == []
    tags = [record.acquisition_tag for record in records]
    results = posthorn.share_groups.acknowledge(
        name, accept=tags[:1], release=tags[1:2], reject=tags[2:3], extend={tags[3]: 60_000}
    )
    assert [result["outcome"] for result in results] == ["accepted", "released", "archived", "extended"]
    [again] = posthorn.share_groups.acquire(name, "worker-2", wait_ms=5_000)
    assert (again.offset, again.delivery_count) == (1, 2)
    assert posthorn.share_groups.describe(name)["partitions"][0]["in_flight"] == 2
    assert name in [each["share_group"] for each in posthorn.share_groups.list()]
    posthorn.share_groups.delete(name)


def test_lists_cancels_and_runs_single_messages(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    with posthorn.publisher() as publisher:
        publisher.send_to_queue(name, {"n": 1.0}, message_id="now")
        publisher.send_to_queue(name, 2, delay_ms=3_600_000, message_id="later")
    held = {each.message.properties["message_id"]: each for each in posthorn.queue_messages.list(name)}
    assert held["now"].message.text() == '{"n":1.0}'
    assert (held["now"].state, held["later"].state) == ("ready", "delayed")
    assert held["later"].due_at is not None
    assert posthorn.queue_messages.get(name, held["now"].id).message.body == b'{"n":1.0}'
    assert posthorn.queue_messages.run_now(name, held["later"].id)["outcome"] == "ready"
    assert posthorn.queue_messages.cancel(name, held["now"].id, dead_letter=True, reason="why")["outcome"] == "dead_lettered"
    until("it is dead", lambda: [each.error["message"] for each in posthorn.dead_letters.list(name)] == ["why"])
    [left] = posthorn.queue_messages.list(name, state="ready")
    assert left.message.json() == 2
    assert list(posthorn.queue_messages.list(name, message_id="now")) == []


def test_moves_messages_from_queue_to_queue(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    posthorn.queues.declare(f"{name}-to")
    with posthorn.publisher() as publisher:
        for number in range(4):
            publisher.send_to_queue(name, number, ordering_key=f"k{number % 2}")
    assert posthorn.moves.dry_run(name, f"{name}-to", filter={"ordering_key": "k1"})["would_move"] == 2
    assert posthorn.moves.run(name, f"{name}-to", filter={"ordering_key": "k1"})["moved"] == 2
    until("they are there", lambda: [each.json() for each in posthorn.queues.peek(f"{name}-to")] == [1, 3])
    slow = posthorn.moves.begin(name, f"{name}-to", rate_per_s=1)
    assert posthorn.moves.cancel(name, slow["id"])["state"] == "cancelled"
    assert posthorn.moves.get(name, slow["id"])["state"] == "cancelled"
    assert len(posthorn.moves.list(name)) == 2
    with pytest.raises(PosthornError, match="ids"):
        posthorn.moves.run(name, f"{name}-to", ids=[])


def test_says_where_an_exchange_would_send_a_message(posthorn: Posthorn, name: str) -> None:
    posthorn.queues.declare(name)
    posthorn.exchanges.declare(name, type="headers")
    posthorn.exchanges.bind(name, queue=name, arguments={"x-match": "all", "kind": "a"})
    route = posthorn.exchanges.route(name, headers={"kind": "a"})
    assert route["destinations"] == [{"kind": "queue", "name": name}]
    assert posthorn.exchanges.route(name, headers={"kind": "b"})["unroutable"]


def test_makes_tokens_and_namespaces_with_the_root_token(broker: Broker, name: str) -> None:
    with Posthorn(broker.url, namespace=name) as posthorn:
        assert posthorn.namespaces.put(name, quotas={"topics": 3})["quotas"]["topics"] == 3
        assert posthorn.namespaces.change(name, quotas={})["quotas"]["topics"] is None
        assert name in [each["namespace"] for each in posthorn.namespaces.list()]
        made = posthorn.tokens.make("checkout", roles=["producer"])
        assert made["namespace"] == name
        assert [token["id"] for token in posthorn.tokens.list()] == [made["id"]]
        assert made["id"] in [token["id"] for token in posthorn.tokens.list_all()]
        assert posthorn.tokens.rotate(made["id"])["token"] != made["token"]
        assert posthorn.tokens.get(made["id"])["rotated_at"] is not None
        with Posthorn(broker.url, namespace=name, token=made["token"]) as limited:
            with pytest.raises(PosthornError) as forbidden:
                limited.topics.declare("t")
            assert forbidden.value.code == "forbidden"
        assert posthorn.tokens.revoke(made["id"])["revoked_at"] is not None
        assert posthorn.namespaces.delete(name, confirm=name)["state"] == "deleting"


async def test_has_tokens_for_asyncio(url: str, name: str) -> None:
    async with AsyncPosthorn(url) as posthorn:
        made = await posthorn.tokens.make(name, roles=["viewer"])
        assert made["id"] in [token["id"] for token in await posthorn.tokens.list()]
        assert made["id"] in [token["id"] for token in await posthorn.tokens.list_all()]
        await posthorn.tokens.revoke(made["id"])


def test_stores_objects(posthorn: Posthorn, name: str) -> None:
    body = bytes(range(256)) * 8192
    stored = posthorn.objects.put(f"forever.{name}", body, content_type="image/png")
    assert (stored["bytes"], stored["content_type"], stored["expires_at"]) == (len(body), "image/png", None)
    assert posthorn.objects.get(f"forever.{name}") == body
    assert f"forever.{name}" in [each["object"] for each in posthorn.objects.list()]
    posthorn.objects.delete(f"forever.{name}")
    with pytest.raises(PosthornError) as raised:
        posthorn.objects.get(f"forever.{name}")
    assert raised.value.code == "object_not_found"
