"""A client for JSON over HTTP/1.1 that costs next to nothing: keep-alive connections, one call at a time on each."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from types import TracebackType
from typing import Any, Self


class Http:
    """Calls one host with a bearer token; as many connections as there are calls under way."""

    def __init__(self, address: str, bearer: str) -> None:
        self._host, port = address.split(":")
        self._port = int(port)
        self._head = f"host: {address}\r\nauthorization: {bearer}\r\ncontent-type: application/json\r\n"
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, writer in self._idle:
            writer.close()

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        """The status and the JSON of the answer."""
        return await self.send("POST", path, body)

    async def send(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The same by any method; without a body if that is None. A connection that broke off is not used again."""
        data = b"" if body is None else json.dumps(body).encode()
        connection = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
        reader, writer = connection
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\n{self._head}content-length: {len(data)}\r\n\r\n".encode() + data)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(_header(head, b"content-length: "))
            content = await reader.readexactly(length) if length else b""
        except BaseException:
            writer.close()
            raise
        status = int(head[9:12])
        self._idle.append(connection)
        return status, _json(content)


def _header(head: bytes, name: bytes) -> bytes:
    start = head.index(name) + len(name)
    return head[start : head.index(b"\r\n", start)]


def _json(content: bytes) -> Any:
    """The answer; text that is not JSON, as the gateway itself may answer, as its message."""
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return {"message": content.decode(errors="replace")}
