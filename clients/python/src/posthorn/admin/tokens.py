"""Tokens: make, read, list, rotate and revoke them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .._core.calls import Call, Operation, given, json_body
from .._core.names import check_name, escaped
from .._core.typing import TypedDict
from .._core.values import timestamp_ms
from .binding import Awaiting, AwaitingRunner, Blocking, BlockingRunner, ask, awaiting, blocking, list_all
from .namespaces import RateQuotas

Role = Literal["producer", "consumer", "operator", "admin", "viewer", "metrics"]


class TokenScope(TypedDict):
    kind: str
    """The kind of resource, for example `topic`; `*`: every kind."""
    name: str
    """A name, or a prefix that ends with `*`."""
    actions: list[str]


class Token(TypedDict):
    """Times are in ms since 1970."""

    id: str
    """Names the token, and is no secret."""
    name: str
    namespace: str
    scopes: list[TokenScope]
    roles: list[Role]
    created_at: int
    created_by: str
    expires_at: int | None
    last_used_at: int | None
    rotated_at: int | None
    previous_expires_at: int | None
    revoked_at: int | None
    quotas: RateQuotas


class MadeToken(Token):
    token: str
    """The secret: it is shown only here."""


def make_token(
    namespace: str,
    name: str,
    *,
    roles: list[Role] | None = None,
    scopes: list[TokenScope] | None = None,
    expires_at: datetime | int | None = None,
    quotas: RateQuotas | None = None,
) -> Operation[MadeToken]:
    fields = given(
        name=name,
        namespace=check_name("namespace", namespace),
        roles=roles,
        scopes=scopes,
        quotas=quotas,
        expires_at=None if expires_at is None else timestamp_ms(expires_at, "expires_at"),
    )
    call = Call("POST", "/admin/v1/tokens", body=json_body(fields), is_root=True, is_once=True)
    return (yield from ask(MadeToken, call))


def get_token(id: str) -> Operation[Token]:
    """Returns a token, without its secret. Raises PosthornError `token_not_found`."""
    return (yield from ask(Token, Call("GET", _path(id), is_root=True)))


def list_tokens(namespace: str | None) -> Operation[list[Token]]:
    return (yield from list_all(Token, "/admin/v1/tokens", "tokens", is_root=True, namespace=namespace))


def rotate_token(id: str, *, previous_expires_at: datetime | int | None = None) -> Operation[MadeToken]:
    """Gives it a second secret. The former one stays good until `previous_expires_at`, by default for a day.

    It is not tried again by itself. Raises PosthornError `token_revoked`, `token_rotating`.
    """
    at = None if previous_expires_at is None else timestamp_ms(previous_expires_at, "previous_expires_at")
    body = json_body(given(previous_expires_at=at))
    call = Call("POST", f"{_path(id)}/rotate", body=body, is_root=True, is_once=True)
    return (yield from ask(MadeToken, call))


def revoke_token(id: str) -> Operation[Token]:
    """Revokes a token with all its secrets."""
    return (yield from ask(Token, Call("DELETE", _path(id), is_root=True)))


def _path(id: str) -> str:
    return f"/admin/v1/tokens/{escaped(id)}"


class Tokens(Blocking):
    """Make, read, list, rotate and revoke tokens."""

    def __init__(self, runner: BlockingRunner, namespace: str) -> None:
        super().__init__(runner)
        self._namespace = namespace

    get = blocking(get_token)
    rotate = blocking(rotate_token)
    revoke = blocking(revoke_token)

    def make(
        self,
        name: str,
        *,
        namespace: str | None = None,
        roles: list[Role] | None = None,
        scopes: list[TokenScope] | None = None,
        expires_at: datetime | int | None = None,
        quotas: RateQuotas | None = None,
    ) -> MadeToken:
        """Makes a token, by default for the namespace of the client. It is not tried again by itself."""
        operation = make_token(
            namespace or self._namespace, name, roles=roles, scopes=scopes, expires_at=expires_at, quotas=quotas
        )
        return self._runner.run(operation)

    def list_all(self) -> list[Token]:
        """Returns the tokens of all namespaces, with the root token."""
        return self._runner.run(list_tokens(None))

    def list(self, *, namespace: str | None = None) -> list[Token]:
        """Returns the tokens of a namespace, by default that of the client."""
        return self._runner.run(list_tokens(namespace or self._namespace))


class AsyncTokens(Awaiting):
    """Make, read, list, rotate and revoke tokens."""

    def __init__(self, runner: AwaitingRunner, namespace: str) -> None:
        super().__init__(runner)
        self._namespace = namespace

    get = awaiting(get_token)
    rotate = awaiting(rotate_token)
    revoke = awaiting(revoke_token)

    async def make(
        self,
        name: str,
        *,
        namespace: str | None = None,
        roles: list[Role] | None = None,
        scopes: list[TokenScope] | None = None,
        expires_at: datetime | int | None = None,
        quotas: RateQuotas | None = None,
    ) -> MadeToken:
        """Makes a token, by default for the namespace of the client. It is not tried again by itself."""
        operation = make_token(
            namespace or self._namespace, name, roles=roles, scopes=scopes, expires_at=expires_at, quotas=quotas
        )
        return await self._runner.run(operation)

    async def list_all(self) -> list[Token]:
        """Returns the tokens of all namespaces, with the root token."""
        return await self._runner.run(list_tokens(None))

    async def list(self, *, namespace: str | None = None) -> list[Token]:
        """Returns the tokens of a namespace, by default that of the client."""
        return await self._runner.run(list_tokens(namespace or self._namespace))
