"""Objects: bodies that are too large for a message, in the bucket of the broker."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from .._core.calls import Call, Operation, json_body
from .._core.typing import NotRequired, TypedDict
from ..errors import PosthornError, invalid_argument
from .binding import Awaiting, Blocking, JsonObject, ask, awaiting, blocking, delete, list_all

PART_BYTES = 16 * 1024 * 1024
"""Of what goes or comes at a time, and is in memory."""

_SLOWEST_BYTES_PER_MS = 100
_TIMEOUT_MS = 30_000


def body_timeout_ms(size: int) -> float:
    """Returns the time limit of a request that brings so many bytes, or takes them."""
    return _TIMEOUT_MS + size / _SLOWEST_BYTES_PER_MS


_ID = re.compile(r"(?:\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|forever)\.[A-Za-z0-9._-]{1,200}\Z")

_ID_RULE = 'a day and a name, such as "2026-12-05.photo-7", or "forever.photo-7"'


class StoredObject(TypedDict):
    object: str
    bytes: int
    content_type: str
    sha256: NotRequired[str]
    stored_at: int
    expires_at: int | None


class _Part(TypedDict):
    part: int
    etag: str


def put_object(
    object: str, body: bytes | BinaryIO, *, content_type: str = "application/octet-stream"
) -> Operation[StoredObject]:
    """Stores an object. It exists until the end of the day in its id, in UTC, or without end as `forever.<name>`.

    `body` is bytes, or a file that was opened for reading bytes. One of more than 32 MiB goes in parts, of which one that
    fails is sent again; nobody sees the object before it is complete.
    An object never changes: the same bytes may be put again, others are refused.
    Raises PosthornError `object_differs`, `objects_unbound`, `request_too_large`, `quota`.
    """
    path = _path(object)
    source = io.BytesIO(body) if isinstance(body, (bytes, bytearray, memoryview)) else body
    size, sha256 = _measure(source)
    if size <= 2 * PART_BYTES:
        source.seek(0)
        content = source.read(size)
        call = Call(
            "PUT",
            path,
            query={"sha256": sha256},
            body=content,
            content_type=content_type,
            timeout_ms=body_timeout_ms(size),
        )
        return (yield from ask(StoredObject, call))
    begin = json_body({"bytes": size, "sha256": sha256, "content_type": content_type})
    begun = yield from ask(JsonObject, Call("POST", f"{path}/uploads", body=begin))
    if "upload" not in begun:
        return cast("StoredObject", begun)
    at = f"{path}/uploads/{begun['upload']}"
    try:
        parts: list[_Part] = []
        while len(parts) < begun["parts"]:
            parts.append((yield from _put_part(at, len(parts) + 1, source, begun["part_bytes"])))
        return (yield from ask(StoredObject, Call("POST", f"{at}/complete", body=json_body({"parts": parts}))))
    except PosthornError:
        # Otherwise the broker deletes it after a day.
        with contextlib.suppress(PosthornError):
            yield Call("DELETE", at, is_once=True)
        raise


def _put_part(at: str, part: int, source: BinaryIO, part_bytes: int) -> Operation[_Part]:
    source.seek((part - 1) * part_bytes)
    content = source.read(part_bytes)
    call = Call(
        "PUT",
        f"{at}/parts/{part}",
        query={"sha256": hashlib.sha256(content).hexdigest()},
        body=content,
        content_type="application/octet-stream",
        timeout_ms=body_timeout_ms(len(content)),
    )
    return (yield from ask(_Part, call))


def _measure(source: BinaryIO) -> tuple[int, str]:
    """Returns the bytes of a file and their SHA-256."""
    digest = hashlib.sha256()
    size = 0
    source.seek(0)
    while piece := source.read(1024 * 1024):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


def get_object(object: str) -> Operation[bytes]:
    """Returns the bytes of an object. Raises PosthornError `object_not_found`."""
    reply = yield Call("GET", _path(object))
    return reply.content


def download_object(what: str | Mapping[str, Any], file: BinaryIO) -> Operation[int]:
    """Writes an object to a file that was opened for writing bytes, piece by piece. Returns the number of bytes.

    `what` is the id, or the claim of a message or record, whose length and SHA-256 are then checked at the end.
    Raises PosthornError `object_not_found`, `body_differs`.
    """
    claim = None if isinstance(what, str) else what
    object = what if isinstance(what, str) else what["id"]
    path = _path(object)
    digest = hashlib.sha256()
    size = 0
    total: int | None = None if claim is None else claim["bytes"]
    etag: str | None = None
    while total is None or size < total:
        first = size
        try:
            reply = yield Call("GET", path, range=(first, first + PART_BYTES - 1), timeout_ms=body_timeout_ms(PART_BYTES))
        except PosthornError as error:
            if error.code == "range_unsatisfiable" and first == 0:
                break  # it has no bytes
            raise
        if etag is not None and reply.headers.get("etag") != etag:
            raise _body_differs(object)
        etag = reply.headers.get("etag")
        total = int(reply.headers["content-range"].rpartition("/")[2])
        digest.update(reply.content)
        file.write(reply.content)
        size += len(reply.content)
    if claim is not None and (size != claim["bytes"] or digest.hexdigest() != claim["sha256"]):
        raise _body_differs(object)
    return size


def _body_differs(object: str) -> PosthornError:
    return PosthornError("body_differs", f'object "{object}" is not the body that the message refers to')


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
    download = blocking(download_object)
    list = blocking(list_objects)
    delete = blocking(delete_object)


class AsyncObjects(Awaiting):
    """Put, read, list and delete objects: bodies that are too large for a message."""

    put = awaiting(put_object)
    get = awaiting(get_object)
    download = awaiting(download_object)
    list = awaiting(list_objects)
    delete = awaiting(delete_object)
