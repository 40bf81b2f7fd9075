"""A server says by HTTP what its health says by gRPC: the kubelet asks so where it has no certificate."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from kehu.members.v1 import members_pb2_grpc

from kit.db import AsyncDatabase
from kit.rpc import Edge, Server, Servicer
from kit.settings import Settings
from kit.telemetry import MetricsServer
from kit.unit import Unit
from tests.support.postgres import Databases
from tests.support.waiting import until_async


@pytest.fixture
def server(database_url: str, settings: Callable[..., Any]) -> Server:
    database = AsyncDatabase(database_url, lambda connection, now: Unit(connection, now, publish=_nothing))
    servicer: Any = members_pb2_grpc.MembersServiceServicer
    name, add = "kehu.members.v1.MembersService", members_pb2_grpc.add_MembersServiceServicer_to_server
    settled = settings(Settings, database_url=database_url)
    return Server("members", settled, database, Edge(database), [Servicer(name, add, servicer())])


def _nothing(fact: object) -> Any:
    raise AssertionError(fact)


async def test_no_calls_are_wanted_before_the_start_without_the_database_and_after_the_end(
    server: Server, postgres: Databases, database_url: str
) -> None:
    assert server.unready()
    await server.start()
    assert server.unready() is None

    with postgres.away(database_url):
        await until_async(lambda: server.unready() is not None)
    await until_async(lambda: server.unready() is None)

    await server.stop(grace=0.1)
    assert server.unready()


def test_what_keeps_calls_away_is_no_reason_to_start_the_process_again() -> None:
    trouble: list[str] = []
    page = MetricsServer("127.0.0.1:0", ready=lambda: trouble[0] if trouble else None)
    page.start()
    try:
        assert [asked(page, path) for path in ("/healthz", "/readyz")] == [(200, "ok"), (200, "ok")]
        trouble.append("not serving")
        assert [asked(page, path) for path in ("/healthz", "/readyz")] == [(200, "ok"), (503, "not serving")]
    finally:
        page.stop()


def asked(page: MetricsServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{page.address}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)["status"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["status"]
