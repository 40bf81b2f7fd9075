"""Callers who go on while something is changed under them, and count every call that was not answered well."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

import grpc
from kehu.members.v1 import members_pb2 as members

_PAUSE = 0.01
_PATIENCE = 15.0


@dataclass
class Load:
    """Three callers of the gateway: one reads by REST, one enrolls by REST, one reads by gRPC; none tries again."""

    address: str
    authorization: str
    member: str
    calls: dict[str, int] = field(default_factory=lambda: {"read": 0, "enroll": 0, "grpc": 0})
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Call until the end of the block."""
        over = threading.Event()
        with (
            closing(HTTPConnection(self.address, timeout=_PATIENCE)) as reading,
            closing(HTTPConnection(self.address, timeout=_PATIENCE)) as enrolling,
            grpc.insecure_channel(self.address) as channel,
        ):
            kinds = (("read", self._read(reading)), ("enroll", self._enroll(enrolling)), ("grpc", self._grpc(channel)))
            threads = [threading.Thread(target=self._go_on, args=(kind, call, over)) for kind, call in kinds]
            for thread in threads:
                thread.start()
            try:
                yield
            finally:
                over.set()
                for thread in threads:
                    thread.join()

    def _go_on(self, kind: str, call: Callable[[], None], over: threading.Event) -> None:
        while not over.wait(_PAUSE):
            began = time.monotonic()
            try:
                call()
            except (OSError, HTTPException, grpc.RpcError, AssertionError) as error:
                self.failures.append(f"{kind} at {began:.1f} s for {time.monotonic() - began:.1f} s: {error!r}")
            self.calls[kind] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)

    def _read(self, connection: HTTPConnection) -> Callable[[], None]:
        return lambda: self._rest(connection, "GET", f"/v1/{self.member}", None)

    def _enroll(self, connection: HTTPConnection) -> Callable[[], None]:
        return lambda: self._rest(connection, "POST", "/v1/members", json.dumps({"displayName": "负载"}).encode())

    def _rest(self, connection: HTTPConnection, verb: str, path: str, body: bytes | None) -> None:
        """One call on a connection that stays open until the gateway asks to close it."""
        headers = {"authorization": self.authorization, "content-type": "application/json"}
        try:
            connection.request(verb, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException):
            connection.close()
            raise
        assert answer.status == 200, f"{answer.status} {text[:300]!r}"

    def _grpc(self, channel: grpc.Channel) -> Callable[[], None]:
        get = channel.unary_unary(
            "/kehu.members.v1.MembersService/GetMember",
            request_serializer=members.GetMemberRequest.SerializeToString,
            response_deserializer=members.Member.FromString,
        )
        metadata = [("authorization", self.authorization)]
        request = members.GetMemberRequest(name=self.member)
        return lambda: self._named(get(request, timeout=_PATIENCE, metadata=metadata))

    def _named(self, member: members.Member) -> None:
        assert member.name == self.member
