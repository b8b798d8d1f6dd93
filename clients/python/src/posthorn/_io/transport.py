"""Transport: sends calls with their address, headers and time limit, and turns failures into `PosthornError`."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol, TypeVar

import anyio
import httpx

from .._core.calls import Call, Operation, Reply
from .._core.options import ClientConfig
from .._core.reply_error import error_of_reply
from .._core.retry import RetryPolicy, delay_s
from .._version import __version__
from ..errors import PosthornError, as_posthorn_error

_TOPOLOGY_VERSION = "posthorn-topology-version"
_IDLE_S_MAX = 4.0
"""The broker closes a connection that was idle for 5 s. A request must not meet that."""

Result = TypeVar("Result")


class User(Protocol):
    """What uses a transport until it is closed."""

    def abort(self, error: PosthornError) -> None: ...


class Transport:
    """The connections of one client, in one event loop."""

    def __init__(self, config: ClientConfig, http_transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.config = config
        self._http_transport = http_transport
        self._client: httpx.AsyncClient | None = None
        self._is_closed = False
        self._users: weakref.WeakSet[User] = weakref.WeakSet()
        self._topology_version = 0
        """The newest that a reply carried. Requests send it back, so that the client reads its own writes."""

    def add_user(self, user: User) -> None:
        self._users.add(user)

    async def close(self) -> None:
        """Ends everything that uses it: who waits for a record must not wait for ever."""
        self._is_closed = True
        for user in list(self._users):
            user.abort(PosthornError("closed", "the client is closed"))
        if self._client is not None:
            await self._client.aclose()

    async def run(self, operation: Operation[Result]) -> Result:
        """Carries out an operation. Calls that fail for the moment are repeated as the retry policy says."""
        return await self._run(operation, self._repeatedly)

    async def run_once(self, operation: Operation[Result]) -> Result:
        """As `run`, with one attempt for each call."""
        return await self._run(operation, self.call)

    async def _run(self, operation: Operation[Result], make: Callable[[Call], Awaitable[Reply]]) -> Result:
        step: Callable[[], Call] = operation.__next__
        while True:
            try:
                call = step()
            except StopIteration as end:
                result: Result = end.value
                return result
            try:
                step = _sender(operation, await make(call))
            except PosthornError as error:
                step = _thrower(operation, error)

    async def _repeatedly(self, call: Call) -> Reply:
        attempts = 0

        async def attempt() -> Reply:
            nonlocal attempts
            attempts += 1
            try:
                return await self.call(call)
            except PosthornError as error:
                if attempts > 1 and call.gone is not None and error.code == call.gone:
                    return Reply({}, b"null")
                raise

        if call.is_once:
            return await attempt()
        return await with_retries(self.config.retry, attempt, attempts=self.config.retry.attempts)

    async def call(self, call: Call) -> Reply:
        """Makes one attempt."""
        limit_ms = self.config.timeout_ms if call.timeout_ms is None else call.timeout_ms
        try:
            with anyio.fail_after((limit_ms + call.wait_ms) / 1_000):
                return await self._exchange(call)
        except TimeoutError as cause:
            text = f"{call}: no reply within {limit_ms + call.wait_ms:.0f} ms"
            raise PosthornError("timeout", text, retryable=True) from cause
        except (httpx.HTTPError, OSError, anyio.BrokenResourceError, anyio.ClosedResourceError) as cause:
            text = f"{call}: {cause or type(cause).__name__}"
            raise PosthornError("connection_failed", text, retryable=True) from cause

    async def _exchange(self, call: Call) -> Reply:
        response = await self._send(call)
        # Nothing was done yet: the broker checks the token before anything else.
        if response.status_code == 401 and callable(self.config.token):
            response = await self._send(call)
        version = response.headers.get(_TOPOLOGY_VERSION)
        if version is not None and version.isdecimal():
            self._topology_version = max(self._topology_version, int(version))
        if not response.is_success:
            raise error_of_reply(str(call), response.status_code, response.headers, response.content)
        return Reply(response.headers, response.content)

    async def _send(self, call: Call) -> httpx.Response:
        headers = {"user-agent": f"posthorn-python/{__version__}"}
        given = self.config.headers
        headers.update(given() if callable(given) else given or {})
        if self.config.token is not None:
            headers["authorization"] = f"Bearer {await self._token()}"
        if call.body is not None:
            headers["content-type"] = call.content_type
        if call.accept is not None:
            headers["accept"] = call.accept
        if call.range is not None:
            headers["range"] = f"bytes={call.range[0]}-{call.range[1]}"
        if self._topology_version > 0:
            headers[_TOPOLOGY_VERSION] = str(self._topology_version)
        query = {name: value for name, value in call.query.items() if value is not None}
        base = self.config.root_url if call.is_root else self.config.base_url
        return await self._open().request(
            call.method, f"{base}{call.path}", params=query or None, content=call.body, headers=headers
        )

    async def _token(self) -> str:
        token = self.config.token
        if not callable(token):
            return token or ""
        made = token()
        return await made if inspect.isawaitable(made) else made

    def _open(self) -> httpx.AsyncClient:
        if self._is_closed:
            raise PosthornError("closed", "the client is closed")
        if self._client is None:
            # A long poll holds a connection, so their number has no limit.
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=_IDLE_S_MAX)
            self._client = httpx.AsyncClient(
                limits=limits, timeout=None, follow_redirects=True, transport=self._http_transport
            )
        return self._client


def _sender(operation: Operation[Result], reply: Reply) -> Callable[[], Call]:
    return lambda: operation.send(reply)


def _thrower(operation: Operation[Result], error: PosthornError) -> Callable[[], Call]:
    return lambda: operation.throw(error)


async def with_retries(
    policy: RetryPolicy,
    run: Callable[[], Awaitable[Result]],
    *,
    attempts: int | None = None,
    within_ms: float | None = None,
    tell: Callable[[PosthornError], None] | None = None,
) -> Result:
    """Runs until it succeeds, fails for good, or reaches a limit. Then raises the last failure.

    `within_ms`: no attempt begins later than this after the first failure.
    """
    failed_at: float | None = None
    failures = 0
    while True:
        try:
            return await run()
        except PosthornError as failure:
            error = as_posthorn_error(failure)
        failures += 1
        if not error.retryable or (attempts is not None and failures >= attempts):
            raise error
        wait = delay_s(policy, failures, error)
        now = monotonic()
        failed_at = now if failed_at is None else failed_at
        if within_ms is not None and (now + wait - failed_at) * 1_000 > within_ms:
            raise error
        if tell is not None:
            tell(error)
        await asyncio.sleep(wait)
