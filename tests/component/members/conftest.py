"""Members as its process runs it: a real gRPC server in the test's own process, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.gift_cards_pb2_grpc import GiftCardServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.members.v1.rights_cards_pb2_grpc import RightsCardServiceStub
from kehu.members.v1.stored_value_pb2_grpc import StoredValueServiceStub

from kit.db import Database
from kit.rpc import Server
from services.members import publish
from services.members.config import Config
from services.members.server import build
from services.members.storage.unit import MembersUnit
from tests.support.keyring import VAULT
from tests.support.rpc import Keys, serving


@pytest.fixture
def url(migrated: Callable[[str], str]) -> str:
    """The service's database."""
    return migrated("members")


@pytest.fixture
def server(url: str, settings: Callable[..., Any]) -> Server:
    """The service."""
    return build(settings(Config, database_url=url))


@pytest.fixture
async def channel(server: Server, keys: Keys) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the running service, as an administrator."""
    async with serving(server, keys.bearer("admin")) as channel:
        yield channel


@pytest.fixture
def address(channel: grpc.aio.Channel, server: Server) -> str:
    """Where the running service listens."""
    return f"127.0.0.1:{server.port}"


@pytest.fixture
def members(channel: grpc.aio.Channel) -> MembersServiceStub:
    """The service, as a client sees it."""
    return MembersServiceStub(channel)


@pytest.fixture
def database(url: str) -> Iterator[Database[MembersUnit]]:
    """The same database, as the service's worker sees it."""
    database = Database(url, partial(MembersUnit, publish=publish.to_event, vault=VAULT))
    yield database
    database.close()


@pytest.fixture
def stored_value(channel: grpc.aio.Channel) -> StoredValueServiceStub:
    """Stored value, as a client sees it."""
    return StoredValueServiceStub(channel)


@pytest.fixture
def gift_cards(channel: grpc.aio.Channel) -> GiftCardServiceStub:
    """Gift cards, as a client sees them."""
    return GiftCardServiceStub(channel)


@pytest.fixture
def rights_cards(channel: grpc.aio.Channel) -> RightsCardServiceStub:
    """Rights cards, as a client sees them."""
    return RightsCardServiceStub(channel)


@pytest.fixture
async def member(members: MembersServiceStub) -> str:
    """Somebody who joined."""
    enrolled = await members.EnrollMember(pb.EnrollMemberRequest(member=pb.Member(display_name="Fang")))
    return str(enrolled.name)
