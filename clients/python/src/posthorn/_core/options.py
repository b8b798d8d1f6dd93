"""The options of a client, and their defaults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import invalid_argument
from .names import check_name
from .retry import RetryPolicy
from .tracing import Tracing

Token = str | Callable[[], str | Awaitable[str]]
RequestHeaders = Mapping[str, str] | Callable[[], Mapping[str, str]]


@dataclass(frozen=True)
class ClientConfig:
    root_url: str
    """The address of the broker, without a slash at the end."""
    namespace: str
    token: Token | None
    headers: RequestHeaders | None
    timeout_ms: float
    """Of one request; a long poll adds its waiting time."""
    retry: RetryPolicy
    tracing: Tracing | None = None

    @property
    def base_url(self) -> str:
        return f"{self.root_url}/v1/{self.namespace}"


def client_config(
    url: str,
    namespace: str,
    token: Token | None,
    headers: RequestHeaders | None,
    timeout_ms: float,
    retry: RetryPolicy | None,
    tracing: Tracing | None = None,
) -> ClientConfig:
    """Checks the options. Raises PosthornError `invalid_argument`."""
    if not timeout_ms > 0:
        raise invalid_argument(f"timeout_ms is a positive number, got {timeout_ms!r}")
    return ClientConfig(
        _base_of(url), check_name("namespace", namespace), token, headers, timeout_ms, retry or RetryPolicy(), tracing
    )


def _base_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname:
            return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    except ValueError:
        pass
    raise invalid_argument(f'url: expected an address such as http://127.0.0.1:8787, got "{url}"')
