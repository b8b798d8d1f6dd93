"""Reply errors: turns an unsuccessful reply into an error, from the problem document or from what a proxy sent instead."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from ..errors import PosthornError

_ITEM = re.compile(r"(?:messages|records)\[(\d+)\]")

_KNOWN_MEMBERS = {"type", "title", "status", "detail", "code", "retryable"}
"""The members of RFC 9457 and those of the broker. All other members are details."""


def error_of_reply(what: str, status: int, headers: Mapping[str, str], content: bytes) -> PosthornError:
    """`what` names the request in the message."""
    retry_after = retry_after_of(headers.get("retry-after"))
    problem = _problem_in(content)
    if problem is None:
        said = content[:200].decode("utf-8", "replace")
        retryable = status >= 500 or status in (408, 429)
        text = f"{what}: HTTP {status} {said}".strip()
        return PosthornError("unexpected_reply", text, status=status, retryable=retryable, retry_after=retry_after)
    return PosthornError(
        problem["code"],
        str(problem.get("detail") or problem.get("title") or problem["code"]),
        status=status,
        retryable=problem["retryable"],
        retry_after=retry_after,
        details={name: value for name, value in problem.items() if name not in _KNOWN_MEMBERS},
    )


def _problem_in(content: bytes) -> dict[str, Any] | None:
    try:
        problem = json.loads(content)
    except ValueError:
        return None
    if not isinstance(problem, dict):
        return None
    is_problem = isinstance(problem.get("code"), str) and isinstance(problem.get("retryable"), bool)
    return problem if is_problem else None


def culprits_of(error: PosthornError, count: int) -> set[int]:
    """Returns which records or messages of a request, from 0, are refused by name."""
    named = {error.details.get("index"), error.details.get("record")}
    for violation in error.details.get("violations") or ():
        match = _ITEM.match(str(violation.get("field"))) if isinstance(violation, dict) else None
        named.add(int(match[1]) if match else None)
    return {index for index in named if isinstance(index, int) and 0 <= index < count}


def retry_after_of(header: str | None) -> float | None:
    """Reads seconds or a date (RFC 9110, 10.2.3). Returns seconds from now."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())
