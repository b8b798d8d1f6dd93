"""Retry policy: the delay before each attempt, and the limits."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..errors import PosthornError

RETRY_AFTER_MS_MAX = 60_000
"""The longest `Retry-After` that the client obeys."""


@dataclass(frozen=True)
class RetryPolicy:
    """Delays grow from `base_ms` by `factor` to `max_ms`; each is shortened at random by up to half (jitter)."""

    base_ms: float = 100
    """The first delay."""
    factor: float = 2
    max_ms: float = 5_000
    """The longest delay. A `Retry-After` of the broker may exceed it."""
    attempts: int = 5
    """Attempts of an administrative call, with the first. Producers and readers limit the time instead."""


def delay_s(policy: RetryPolicy, attempt: int, error: PosthornError) -> float:
    """Returns the pause after so many failed attempts, from 1, in seconds."""
    # Beyond so many doublings it is the longest delay anyway, and a float would overflow.
    grown = min(policy.max_ms, policy.base_ms * policy.factor ** min(attempt - 1, 64))
    jittered = grown * (0.5 + random.random() / 2)
    asked = min((error.retry_after or 0) * 1_000, RETRY_AFTER_MS_MAX)
    return max(jittered, asked) / 1_000
