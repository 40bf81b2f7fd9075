"""A peer with two replicas: they restart one after the other, and nobody who asks notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1 import members_pb2_grpc
from prometheus_client import REGISTRY

from kit.db import AsyncDatabase
from kit.rpc import Edge, Peer, Server, Servicer, call
from kit.settings import Settings
from kit.unit import Unit
from tests.support.rpc import Keys

MEMBER = "members/0199a0b0-0000-7000-8000-000000000001"
CALLERS = 4

Replica = Callable[..., Server]


class Named(members_pb2_grpc.MembersServiceServicer):
    """Answers with its own name, after a little work."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def GetMember(self, request: pb.GetMemberRequest, context: Any) -> Any:
        await asyncio.sleep(0.01)
        return pb.Member(name=request.name, display_name=self._name)


@pytest.fixture
def replica(database_url: str, settings: Callable[..., Any]) -> Replica:
    """`replica("one", port, drain=seconds)`: a server of members; without a port it finds one."""

    def make(name: str, port: int = 0, *, drain: float = 0.0) -> Server:
        database = AsyncDatabase(database_url, lambda connection, now: Unit(connection, now, publish=_nothing))
        proto, add = "kehu.members.v1.MembersService", members_pb2_grpc.add_MembersServiceServicer_to_server
        settled = settings(Settings, database_url=database_url, grpc_address=f"127.0.0.1:{port}", drain_seconds=drain)
        servicer: Any = Named
        return Server("members", settled, database, Edge(database), [Servicer(proto, add, servicer(name))])

    return make


def _nothing(fact: object) -> Any:
    raise AssertionError(fact)


@asynccontextmanager
async def peer_of(ports: list[int], keys: Keys) -> AsyncIterator[Peer]:
    target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    peer = Peer("members", target, caller="orders", tokens=keys.issuer)
    yield peer
    await peer.close()


async def ask(peer: Peer) -> str:
    """The name of the replica that answered. Raises Fault if none did."""
    call.enter(call.own("a test", asyncio.get_running_loop().time() + 5))
    answer: pb.Member = await peer.call(
        members_pb2_grpc.MembersServiceStub(peer.channel).GetMember, pb.GetMemberRequest(name=MEMBER)
    )
    return answer.display_name


async def ask_until(peer: Peer, name: str) -> None:
    """Ask until a replica is among those that answer."""
    async with asyncio.timeout(10):
        while await ask(peer) != name:
            pass


async def test_no_call_to_a_peer_fails_while_its_replicas_restart_one_after_the_other(
    replica: Replica, keys: Keys
) -> None:
    servers = {"one": replica("one"), "two": replica("two")}
    for server in servers.values():
        await server.start()
    ports = {name: server.port for name, server in servers.items()}
    over = asyncio.Event()
    answered = 0

    async def keep_asking(peer: Peer) -> None:
        nonlocal answered
        while not over.is_set():
            await ask(peer)
            answered += 1

    async with peer_of(list(ports.values()), keys) as peer, asyncio.TaskGroup() as callers:
        await asyncio.gather(*(ask_until(peer, name) for name in servers))
        for _ in range(CALLERS):
            callers.create_task(keep_asking(peer))
        for name, port in ports.items():
            before = answered
            await servers[name].stop(grace=5)
            servers[name] = replica(name, port)
            await servers[name].start()
            await ask_until(peer, name)
            assert answered > before
        over.set()
    for server in servers.values():
        await server.stop(grace=0.1)


async def test_a_replica_that_is_gone_for_good_is_passed_over(replica: Replica, keys: Keys) -> None:
    gone, there = replica("gone"), replica("there")
    await gone.start()
    await gone.stop(grace=0.1)
    await there.start()

    async with peer_of([gone.port, there.port], keys) as peer:
        assert {await ask(peer) for _ in range(20)} == {"there"}

    await there.stop(grace=0.1)


async def test_a_replica_that_says_it_will_go_is_asked_no_more(replica: Replica, keys: Keys) -> None:
    going, staying = replica("going", drain=3), replica("staying")
    await going.start()
    await staying.start()

    async with peer_of([going.port, staying.port], keys) as peer:
        await asyncio.gather(*(ask_until(peer, name) for name in ("going", "staying")))
        stopping = asyncio.create_task(going.stop(grace=0.1))
        async with asyncio.timeout(10):
            while "going" in {await ask(peer) for _ in range(4)}:
                pass
        before = _failed()
        assert {await ask(peer) for _ in range(20)} == {"staying"}
        await stopping
        assert _failed() == before

    await staying.stop(grace=0.1)


def _failed() -> float:
    """Tries of the peer that failed, be it that the next one succeeded."""
    name, codes = "rpc_client_call_duration_seconds_count", ("UNAVAILABLE", "CANCELLED")
    found = [{"peer": "members", "rpc_response_status_code": code} for code in codes]
    return sum(REGISTRY.get_sample_value(name, labels) or 0.0 for labels in found)


async def test_a_server_goes_although_its_peers_watch_its_health(replica: Replica, keys: Keys) -> None:
    server = replica("one")
    await server.start()

    async with peer_of([server.port], keys) as peer:
        await ask(peer)
        async with asyncio.timeout(10):
            await server.stop(grace=60)
