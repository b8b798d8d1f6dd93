"""Alerts: signed notices to a webhook when a queue is above a threshold, and when it has recovered."""

from __future__ import annotations

from typing import Literal

from .._core.calls import Call, Operation, given, json_body
from .._core.names import check_name
from .._core.typing import NotRequired, TypedDict
from .binding import Awaiting, Blocking, ask, awaiting, blocking, delete, list_all
from .policies import RuleProgress

Metric = Literal["depth", "oldest_age_ms", "dead_letter_rate"]
"""Messages ready; ms since the oldest of them was published; messages dead-lettered in the last minute."""


class Webhook(TypedDict):
    url: str
    secret: NotRequired[str]
    """Only in the reply to the call that made it."""


class Alert(TypedDict):
    alert: str
    pattern: str
    metric: Metric
    threshold: int
    for_ms: int
    webhook: Webhook
    progress: NotRequired[RuleProgress]
    """Not in lists."""
    topology_version: NotRequired[int]


def put_alert(
    alert: str,
    *,
    pattern: str,
    metric: Metric,
    threshold: int,
    webhook_url: str,
    webhook_secret: str | None = None,
    for_ms: int = 0,
) -> Operation[Alert]:
    """Creates a rule, or replaces it. It fires when the metric has been above the threshold for `for_ms`.

    A secret that is made for it is in the result of this call only.
    """
    fields = {
        "pattern": pattern,
        "metric": metric,
        "threshold": threshold,
        "for_ms": for_ms,
        "webhook": given(url=webhook_url, secret=webhook_secret),
    }
    return (yield from ask(Alert, Call("PUT", _path(alert), body=json_body(fields))))


def get_alert(alert: str) -> Operation[Alert]:
    """Returns a rule. The `state` of each queue says whether it fires there. Raises PosthornError `alert_not_found`."""
    return (yield from ask(Alert, Call("GET", _path(alert))))


def list_alerts() -> Operation[list[Alert]]:
    """Returns all rules of the namespace, by name."""
    return (yield from list_all(Alert, "/alerts", "alerts"))


def delete_alert(alert: str) -> Operation[None]:
    """Deletes a rule. If it fires, a last notice reports its recovery."""
    yield from delete(_path(alert), "alert_not_found")


def _path(alert: str) -> str:
    return f"/alerts/{check_name('alert', alert)}"


class Alerts(Blocking):
    """Put, read, list and delete alert rules: notices to a webhook."""

    put = blocking(put_alert)
    get = blocking(get_alert)
    list = blocking(list_alerts)
    delete = blocking(delete_alert)


class AsyncAlerts(Awaiting):
    """Put, read, list and delete alert rules: notices to a webhook."""

    put = awaiting(put_alert)
    get = awaiting(get_alert)
    list = awaiting(list_alerts)
    delete = awaiting(delete_alert)
