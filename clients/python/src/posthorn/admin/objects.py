"""Objects: bodies that are too large for a message, in the bucket of the broker."""

from __future__ import annotations

import hashlib
import re

from .._core.calls import Call, Operation
from .._core.typing import NotRequired, TypedDict
from ..errors import invalid_argument
from .binding import Awaiting, Blocking, ask, awaiting, blocking, delete, list_all

_ID = re.compile(r"(?:\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|forever)\.[A-Za-z0-9._-]{1,200}\Z")

_ID_RULE = 'a day and a name, such as "2026-12-05.photo-7", or "forever.photo-7"'


class StoredObject(TypedDict):
    object: str
    bytes: int
    content_type: str
    sha256: NotRequired[str]
    stored_at: int
    expires_at: int | None


def put_object(object: str, body: bytes, *, content_type: str = "application/octet-stream") -> Operation[StoredObject]:
    """Stores an object. It exists until the end of the day in its id, in UTC, or without end as `forever.<name>`.

    An object never changes: the same bytes may be put again, others are refused.
    Raises PosthornError `object_differs`, `objects_unbound`, `request_too_large`.
    """
    query = {"sha256": hashlib.sha256(body).hexdigest()}
    call = Call("PUT", _path(object), query=query, body=body, content_type=content_type)
    return (yield from ask(StoredObject, call))


def get_object(object: str) -> Operation[bytes]:
    """Returns the bytes of an object. Raises PosthornError `object_not_found`."""
    reply = yield Call("GET", _path(object))
    return reply.content


def list_objects() -> Operation[list[StoredObject]]:
    """Returns all objects of the namespace. What expires first comes first."""
    return (yield from list_all(StoredObject, "/objects", "objects"))


def delete_object(object: str) -> Operation[None]:
    """Deletes an object before it expires."""
    yield from delete(_path(object), "object_not_found")


def _path(object: str) -> str:
    if isinstance(object, str) and _ID.match(object):
        return f"/objects/{object}"
    raise invalid_argument(f"object {object!r}: expected {_ID_RULE}")


class Objects(Blocking):
    """Put, read, list and delete objects: bodies that are too large for a message."""

    put = blocking(put_object)
    get = blocking(get_object)
    list = blocking(list_objects)
    delete = blocking(delete_object)


class AsyncObjects(Awaiting):
    """Put, read, list and delete objects: bodies that are too large for a message."""

    put = awaiting(put_object)
    get = awaiting(get_object)
    list = awaiting(list_objects)
    delete = awaiting(delete_object)
