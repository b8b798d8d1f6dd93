"""The client reaches every operation of the API, and its types have the members that the API describes."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Any

import httpx
import pytest

from posthorn import AsyncPosthorn, Posthorn
from posthorn.admin.alerts import Alert
from posthorn.admin.dead_letters import DryRun, Replay
from posthorn.admin.definitions import DefinitionsPlan, DefinitionStep
from posthorn.admin.exchanges import Binding, Exchange, ExchangeSettings, Route
from posthorn.admin.groups import GroupDescription, GroupMember, GroupOffset
from posthorn.admin.hooks import Hook
from posthorn.admin.limits import CostLimits
from posthorn.admin.moves import Move
from posthorn.admin.namespaces import Namespace, Quotas
from posthorn.admin.objects import StoredObject
from posthorn.admin.overview import NamespaceOverview, OverviewProblem
from posthorn.admin.policies import Policy
from posthorn.admin.queue_messages import MessageCancelled, MessageRun
from posthorn.admin.queue_types import QueueChange, QueueSettings, QueueState, QueueWithState
from posthorn.admin.schedules import Schedule, ScheduleState, ScheduleTriggered
from posthorn.admin.share_groups import ShareGroup, ShareGroupWithPartitions, SharePartition
from posthorn.admin.subscriptions import PushAttempt, SoughtOffset, Subscription, SubscriptionState
from posthorn.admin.tokens import MadeToken, Token
from posthorn.admin.topics import PartitionState, RecordsDeleted, Topic, TopicChange, TopicSettings

METHODS = {
    "listTopics": "topics.list",
    "declareTopic": "topics.declare",
    "getTopic": "topics.get",
    "changeTopic": "topics.change",
    "deleteTopic": "topics.delete",
    "produce": "producer",
    "fetch": "reader",
    "deleteRecords": "topics.delete_records",
    "describePartition": "topics.describe_partition",
    "listExchanges": "exchanges.list",
    "declareExchange": "exchanges.declare",
    "getExchange": "exchanges.get",
    "deleteExchange": "exchanges.delete",
    "bind": "exchanges.bind",
    "bindMany": "exchanges.bind_many",
    "listExchangeBindings": "exchanges.bindings",
    "listQueueBindings": "exchanges.bindings",
    "listTopicBindings": "exchanges.bindings",
    "unbind": "exchanges.unbind",
    "routeMessage": "exchanges.route",
    "publish": "publisher",
    "sendEvents": "events.send",
    "listPolicies": "policies.list",
    "putPolicy": "policies.put",
    "getPolicy": "policies.get",
    "deletePolicy": "policies.delete",
    "request": "request",
    "listQueues": "queues.list",
    "declareQueue": "queues.declare",
    "getQueue": "queues.get",
    "changeQueue": "queues.change",
    "deleteQueue": "queues.delete",
    "publishToQueue": "publisher",
    "peekQueue": "queues.peek",
    "deliver": "consumer",
    "endWaits": "consumer",
    "settle": "messages",
    "purgeQueue": "queues.purge",
    "pauseQueue": "queues.pause",
    "resumeQueue": "queues.resume",
    "listMessages": "queue_messages.list",
    "getMessage": "queue_messages.get",
    "cancelMessage": "queue_messages.cancel",
    "runMessage": "queue_messages.run_now",
    "moveMessages": "moves.begin",
    "listMoves": "moves.list",
    "getMove": "moves.get",
    "cancelMove": "moves.cancel",
    "listAlerts": "alerts.list",
    "putAlert": "alerts.put",
    "getAlert": "alerts.get",
    "deleteAlert": "alerts.delete",
    "listSchedules": "schedules.list",
    "putSchedule": "schedules.put",
    "getSchedule": "schedules.get",
    "deleteSchedule": "schedules.delete",
    "pauseSchedule": "schedules.pause",
    "resumeSchedule": "schedules.resume",
    "triggerSchedule": "schedules.trigger",
    "listSubscriptions": "subscriptions.list",
    "putSubscription": "subscriptions.put",
    "getSubscription": "subscriptions.get",
    "deleteSubscription": "subscriptions.delete",
    "pauseSubscription": "subscriptions.pause",
    "resumeSubscription": "subscriptions.resume",
    "seekSubscription": "subscriptions.seek",
    "testSubscription": "subscriptions.test",
    "listAttempts": "subscriptions.attempts",
    "listHooks": "hooks.list",
    "putHook": "hooks.put",
    "getHook": "hooks.get",
    "deleteHook": "hooks.delete",
    "listObjects": "objects.list",
    "putObject": "objects.put",
    "getObject": "objects.get",
    "deleteObject": "objects.delete",
    "beginUpload": "objects.put",
    "putPart": "objects.put",
    "completeUpload": "objects.put",
    "abortUpload": "objects.put",
    "getOverview": "overview.get",
    "getDefinitions": "definitions.export",
    "putDefinitions": "definitions.apply",
    "getLimits": "limits.get",
    "putLimits": "limits.set",
    "makeProducer": "producer",
    "addPartitions": "transactional_producer",
    "addOffsets": "transactional_producer",
    "publishInTransaction": "transactional_producer",
    "commitTransaction": "transactional_producer",
    "abortTransaction": "transactional_producer",
    "listGroups": "groups.list",
    "describeGroup": "groups.describe",
    "deleteGroup": "groups.delete",
    "joinGroup": "group_consumer",
    "heartbeat": "group_consumer",
    "leaveGroup": "groups.remove_member",
    "fetchFromPositions": "group_consumer",
    "commitOffsets": "group_consumer",
    "readOffsets": "groups.offsets",
    "resetOffsets": "groups.reset",
    "listShareGroups": "share_groups.list",
    "putShareGroup": "share_groups.put",
    "describeShareGroup": "share_groups.describe",
    "deleteShareGroup": "share_groups.delete",
    "resetShareGroup": "share_groups.reset",
    "acquireRecords": "share_groups.acquire",
    "acknowledgeRecords": "share_groups.acknowledge",
    "listDeadLetters": "dead_letters.list",
    "purgeDeadLetters": "dead_letters.purge",
    "replayDeadLetters": "dead_letters.begin_replay",
    "listReplays": "dead_letters.replays",
    "getReplay": "dead_letters.get_replay",
    "cancelReplay": "dead_letters.cancel",
    "getDeadLetter": "dead_letters.get",
    "resendDeadLetter": "dead_letters.resend",
    "listNamespaces": "namespaces.list",
    "putNamespace": "namespaces.put",
    "changeNamespace": "namespaces.change",
    "deleteNamespace": "namespaces.delete",
    "getNamespace": "namespaces.get",
    "listTokens": "tokens.list",
    "makeToken": "tokens.make",
    "getToken": "tokens.get",
    "revokeToken": "tokens.revoke",
    "rotateToken": "tokens.rotate",
}

LEFT_OUT = {
    "consumerMember": "the calls of Kafka's clients; a group consumer here joins and heartbeats",
    "classicGroup": "the calls of Kafka's clients; consumers here have their partitions assigned by the broker",
    "exportDeadLetters": "`dead_letters.export` reads pages, each of which comes whole or not at all",
    "receiveHook": "other services call it",
    "logInByScram": "gateways call it for their clients; a client here sends its token",
    "ingestDebezium": "Debezium Server calls it",
    "followOverview": "server-sent events; `overview.get` reads it once",
    "fetchForMember": "the consumer fetches from positions of its own",
    "listTransactions": "people look for transactions that hang by the command or by Kafka's tools",
    "listProducers": "as `listTransactions`",
    "getTransaction": "what the producer does not know, `commit` finds out",
}

REPLIES: list[tuple[str, str, Any]] = [
    ("getTopic", "", Topic),
    ("describePartition", "", PartitionState),
    ("deleteRecords", "", RecordsDeleted),
    ("getExchange", "", Exchange),
    ("bind", "", Binding),
    ("routeMessage", "", Route),
    ("getPolicy", "", Policy),
    ("getQueue", "", QueueWithState),
    ("getQueue", "state", QueueState),
    ("cancelMessage", "", MessageCancelled),
    ("runMessage", "", MessageRun),
    ("getMove", "", Move),
    ("getAlert", "", Alert),
    ("putSchedule", "", Schedule),
    ("getSchedule", "state", ScheduleState),
    ("triggerSchedule", "", ScheduleTriggered),
    ("putObject", "", StoredObject),
    ("putHook", "", Hook),
    ("putSubscription", "", Subscription),
    ("getSubscription", "state", SubscriptionState),
    ("seekSubscription", "offsets", SoughtOffset),
    ("testSubscription", "attempt", PushAttempt),
    ("listAttempts", "attempts", PushAttempt),
    ("putDefinitions", "", DefinitionsPlan),
    ("putDefinitions", "steps", DefinitionStep),
    ("getLimits", "", CostLimits),
    ("getOverview", "", NamespaceOverview),
    ("getOverview", "problems", OverviewProblem),
    ("describeGroup", "members", GroupMember),
    ("readOffsets", "offsets", GroupOffset),
    ("putShareGroup", "", ShareGroup),
    ("describeShareGroup", "", ShareGroupWithPartitions),
    ("describeShareGroup", "partitions", SharePartition),
    ("getReplay", "", Replay),
    ("getNamespace", "", Namespace),
    ("getNamespace", "quotas", Quotas),
    ("getToken", "", Token),
    ("makeToken", "", MadeToken),
]

REQUESTS: list[tuple[str, Any]] = [
    ("declareTopic", TopicSettings),
    ("changeTopic", TopicChange),
    ("declareQueue", QueueSettings),
    ("changeQueue", QueueChange),
    ("declareExchange", ExchangeSettings),
]


@pytest.fixture(scope="module")
def document(broker: Any) -> Any:
    return httpx.get(f"{broker.url}/openapi.json").json()


@pytest.fixture(scope="module")
def operations(document: Any) -> dict[str, Any]:
    methods = ("get", "put", "post", "patch", "delete")
    return {
        operation["operationId"]: operation
        for path, item in document["paths"].items()
        if "{namespace}" in path or path.startswith("/admin/")
        for method, operation in item.items()
        # WebSockets, which httpx does not have.
        if method in methods and not re.match(r"(open|stream)[A-Z]", operation["operationId"])
    }


def test_reaches_every_operation(operations: dict[str, Any]) -> None:
    known = set(METHODS) | set(LEFT_OUT)
    assert set(operations) - known == set(), "not reached from Python"
    assert set(METHODS) - set(operations) == set(), "gone from the API"


@pytest.mark.parametrize("kind", [Posthorn, AsyncPosthorn])
def test_has_every_method(kind: Any, url: str) -> None:
    client = kind(url)
    for path in METHODS.values():
        assert callable(attrgetter(path)(client))
        assert attrgetter(path)(client).__doc__ or path.endswith(("resume", "delete"))


@pytest.mark.parametrize(("operation", "member", "kind"), REPLIES)
def test_has_the_members_of_replies(
    document: Any, operations: dict[str, Any], operation: str, member: str, kind: Any
) -> None:
    replies = operations[operation]["responses"]
    schema = resolved(document, next(replies[status] for status in ("200", "201") if status in replies))
    schema = resolved(document, schema["content"]["application/json"]["schema"])
    if member:
        schema = resolved(document, schema["properties"][member])
        schema = resolved(document, schema.get("items", schema))
    assert set(members_of(kind)) == set(schema["properties"])


@pytest.mark.parametrize(("operation", "kind"), REQUESTS)
def test_has_the_members_of_requests(document: Any, operations: dict[str, Any], operation: str, kind: Any) -> None:
    schema = resolved(document, operations[operation]["requestBody"]["content"]["application/json"]["schema"])
    assert set(members_of(kind)) == set(schema["properties"])


def test_has_the_members_of_a_dry_run_and_of_a_group() -> None:
    assert set(members_of(DryRun)) == {"queue", "would_replay", "would_skip"}
    assert set(members_of(GroupDescription)) >= {"group", "state", "members", "offsets"}


def members_of(kind: Any) -> dict[str, Any]:
    return {name: value for base in reversed(kind.__mro__) for name, value in getattr(base, "__annotations__", {}).items()}


def resolved(document: Any, schema: Any) -> Any:
    while "$ref" in schema:
        found = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema
