"""Subscriptions: messages of a queue, or records of a topic, pushed to an HTTP endpoint."""

from __future__ import annotations

from typing import Literal

from .._core.calls import Call, Operation, given, json_body
from .._core.names import check_name
from .._core.start import Start, wire_start
from .._core.typing import NotRequired, TypedDict
from ..errors import invalid_argument
from .binding import Awaiting, Blocking, JsonObject, ask, awaiting, blocking, delete, list_all
from .queue_types import DeadLetterQueue, ExponentialRetry, RetrySchedule

PushFormat = Literal["json", "body", "cloudevents-binary", "cloudevents-structured", "cloudevents-batch"]

KEEP: Literal["keep"] = "keep"
"""Leaves a secret as it is."""


class QueueSource(TypedDict):
    queue: str


TopicSource = TypedDict(
    "TopicSource",
    {
        "topic": str,
        "from": int | str,
        "order": Literal["key", "partition"],
        "retry": RetrySchedule | ExponentialRetry,
        "dead_letter": DeadLetterQueue | Literal["none"],
    },
)
"""`from` is where it began: an offset, `earliest`, `latest`, or `@` and ms since 1970."""


class UrlTarget(TypedDict):
    url: str


class WorkerTarget(TypedDict):
    worker: str
    """A Worker that the broker is bound to: `image-pipeline` is the service binding SUBSCRIBER_IMAGE_PIPELINE."""


class QueueTarget(TypedDict):
    queue: str
    namespace: NotRequired[str]


class TopicTarget(TypedDict):
    topic: str
    namespace: NotRequired[str]


class OAuthClient(TypedDict):
    token_url: str
    client_id: str
    client_secret: str
    scope: NotRequired[str]
    audience: NotRequired[str]


class PushFilter(TypedDict, total=False):
    routing_key: str
    """A pattern as a topic exchange has it. A message that came through no exchange is matched by its key."""
    headers: dict[str, str | int | float | bool | None]
    """As the arguments of a binding to a headers exchange, with `x-match`; None: any value."""


class PushPosition(TypedDict):
    partition: int
    offset: int
    """Every record before it is settled."""
    end_offset: int
    lag: int


class SoughtOffset(TypedDict):
    partition: int
    offset: int


class SubscriptionState(TypedDict):
    in_flight: int
    held: int
    breaker: Literal["closed", "open", "probing"]
    resumes_at: int | None
    failures: int
    last_error: str | None
    pushed: int
    failed: int
    filtered: int
    lag: int | None
    """Records of the topic that are not settled; None: the source is a queue, or does not answer."""
    positions: NotRequired[list[PushPosition]]
    """Of a topic: the first 100 partitions."""
    dead_letters_waiting: int


class Subscription(TypedDict):
    subscription: str
    source: QueueSource | TopicSource
    target: UrlTarget | WorkerTarget | QueueTarget | TopicTarget
    filter: PushFilter | None
    format: PushFormat
    batch_messages: int
    batch_wait_ms: int
    concurrency: int
    rate_per_s: float | None
    reply_timeout_ms: int
    headers: dict[str, str]
    has_next_secret: bool
    has_authorization: bool
    has_oauth: bool
    is_paused: bool
    pause_reason: Literal["asked", "gone", "source_deleted"] | None
    secret: NotRequired[str]
    """Only in the reply to the call that made it."""
    topology_version: NotRequired[int]
    """Not in lists."""


class SubscriptionWithState(Subscription):
    state: SubscriptionState


class PushAttempt(TypedDict):
    id: str
    at: int
    duration_ms: int
    messages: int
    attempt: int
    status: int | None
    outcome: Literal["accepted", "failed", "released"]
    error: str | None
    reply: str | None


class _Tested(TypedDict):
    subscription: str
    attempt: PushAttempt


class _Attempts(TypedDict):
    attempts: list[PushAttempt]


