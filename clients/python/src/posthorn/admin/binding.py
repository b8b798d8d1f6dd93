"""Binding: makes methods of the sync and of the async client from one operation, with its parameters and its doc."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from .._core.calls import Call, Operation

Params = ParamSpec("Params")
Result = TypeVar("Result")
JsonObject = dict[str, Any]
Page = tuple[list[Result], str | None]
Pages = Callable[[str | None], Operation[tuple[list[Result], str | None]]]
"""Returns the operation for the page after that one."""


class BlockingRunner(Protocol):
    def run(self, operation: Operation[Result]) -> Result: ...


class AwaitingRunner(Protocol):
    async def run(self, operation: Operation[Result]) -> Result: ...


class Blocking:
    """The calls of one kind, for the sync client."""

    def __init__(self, runner: BlockingRunner) -> None:
        self._runner = runner


class Awaiting:
    """The calls of one kind, for the async client."""

    def __init__(self, runner: AwaitingRunner) -> None:
        self._runner = runner


def blocking(
    build: Callable[Params, Operation[Result]],
) -> Callable[Concatenate[Blocking, Params], Result]:
    @wraps(build)
    def method(self: Blocking, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        return self._runner.run(build(*args, **kwargs))

    return method


def awaiting(
    build: Callable[Params, Operation[Result]],
) -> Callable[Concatenate[Awaiting, Params], Coroutine[Any, Any, Result]]:
    @wraps(build)
    async def method(self: Awaiting, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        return await self._runner.run(build(*args, **kwargs))

    return method


def blocking_pages(
    build: Callable[Params, Pages[Result]],
) -> Callable[Concatenate[Blocking, Params], Iterator[Result]]:
    @wraps(build)
    def method(self: Blocking, /, *args: Params.args, **kwargs: Params.kwargs) -> Iterator[Result]:
        return _iterate(self, build(*args, **kwargs))

    return method


def awaiting_pages(
    build: Callable[Params, Pages[Result]],
) -> Callable[Concatenate[Awaiting, Params], AsyncIterator[Result]]:
    @wraps(build)
    def method(self: Awaiting, /, *args: Params.args, **kwargs: Params.kwargs) -> AsyncIterator[Result]:
        return _iterate_async(self, build(*args, **kwargs))

    return method


def _iterate(self: Blocking, pages: Pages[Result]) -> Iterator[Result]:
    after: str | None = None
    while True:
        items, after = self._runner.run(pages(after))
        yield from items
        if after is None:
            return


async def _iterate_async(self: Awaiting, pages: Pages[Result]) -> AsyncIterator[Result]:
    after: str | None = None
    while True:
        items, after = await self._runner.run(pages(after))
        for item in items:
            yield item
        if after is None:
            return


def ask(kind: type[Result], call: Call) -> Operation[Result]:
    """Makes one call. Returns its reply as JSON, which is of that kind by the contract."""
    reply = yield call
    result: Result = reply.json()
    return result


def delete(path: str, gone: str, **query: str | None) -> Operation[None]:
    yield Call("DELETE", path, query=query, gone=gone)


def list_all(
    kind: type[Result], path: str, name: str, *, is_root: bool = False, **query: str | None
) -> Operation[list[Result]]:
    """Reads a list page by page, to its end."""
    items: list[Result] = []
    after: str | None = None
    while True:
        page = yield from ask(JsonObject, Call("GET", path, query={**query, "after": after}, is_root=is_root))
        items.extend(page[name])
        after = page.get("next")
        if after is None:
            return items


def flag(value: bool | str) -> str | None:
    return "true" if value is True else value or None
