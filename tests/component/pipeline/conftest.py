"""Pipeline as its process runs it: a real gRPC server in the test's own process, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from kehu.pipeline.v1.pipeline_pb2_grpc import PipelineServiceStub

from kit.db import Database
from kit.rpc import Server
from services.pipeline import publish
from services.pipeline.config import Config
from services.pipeline.server import build
from services.pipeline.storage.unit import PipelineUnit
from tests.support.rpc import Keys, serving


@pytest.fixture
def url(migrated: Callable[[str], str]) -> str:
    """The service's database."""
    return migrated("pipeline")


@pytest.fixture
def server(url: str, settings: Callable[..., Any]) -> Server:
    """The service."""
    return build(settings(Config, database_url=url))


@pytest.fixture
async def channel(server: Server, keys: Keys) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the running service, as a sales person."""
    async with serving(server, keys.bearer("sales", subject="wang")) as channel:
        yield channel


@pytest.fixture
def address(channel: grpc.aio.Channel, server: Server) -> str:
    """Where the running service listens."""
    return f"127.0.0.1:{server.port}"


@pytest.fixture
def pipeline(channel: grpc.aio.Channel) -> PipelineServiceStub:
    """The service, as a client sees it."""
    return PipelineServiceStub(channel)


@pytest.fixture
def database(url: str) -> Iterator[Database[PipelineUnit]]:
    """The same database, as the service's worker sees it."""
    database = Database(url, partial(PipelineUnit, publish=publish.to_event))
    yield database
    database.close()