def put_subscription(
    subscription: str,
    *,
    queue: str | None = None,
    topic: str | None = None,
    url: str | None = None,
    worker: str | None = None,
    target: QueueTarget | TopicTarget | None = None,
    start: Start = "latest",
    order: Literal["key", "partition"] = "key",
    retry: RetrySchedule | ExponentialRetry | None = None,
    dead_letter: DeadLetterQueue | Literal["none"] | None = None,
    filter: PushFilter | None = None,
    format: PushFormat = "json",
    batch_messages: int = 1,
    batch_wait_ms: int = 0,
    concurrency: int = 10,
    rate_per_s: float | None = None,
    reply_timeout_ms: int = 15_000,
    headers: dict[str, str] | None = None,
    secret: str | None = None,
    next_secret: str | None = KEEP,
    authorization: str | None = KEEP,
    oauth: OAuthClient | Literal["keep"] | None = KEEP,
) -> Operation[Subscription]:
    """Creates a subscription, or replaces it. A secret that is made for it is in the result of this call only.

    Give either `queue` or `topic`, and one of `url`, `worker` (a Worker that the broker is bound to)
    and `target` (a queue or topic that messages are stored in).
    `start`, `order`, `retry` and `dead_letter` are for topics: where a new subscription begins, what is pushed in order,
    and what becomes of records that fail (by default the queue `<subscription>.dlq`).

    Raises PosthornError `invalid_field`, `queue_not_found`, `topic_not_found`, `too_many_subscriptions`,
    `worker_unbound`.
    """
    if (queue is None) == (topic is None):
        raise invalid_argument("give either queue or topic")
    if [url, worker, target].count(None) != 2:
        raise invalid_argument("give one of url, worker and target")
    read = given(topic=topic, order=order, retry=retry, dead_letter=dead_letter) | {"from": wire_start(start)}
    fields: dict[str, object] = {
        "source": {"queue": queue} if topic is None else read,
        "target": target or ({"url": url} if worker is None else {"worker": worker}),
        "filter": filter,
        "format": format,
        "batch_messages": batch_messages,
        "batch_wait_ms": batch_wait_ms,
        "concurrency": concurrency,
        "rate_per_s": rate_per_s,
        "reply_timeout_ms": reply_timeout_ms,
        "headers": headers or {},
    }
    if secret is not None:
        fields["secret"] = secret
    if next_secret != KEEP:
        fields["next_secret"] = next_secret
    if authorization != KEEP:
        fields["authorization"] = authorization
    if oauth != KEEP:
        fields["oauth"] = oauth
    return (yield from ask(Subscription, Call("PUT", _path(subscription), body=json_body(fields))))


def get_subscription(subscription: str) -> Operation[SubscriptionWithState]:
    """Returns a subscription, and how its pushes go. Raises PosthornError `subscription_not_found`."""
    return (yield from ask(SubscriptionWithState, Call("GET", _path(subscription))))


def list_subscriptions() -> Operation[list[Subscription]]:
    """Returns all subscriptions of the namespace, by name."""
    return (yield from list_all(Subscription, "/subscriptions", "subscriptions"))


def pause_subscription(subscription: str) -> Operation[Subscription]:
    """Pushes nothing until it is resumed."""
    return (yield from ask(Subscription, Call("POST", f"{_path(subscription)}/pause")))


def resume_subscription(subscription: str) -> Operation[Subscription]:
    """Pushes again, whatever had paused it, and closes its breaker."""
    return (yield from ask(Subscription, Call("POST", f"{_path(subscription)}/resume")))


def seek_subscription(subscription: str, to: Start, *, partitions: list[int] | None = None) -> Operation[list[SoughtOffset]]:
    """Goes on from another place in its topic: pushes records again, or passes over some. Returns where it goes on."""
    fields = given(to=wire_start(to, "to"), partitions=partitions)
    reply = yield from ask(JsonObject, Call("POST", f"{_path(subscription)}/seek", body=json_body(fields)))
    offsets: list[SoughtOffset] = reply["offsets"]
    return offsets


def try_subscription(subscription: str) -> Operation[PushAttempt]:
    """Pushes a test message now, and returns what came of it."""
    tested = yield from ask(_Tested, Call("POST", f"{_path(subscription)}/test", is_once=True))
    return tested["attempt"]


def list_attempts(subscription: str, *, limit: int = 100, only_failed: bool = False) -> Operation[list[PushAttempt]]:
    """Returns the latest requests, the latest first: at most 1,000."""
    query = {"limit": limit, "failed": "true" if only_failed else None}
    attempts = yield from ask(_Attempts, Call("GET", f"{_path(subscription)}/attempts", query=query))
    return attempts["attempts"]


def delete_subscription(subscription: str) -> Operation[None]:
    """Deletes a subscription. Messages that it has not pushed stay where they are."""
    yield from delete(_path(subscription), "subscription_not_found")


def _path(subscription: str) -> str:
    return f"/subscriptions/{check_name('subscription', subscription)}"


class Subscriptions(Blocking):
    """Put, read, list, pause, resume, test and delete subscriptions: messages pushed to an HTTP endpoint."""

    put = blocking(put_subscription)
    get = blocking(get_subscription)
    list = blocking(list_subscriptions)
    pause = blocking(pause_subscription)
    resume = blocking(resume_subscription)
    seek = blocking(seek_subscription)
    test = blocking(try_subscription)
    attempts = blocking(list_attempts)
    delete = blocking(delete_subscription)


class AsyncSubscriptions(Awaiting):
    """Put, read, list, pause, resume, test and delete subscriptions: messages pushed to an HTTP endpoint."""

    put = awaiting(put_subscription)
    get = awaiting(get_subscription)
    list = awaiting(list_subscriptions)
    pause = awaiting(pause_subscription)
    resume = awaiting(resume_subscription)
    seek = awaiting(seek_subscription)
    test = awaiting(try_subscription)
    attempts = awaiting(list_attempts)
    delete = awaiting(delete_subscription)
