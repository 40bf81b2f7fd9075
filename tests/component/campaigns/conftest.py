"""Campaigns as its processes run it: a real gRPC server in the test's own process, and its worker's handlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from kit.db import Database
from kit.rpc import Server
from kit.worker import Received
from services.campaigns import consumer, publish
from services.campaigns.config import Config
from services.campaigns.server import build
from services.campaigns.storage.unit import CampaignsUnit
from tests.support.rpc import Keys, serving


@pytest.fixture
def url(migrated: Callable[[str], str]) -> str:
    """The service's database."""
    return migrated("campaigns")


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
def campaigns(channel: grpc.aio.Channel) -> CampaignsServiceStub:
    """The service, as a client sees it."""
    return CampaignsServiceStub(channel)


@pytest.fixture
def database(url: str) -> Iterator[Database[CampaignsUnit]]:
    """The same database, as the service's worker sees it."""
    database = Database(url, partial(CampaignsUnit, publish=publish.to_event))
    yield database
    database.close()


class Worker:
    """The role `consume`, without the broker: what comes in is handled, timers run when a test says so."""

    def __init__(self, database: Database[CampaignsUnit]) -> None:
        self._database = database

    async def take(self, *events: Received) -> None:
        """Handle events from orders in one transaction."""
        await asyncio.to_thread(self._database.write, consumer.take_orders, events)

    async def run(self, chore: Callable[[Any], object]) -> None:
        """Run a timer once."""
        await asyncio.to_thread(self._database.write, chore)


@pytest.fixture
def worker(database: Database[CampaignsUnit]) -> Worker:
    """The service's worker."""
    return Worker(database)
