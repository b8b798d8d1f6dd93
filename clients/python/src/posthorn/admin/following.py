"""Following: waits for work of the broker that goes on by itself, such as a replay or a move."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from .._core.calls import Operation
from .binding import AwaitingRunner, BlockingRunner

LOOK_S = 0.5
"""Between two looks, in seconds."""

Progress = TypeVar("Progress", bound=Mapping[str, object])
OnProgress = Callable[[Progress], object] | None


def steps_of(
    begin: Callable[[], Operation[Progress]], look: Callable[[], Operation[Progress]]
) -> Iterator[Operation[Progress]]:
    """Yields the operation that begins the work, and then without end those that look how far it is."""
    yield begin()
    while True:
        yield look()


def follow(runner: BlockingRunner, steps: Iterator[Operation[Progress]], on_progress: OnProgress[Progress]) -> Progress:
    """Returns when the work has ended."""
    while True:
        progress = runner.run(next(steps))
        if _has_ended(progress, on_progress):
            return progress
        time.sleep(LOOK_S)


async def follow_async(
    runner: AwaitingRunner, steps: Iterator[Operation[Progress]], on_progress: OnProgress[Progress]
) -> Progress:
    """Returns when the work has ended."""
    while True:
        progress = await runner.run(next(steps))
        if _has_ended(progress, on_progress):
            return progress
        await asyncio.sleep(LOOK_S)


def _has_ended(progress: Progress, on_progress: OnProgress[Progress]) -> bool:
    if on_progress is not None:
        on_progress(progress)
    return progress["state"] != "running"
