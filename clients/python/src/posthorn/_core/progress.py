"""Progress of a partition, for records that may finish in another order than they began."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(eq=False)
class Step:
    """Something in hand: a record, a batch, or the end of what a fetch brought."""

    next: int
    """The offset after it."""
    is_done: bool = False


class Progress:
    def __init__(self) -> None:
        self.position: int | None = None
        """Everything below is handled: what may be committed. None while it is not known where reading began."""
        self._steps: deque[Step] = deque()
        """In the order of offsets; the first is not done."""

    @property
    def is_done(self) -> bool:
        return not self._steps

    def begin(self, next: int) -> Step:
        step = Step(next)
        self._steps.append(step)
        return step

    def end(self, step: Step) -> None:
        step.is_done = True
        while self._steps and self._steps[0].is_done:
            self.position = self._steps.popleft().next

    def reset(self, position: int | None) -> None:
        """Forgets what is in hand, and goes on elsewhere."""
        self.position = position
        self._steps.clear()
