"""`PosthornError`: the one error class of the client, and the codes of failures on the client's side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class PosthornError(Exception):
    """Everything that the client raises.

    `code` is one of the broker's (see `/openapi.json`), or one of these:

    - `invalid_argument`: a value was refused before anything was sent
    - `connection_failed`: no reply came; the request may or may not have been carried out
    - `unexpected_reply`: a reply came that is not Posthorn's, for example from a proxy
    - `timeout`: no reply in time, or the delivery timeout of a record ran out; `__cause__` is the last failure
    - `aborted`: the consumer was aborted
    - `closed`: the client, producer, publisher or consumer was closed
    - `unroutable`: the message was mandatory, and no binding took it
    - `request_failed`: whoever took the request failed; `details` has the `type` and `message` of its error
    - `handler_failed`: the handler of a group's consumer failed after its last retry, and there is no dead letter
    - `settlement_refused`: the delivery was not the consumer's any more, and nothing has changed;
      `details["outcome"]` says why, for example `lease_expired`
    - `body_differs`: the object of a large body is not the one that its message refers to
    """

    code: str
    """Stable name of the failure."""
    retryable: bool
    """True if the same call may succeed when it is repeated."""
    status: int | None
    """HTTP status, if a reply came."""
    details: Mapping[str, Any]
    """Further members of the problem document, such as `log_start_offset`."""
    retry_after: float | None
    """How long the broker asked to wait, in seconds (`Retry-After`)."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.status = status
        self.details = details if details is not None else {}
        self.retry_after = retry_after

    def __repr__(self) -> str:
        return f"PosthornError({self.code!r}, {str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns what `pickle` needs: errors cross process pools."""
        fields = {
            "retryable": self.retryable,
            "status": self.status,
            "details": dict(self.details),
            "retry_after": self.retry_after,
        }
        return (_restored, (self.code, str(self), fields))


def _restored(code: str, message: str, fields: dict[str, Any]) -> PosthornError:
    return PosthornError(code, message, **fields)


def invalid_argument(message: str) -> PosthornError:
    return PosthornError("invalid_argument", message)


def aborted() -> PosthornError:
    return PosthornError("aborted", "the consumer was aborted")


def as_posthorn_error(error: BaseException) -> PosthornError:
    """Returns the error, or a retryable `connection_failed` that it is the cause of."""
    if isinstance(error, PosthornError):
        return error
    failure = PosthornError("connection_failed", f"{type(error).__name__}: {error}", retryable=True)
    failure.__cause__ = error
    return failure
