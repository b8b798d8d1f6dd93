"""Group requests: the calls of a member to the broker. Each makes one attempt."""

from __future__ import annotations

from typing import Any

from .._core.calls import Call, given, json_body
from .._core.group_records import Position
from .._core.json_text import read_items
from .._core.limits import REQUEST_RECORDS_MAX
from .._core.names import group_path, member_path
from .group_config import GroupConfig
from .transport import Transport


class GroupRequests:
    def __init__(self, transport: Transport, config: GroupConfig) -> None:
        self._transport = transport
        self._config = config
        self._beat_timeout_ms = min(transport.config.timeout_ms, config.session_timeout_ms / 2)
        """A heartbeat that takes longer is of no use."""

    async def join(self) -> dict[str, Any]:
        config = self._config
        fields = given(
            topics=list(config.topics) or None,
            topic_pattern=config.topic_pattern,
            assignor=config.assignor,
            instance_id=config.instance_id,
            session_timeout_ms=config.session_timeout_ms,
            rack=config.rack,
            auto_offset_reset=config.auto_offset_reset,
        )
        return await self._post(f"{group_path(config.group)}/members", fields)

    async def heartbeat(self, member_id: str, epoch: int, partitions: list[dict[str, Any]]) -> dict[str, Any]:
        path = f"{member_path(self._config.group, member_id)}/heartbeat"
        return await self._post(path, {"epoch": epoch, "partitions": partitions}, self._beat_timeout_ms)

    async def fetch(
        self, member_id: str, epoch: int, partitions: list[dict[str, Any]], positions: list[dict[str, Any]]
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Returns the reply without its records, and the records."""
        config = self._config
        fields = {
            "epoch": epoch,
            "partitions": partitions,
            "positions": positions,
            "max_records": REQUEST_RECORDS_MAX,
            "max_bytes": config.fetch_bytes,
            "wait_ms": config.wait_ms,
            "isolation": config.isolation,
            "on_corrupt": "skip",
        }
        path = f"{member_path(config.group, member_id)}/records"
        reply = await self._transport.call(Call("POST", path, body=json_body(fields), wait_ms=config.wait_ms))
        return read_items(reply.content, "records", "value")

    async def commit(self, member_id: str, epoch: int, positions: list[Position]) -> None:
        offsets = [position.fields() for position in positions]
        fields = {"member_id": member_id, "epoch": epoch, "offsets": offsets}
        await self._post(f"{group_path(self._config.group)}/offsets", fields)

    async def leave(self, member_id: str) -> None:
        await self._transport.run(_leave(member_path(self._config.group, member_id)))

    async def _post(self, path: str, fields: dict[str, Any], timeout_ms: float | None = None) -> dict[str, Any]:
        reply = await self._transport.call(Call("POST", path, body=json_body(fields), timeout_ms=timeout_ms))
        result: dict[str, Any] = reply.json()
        return result


def _leave(path: str) -> Any:
    yield Call("DELETE", path, gone="member_not_found")
