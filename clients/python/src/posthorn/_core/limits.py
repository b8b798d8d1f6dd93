"""Limits of the contract that the client checks itself. `protocol/limits.ts` of the broker gives their reasons."""

from __future__ import annotations

from ..errors import invalid_argument

MiB = 1024 * 1024

BATCH_BYTES_MAX = MiB
RECORD_BYTES_MAX = MiB - 1024
REQUEST_RECORDS_MAX = 10_000
FETCH_BYTES_MAX = 8 * MiB
WAIT_MS_MAX = 300_000
TIMESTAMP_AHEAD_MS_MAX = 3_600_000
DELIVER_MESSAGES_MAX = 10_000
SETTLE_TAGS_MAX = 10_000
LEASE_MS_MAX = 86_400_000
PROPERTY_LENGTH_MAX = 255
ORDERING_KEY_BYTES_MAX = 1_024
ROUTING_KEY_BYTES_MAX = 255
PRODUCER_EPOCH_MAX = 32_766
ERROR_TYPE_LENGTH_MAX = 255
ERROR_MESSAGE_LENGTH_MAX = 8_192
ERROR_STACK_LENGTH_MAX = 32_768


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Checks a numeric option.

    Raises PosthornError `invalid_argument`.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and low <= value <= high:
        return
    raise invalid_argument(f"{name} is a number from {low} to {high}, got {value!r}")
