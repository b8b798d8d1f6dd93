"""Objects: whole and in parts, from files and into files."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

import httpx
import pytest

from posthorn import AsyncPosthorn, Posthorn, PosthornError
from posthorn.admin.objects import PART_BYTES

LARGE = random.Random(7).randbytes(2 * PART_BYTES + 1_000)


def test_a_large_object_goes_in_parts_and_comes_in_pieces(posthorn: Posthorn, name: str, tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(LARGE)
    with (tmp_path / "film").open("rb") as file:
        stored = posthorn.objects.put(f"forever.{name}", file, content_type="video/mp4")
    digest = hashlib.sha256(LARGE).hexdigest()
    assert (stored["bytes"], stored["content_type"], stored["sha256"]) == (len(LARGE), "video/mp4", digest)
    assert posthorn.objects.put(f"forever.{name}", LARGE) == stored
    assert posthorn.objects.get(f"forever.{name}") == LARGE
    with (tmp_path / "copy").open("wb") as copy:
        assert posthorn.objects.download(f"forever.{name}", copy) == len(LARGE)
    assert (tmp_path / "copy").read_bytes() == LARGE
    claim = {"id": f"forever.{name}", "bytes": len(LARGE), "sha256": digest}
    assert posthorn.objects.download(claim, io.BytesIO()) == len(LARGE)
    for wrong in ({"sha256": "0" * 64}, {"bytes": 5}):
        with pytest.raises(PosthornError) as error:
            posthorn.objects.download({**claim, **wrong}, io.BytesIO())
        assert error.value.code == "body_differs"
    posthorn.objects.delete(f"forever.{name}")
    with pytest.raises(PosthornError) as error:
        posthorn.objects.download(f"forever.{name}", io.BytesIO())
    assert error.value.code == "object_not_found"


def test_an_empty_object_has_no_bytes(posthorn: Posthorn, name: str) -> None:
    posthorn.objects.put(f"forever.{name}", b"")
    assert posthorn.objects.download(f"forever.{name}", io.BytesIO()) == 0


class FailingParts(httpx.AsyncHTTPTransport):
    """Breaks the connection of requests for the second part, so often."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures
        self.requests: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {'/'.join(request.url.path.split('/')[-2:])}")
        if request.url.path.endswith("parts/2") and self.failures > 0:
            self.failures -= 1
            raise httpx.ConnectError("the connection broke")
        return await super().handle_async_request(request)


@pytest.mark.asyncio
async def test_a_part_that_failed_is_sent_again_and_no_other(url: str, name: str) -> None:
    failing = FailingParts(2)
    async with AsyncPosthorn(url, http_transport=failing) as client:
        await client.objects.put(f"forever.{name}", LARGE)
        puts = [request for request in failing.requests if request.startswith("PUT")]
        assert puts == ["PUT parts/1", "PUT parts/2", "PUT parts/2", "PUT parts/2", "PUT parts/3"]
        assert await client.objects.get(f"forever.{name}") == LARGE


@pytest.mark.asyncio
async def test_an_upload_that_fails_is_given_up(url: str, name: str) -> None:
    failing = FailingParts(1_000)
    async with AsyncPosthorn(url, http_transport=failing) as client:
        with pytest.raises(PosthornError) as error:
            await client.objects.put(f"forever.{name}", LARGE)
        assert error.value.code == "connection_failed"
        assert failing.requests[-1].startswith("DELETE uploads/")
