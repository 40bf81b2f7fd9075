"""A service that demands certificates, and its peers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1 import members_pb2_grpc

from kit.db import AsyncDatabase
from kit.errors import Fault, Kind
from kit.rpc import Edge, Peer, Server, Servicer, call, tls
from kit.settings import Settings, SettingsError, load
from kit.unit import Unit
from tests.support.certificates import Authority
from tests.support.rpc import Keys, channel_to, refused


class Here(members_pb2_grpc.MembersServiceServicer):
    async def GetMember(self, request: pb.GetMemberRequest, context: Any) -> Any:
        return pb.Member(name=request.name)


@dataclass(frozen=True)
class Scene:
    server: Server
    authority: Authority
    files: Callable[[str], dict[str, str]]
    """The settings of a process that shows a certificate of the given name."""


@pytest.fixture
async def scene(database_url: str, settings: Callable[..., Any], tmp_path: Path) -> AsyncIterator[Scene]:
    authority = Authority(tmp_path)

    def files(name: str) -> dict[str, str]:
        pair = authority.sign(name, "localhost")
        return {
            "tls_cert_file": str(pair.certificate),
            "tls_key_file": str(pair.key),
            "tls_ca_file": str(authority.certificate),
        }

    database = AsyncDatabase(database_url, lambda connection, now: Unit(connection, now, publish=_nothing))
    servicer: Any = Here
    name, add = "kehu.members.v1.MembersService", members_pb2_grpc.add_MembersServiceServicer_to_server
    settled = settings(Settings, database_url=database_url, **files("members"))
    server = Server("members", settled, database, Edge(database), [Servicer(name, add, servicer())])
    await server.start()
    yield Scene(server, authority, files)
    await server.stop(grace=0.1)


def _nothing(fact: object) -> Any:
    raise AssertionError(fact)


@asynccontextmanager
async def peer_of(scene: Scene, keys: Keys, credentials: grpc.ChannelCredentials | None) -> AsyncIterator[Peer]:
    peer = Peer(
        "members",
        f"localhost:{scene.server.port}",
        caller="orders",
        tokens=keys.issuer,
        credentials=credentials,
    )
    call.enter(call.own("a test", asyncio.get_running_loop().time() + 2))
    yield peer
    await peer.close()


async def test_a_peer_with_a_certificate_is_answered(
    scene: Scene, keys: Keys, settings: Callable[..., Any], database_url: str
) -> None:
    credentials = tls.towards(settings(Settings, database_url=database_url, **scene.files("orders")))

    async with peer_of(scene, keys, credentials) as peer:
        member = await peer.call(members_pb2_grpc.MembersServiceStub(peer.channel).GetMember, request())

    assert member.name == request().name


async def test_a_peer_without_a_certificate_or_with_a_strangers_is_not_answered(
    scene: Scene, keys: Keys, tmp_path: Path
) -> None:
    trusted = scene.authority.certificate.read_bytes()
    pair = Authority(tmp_path, "stranger").sign("stranger", "localhost")
    strangers = [
        None,
        grpc.ssl_channel_credentials(trusted),
        grpc.ssl_channel_credentials(trusted, pair.key.read_bytes(), pair.certificate.read_bytes()),
    ]
    for credentials in strangers:
        async with peer_of(scene, keys, credentials) as peer:
            with pytest.raises(Fault) as refusal:
                await peer.call(members_pb2_grpc.MembersServiceStub(peer.channel).GetMember, request())
            assert refusal.value.kind is Kind.UNAVAILABLE


async def test_a_certificate_does_not_stand_in_for_a_token(scene: Scene, tmp_path: Path) -> None:
    pair = scene.authority.sign("somebody", "localhost")
    credentials = grpc.ssl_channel_credentials(
        scene.authority.certificate.read_bytes(), pair.key.read_bytes(), pair.certificate.read_bytes()
    )
    async with grpc.aio.secure_channel(f"localhost:{scene.server.port}", credentials) as channel:
        refusal = await refused(members_pb2_grpc.MembersServiceStub(channel).GetMember(request()))

    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_plain_channel_finds_nobody(scene: Scene, keys: Keys) -> None:
    async with channel_to(f"localhost:{scene.server.port}", keys.bearer("admin")) as channel:
        refusal = await refused(members_pb2_grpc.MembersServiceStub(channel).GetMember(request(), timeout=5))

    assert refusal.code is grpc.StatusCode.UNAVAILABLE


def test_half_of_the_files_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_DATABASE_URL", "postgresql://x@y/z")
    monkeypatch.setenv("KEHU_TLS_CERT_FILE", "/somewhere.crt")

    with pytest.raises(SettingsError, match="KEHU_TLS_KEY_FILE and KEHU_TLS_CA_FILE belong together"):
        load(Settings)


def request() -> pb.GetMemberRequest:
    return pb.GetMemberRequest(name="members/018f0000-0000-7000-8000-000000000000")
