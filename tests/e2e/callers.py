"""Callers of the running suite: by REST, by gRPC, by gRPC-Web."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from tests.support import http
from tests.support.http import Reply

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Caller:
    """Someone with a token, at the gateway's address (host:port)."""

    address: str
    token: str

    def rest(self, verb: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Reply:
        """One call by HTTP, see `tests.support.http.call`."""
        identity = {"authorization": f"Bearer {self.token}"}
        return http.call(self.address, verb, path, body, headers={**identity, **(headers or {})})

    def grpc(self, method: str, request: Message, response: type[M]) -> M:
        """One call by gRPC; `method` is `kehu.members.v1.MembersService/GetMember`. Raises `grpc.RpcError`."""
        with grpc.insecure_channel(self.address) as channel:
            call = channel.unary_unary(
                f"/{method}", request_serializer=_bytes, response_deserializer=response.FromString
            )
            answer: M = call(request, timeout=30, metadata=[("authorization", f"Bearer {self.token}")])
            return answer

    def web(self, method: str, request: Message, response: type[M]) -> tuple[int, M | None]:
        """One call by gRPC-Web: its status, and its answer if that is 0."""
        data = _bytes(request)
        kind = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
        reply = self.rest("POST", f"/{method}", struct.pack(">BI", 0, len(data)) + data, headers=kind)
        if "grpc-status" in reply.headers:
            return int(reply.headers["grpc-status"]), None
        flag, length = struct.unpack(">BI", reply.body[:5])
        assert flag == 0
        return 0, response.FromString(reply.body[5 : 5 + length])


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()
