"""Callers of the running suite: by REST, by gRPC, by gRPC-Web."""

from __future__ import annotations

import http.client
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The reason in an error's `ErrorInfo`."""
        return str(next(each["reason"] for each in self.json["details"] if each["@type"].endswith("ErrorInfo")))


@dataclass(frozen=True)
class Caller:
    """Someone with a token, at the gateway's address (host:port)."""

    address: str
    token: str

    def rest(self, verb: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Reply:
        """One call by HTTP; a body that isn't bytes goes as JSON."""
        connection = http.client.HTTPConnection(self.address, timeout=70)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body, ensure_ascii=False).encode()
        sent = {"authorization": f"Bearer {self.token}", "content-type": "application/json", **(headers or {})}
        try:
            connection.request(verb, path, data, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

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
