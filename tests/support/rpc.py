"""A real gRPC server in the test's own process, with real tokens, and a channel that carries one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from kit.rpc import Server, Tokens
from kit.settings import Settings
from kit.signing import public_jwk
from tests.support.keyring import KEYRING

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Keys:
    """A development issuer's key and a service's key, with the public halves as a file."""

    jwks_file: Path
    service_key_file: Path
    keyring_file: Path
    issuer: Tokens

    def bearer(self, *roles: str, subject: str = "tester", org: str = "/") -> str:
        """An `authorization` header."""
        return f"Bearer {self.issuer.issue(subject, list(roles), org=org)}"


def make_keys(folder: Path) -> Keys:
    """New keys in a folder."""
    public = []
    pems = {}
    for key_id in ("development", "service"):
        private = ec.generate_private_key(ec.SECP256R1())
        pems[key_id] = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        public.append(public_jwk(pems[key_id]))
    (folder / "jwks.json").write_text(json.dumps({"keys": public}))
    (folder / "service.pem").write_text(pems["service"])
    (folder / "keyring.json").write_text(KEYRING.dump())
    return Keys(
        folder / "jwks.json",
        folder / "service.pem",
        folder / "keyring.json",
        Tokens(pems["development"], public[0]["kid"]),
    )


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys of this test run."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def settings(keys: Keys) -> Callable[..., Any]:
    """`settings(Config, database_url=..., **others)`: a service's settings as its process would load them."""

    def make(kind: type[S], *, database_url: str, **others: Any) -> S:
        return kind(
            database_url=database_url,
            jwks_file=str(keys.jwks_file),
            service_key_file=str(keys.service_key_file),
            page_token_key="a key of the tests",
            keyring_file=str(keys.keyring_file),
            **others,
        )

    return make


@asynccontextmanager
async def serving(server: Server, authorization: str = "") -> AsyncIterator[grpc.aio.Channel]:
    """Start the server; answers a channel to it whose calls carry `authorization`, until the end of the block."""
    await server.start()
    try:
        async with channel_to(f"127.0.0.1:{server.port}", authorization) as channel:
            yield channel
    finally:
        await server.stop(grace=0.5)


@asynccontextmanager
async def channel_to(address: str, authorization: str = "") -> AsyncIterator[grpc.aio.Channel]:
    """A channel whose calls carry `authorization`."""
    interceptors = [_Bearer(authorization)] if authorization else []
    async with grpc.aio.insecure_channel(address, interceptors=interceptors) as channel:
        yield channel


class _Bearer(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    def __init__(self, authorization: str) -> None:
        self._authorization = authorization

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Message) -> Any:
        metadata = [*(details.metadata or ()), ("authorization", self._authorization)]
        return await continuation(details._replace(metadata=metadata), request)


@dataclass(frozen=True)
class Refusal:
    """What a client sees of a refused call."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: dict[str, str]
    fields: list[str]


async def refused(call: Any) -> Refusal:
    """Await a call that must be refused, and answer how."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    status = rpc_status.from_call(caught.value)
    info, fields = error_details_pb2.ErrorInfo(), []
    for detail in status.details if status else []:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo.FromString(detail.value)
        if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            request = error_details_pb2.BadRequest.FromString(detail.value)
            fields = [violation.field for violation in request.field_violations]
    return Refusal(caught.value.code(), info.reason, caught.value.details() or "", dict(info.metadata), fields)
