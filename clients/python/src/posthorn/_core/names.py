"""Names, checked before they become part of a path: `..` would otherwise lead elsewhere.

Queues, exchanges, groups and transactional ids have wide names: any text without control characters. A path has them
percent-encoded.
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from ..errors import invalid_argument

NAME_RULE = '1 to 249 of the characters A-Z a-z 0-9 . _ -, but not ".", ".." or "__proto__"'

_NAME = re.compile(r"(?!(?:\.{1,2}|__proto__)\Z)[A-Za-z0-9._-]{1,249}\Z")

WIDE_NAME_BYTES_MAX = 255

WIDE_NAME_RULE = '1 to 255 bytes of UTF-8 without control characters, but not ".", ".." or "__proto__"'

_WIDE_NAME = re.compile(r"(?!(?:\.{1,2}|__proto__)\Z)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}\Z")

DEFAULT_EXCHANGE_PATH = "amq.default"
"""How the default exchange, whose name is empty, is written in a path."""


def check_name(what: str, name: str) -> str:
    """Returns the name if it is allowed. `what` says in the error what is named: `topic`, `namespace`."""
    if isinstance(name, str) and _NAME.match(name):
        return name
    shown = json.dumps(name) if isinstance(name, str) else repr(name)
    raise invalid_argument(f"{what} {shown}: expected {NAME_RULE}")


def check_wide_name(what: str, name: str) -> str:
    """The same for a queue, an exchange, a group or a transactional id."""
    if isinstance(name, str) and _WIDE_NAME.match(name) and len(name.encode()) <= WIDE_NAME_BYTES_MAX:
        return name
    shown = json.dumps(name) if isinstance(name, str) else repr(name)
    raise invalid_argument(f"{what} {shown}: expected {WIDE_NAME_RULE}")


def default_dead_letter_queue(name: str) -> str:
    """Returns the queue for what dies in a group by default. Of too long a name it has the beginning."""
    while len(f"{name}.dlq".encode()) > WIDE_NAME_BYTES_MAX:
        name = name[:-1]
    return f"{name}.dlq"


def check_partition(partition: int) -> int:
    if isinstance(partition, int) and not isinstance(partition, bool) and partition >= 0:
        return partition
    raise invalid_argument(f"partition is a whole number from 0, got {partition!r}")


def topic_path(topic: str) -> str:
    return f"/topics/{check_name('topic', topic)}"


def partition_path(topic: str, partition: int) -> str:
    return f"{topic_path(topic)}/partitions/{check_partition(partition)}"


def queue_path(queue: str) -> str:
    return f"/queues/{escaped(check_wide_name('queue', queue))}"


def check_exchange(exchange: str) -> str:
    return DEFAULT_EXCHANGE_PATH if exchange == "" else check_wide_name("exchange", exchange)


def exchange_path(exchange: str) -> str:
    return f"/exchanges/{escaped(check_exchange(exchange))}"


def group_path(group: str) -> str:
    return f"/groups/{escaped(check_wide_name('group', group))}"


def escaped(part: str) -> str:
    """Returns a part of a path that may have any characters."""
    return quote(part, safe="")


def member_path(group: str, member_id: str) -> str:
    return f"{group_path(group)}/members/{escaped(member_id)}"
