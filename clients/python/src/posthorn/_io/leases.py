"""Leases: messages that were delivered to a consumer and are not settled.

Messages of one delivery stay together, because their leases began together. At half time the leases of those that are left
are extended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from .delivered import Delivered


class Hand:
    """The messages of one delivery."""

    __slots__ = ("due", "messages")

    def __init__(self, messages: list[Delivered], due: float) -> None:
        self.messages = dict.fromkeys(messages)
        self.due = due


class Leases:
    def __init__(self, extend: Callable[[Delivered, int], None]) -> None:
        self.lease_ms: int | None = None
        """None: there are no leases."""
        self.count = 0
        self._extend = extend
        self._hands: dict[Hand, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def all(self) -> list[Delivered]:
        """All of them, the oldest first."""
        return [message for hand in self._hands for message in hand.messages]

    def take(self, messages: list[Delivered]) -> None:
        """Their leases have just begun."""
        hand = Hand(messages, monotonic() + (self.lease_ms or 0) / 2_000)
        for message in messages:
            message.hand = hand
        self._hands[hand] = None
        self.count += len(messages)
        self._wait()

    def drop(self, message: Delivered) -> bool:
        """Returns whether it was in hand."""
        hand = message.hand
        if not isinstance(hand, Hand):
            return False
        message.hand = None
        del hand.messages[message]
        self.count -= 1
        if not hand.messages:
            self._hands.pop(hand, None)
        if not self._hands and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return True

    def _extend_due(self) -> None:
        self._timer = None
        lease_ms = self.lease_ms
        if lease_ms is None:
            return
        now = monotonic()
        for hand in list(self._hands):
            # Also extends leases that are due soon: one request instead of several.
            if hand.due > now + lease_ms / 10_000:
                continue
            hand.due = now + lease_ms / 2_000
            for message in list(hand.messages):
                self._extend(message, lease_ms)
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None or not self._hands or self.lease_ms is None:
            return
        due = min(hand.due for hand in self._hands)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, due - monotonic()), self._extend_due)
