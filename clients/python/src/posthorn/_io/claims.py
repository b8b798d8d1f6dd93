"""Claims: bodies that were too large for their messages, and that a client has stored as objects of the broker."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from .._core.received import Received
from ..admin.objects import get_object
from ..errors import PosthornError
from .transport import Transport


async def open_claims(transport: Transport, received: Iterable[Received]) -> None:
    """Gets the bodies that messages or records refer to. Raises PosthornError `object_not_found`, `body_differs`."""
    for each in received:
        claim = each.claim
        if claim is None or each.is_opened:
            continue
        body = await transport.run(get_object(claim["id"]))
        if hashlib.sha256(body).hexdigest() != claim["sha256"]:
            raise PosthornError("body_differs", f'object "{claim["id"]}" is not the body that the message refers to')
        each.open(body)
