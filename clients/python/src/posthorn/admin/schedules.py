"""Schedules: a message at each time of a cron expression."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from .._core.calls import Call, Operation, json_body
from .._core.messages import MessageProperties, message_text
from .._core.names import check_name
from .._core.typing import NotRequired, TypedDict, Unpack
from .._core.values import Headers, timestamp_ms
from .binding import Awaiting, Blocking, ask, awaiting, blocking, delete, list_all


class ScheduleTarget(TypedDict):
    """A queue, an exchange with a routing key, or a topic with a key."""

    queue: NotRequired[str]
    exchange: NotRequired[str]
    routing_key: NotRequired[str]
    topic: NotRequired[str]
    key: NotRequired[str]


class ScheduleRun(TypedDict):
    occurrence: int
    by: Literal["cron", "trigger"]
    at: int
    outcome: Literal["published", "unroutable", "failed"]
    code: NotRequired[str]
    detail: NotRequired[str]


class ScheduleState(TypedDict):
    next: int | None
    """The next occurrence, in ms since 1970; None: it is paused, or has ended."""
    last: ScheduleRun | None
    pending: int


class Schedule(TypedDict):
    schedule: str
    cron: str
    time_zone: str
    target: ScheduleTarget
    message: dict[str, Any]
    catch_up: Literal["once", "none"]
    ends_at: int | None
    is_paused: bool
    topology_version: NotRequired[int]
    """Not in lists."""


class ScheduleWithState(Schedule):
    state: ScheduleState


class ScheduleTriggered(TypedDict):
    schedule: str
    message_id: str
    outcome: Literal["published", "unroutable", "failed", "pending"]
    code: NotRequired[str]
    detail: NotRequired[str]


def put_schedule(
    schedule: str,
    cron: str,
    *,
    target: ScheduleTarget,
    body: object,
    headers: Headers | None = None,
    time_zone: str = "UTC",
    catch_up: Literal["once", "none"] = "once",
    ends_at: datetime | int | None = None,
    **properties: Unpack[MessageProperties],
) -> Operation[Schedule]:
    """Creates a schedule, or replaces it. `cron`: five fields, or `@hourly`, `@daily` and so on.

    Raises PosthornError `invalid_field`, `queue_not_found`, `topic_not_found`, `exchange_not_found`.
    """
    fields = {
        "cron": cron,
        "time_zone": time_zone,
        "target": target,
        "catch_up": catch_up,
        "ends_at": None if ends_at is None else timestamp_ms(ends_at, "ends_at"),
    }
    message = message_text(body, headers, properties).encode()
    content = json_body(fields)[:-1] + b',"message":' + message + b"}"
    return (yield from ask(Schedule, Call("PUT", _path(schedule), body=content)))


def get_schedule(schedule: str) -> Operation[ScheduleWithState]:
    """Returns a schedule, its next time and what became of the last. Raises PosthornError `schedule_not_found`."""
    return (yield from ask(ScheduleWithState, Call("GET", _path(schedule))))


def list_schedules() -> Operation[list[Schedule]]:
    """Returns all schedules of the namespace, by name."""
    return (yield from list_all(Schedule, "/schedules", "schedules"))


def pause_schedule(schedule: str) -> Operation[Schedule]:
    """Publishes nothing until it is resumed."""
    return (yield from ask(Schedule, Call("POST", f"{_path(schedule)}/pause")))


def resume_schedule(schedule: str) -> Operation[Schedule]:
    """Goes on with the next occurrence."""
    return (yield from ask(Schedule, Call("POST", f"{_path(schedule)}/resume")))


def trigger_schedule(schedule: str) -> Operation[ScheduleTriggered]:
    """Publishes its message now. It is not tried again by itself, because it could be published twice."""
    return (yield from ask(ScheduleTriggered, Call("POST", f"{_path(schedule)}/trigger", is_once=True)))


def delete_schedule(schedule: str) -> Operation[None]:
    yield from delete(_path(schedule), "schedule_not_found")


def _path(schedule: str) -> str:
    return f"/schedules/{check_name('schedule', schedule)}"


class Schedules(Blocking):
    """Put, read, list, pause, trigger and delete schedules: messages at the times of a cron expression."""

    put = blocking(put_schedule)
    get = blocking(get_schedule)
    list = blocking(list_schedules)
    pause = blocking(pause_schedule)
    resume = blocking(resume_schedule)
    trigger = blocking(trigger_schedule)
    delete = blocking(delete_schedule)


class AsyncSchedules(Awaiting):
    """Put, read, list, pause, trigger and delete schedules: messages at the times of a cron expression."""

    put = awaiting(put_schedule)
    get = awaiting(get_schedule)
    list = awaiting(list_schedules)
    pause = awaiting(pause_schedule)
    resume = awaiting(resume_schedule)
    trigger = awaiting(trigger_schedule)
    delete = awaiting(delete_schedule)
