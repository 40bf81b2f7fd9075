"""Traces of calls that share a transaction: what each causes belongs to its own."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1 import members_pb2_grpc
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import MetaData, create_engine, text

from kit import schema
from kit.db import AsyncDatabase
from kit.db.engines import sync_url
from kit.outbox import Event
from kit.rpc import Edge, Server, Servicer
from kit.settings import Settings
from kit.telemetry import configure_tracing, flush
from kit.unit import Unit
from tests.support.rpc import Keys, channel_to

CALLS = 40


def tell(unit: Unit, sources: Sequence[str]) -> list[int]:
    """Publishes an event for each command."""
    unit.emit(sources)
    return [len(sources)] * len(sources)


def to_event(source: object) -> Event:
    return Event.of("kehu.members.v1.PointsEarned", str(source), 1, {})


class Telling(members_pb2_grpc.MembersServiceServicer):
    def __init__(self, edge: Edge[Unit]) -> None:
        self._tell = edge.lane("tell", tell, render=lambda n: pb.AccruePointsResponse(balance=pb.Balance(available=n)))

    async def AccruePoints(self, request: pb.AccruePointsRequest, context: Any) -> Any:
        return await self._tell(request, request.source)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans of this process."""
    exporter = InMemorySpanExporter()
    configure_tracing("members", "serve", exporter=exporter, ratio=0)
    yield exporter
    flush()


async def test_the_events_of_calls_that_share_a_transaction_belong_to_the_trace_of_their_call(
    database_url: str, settings: Callable[..., Any], keys: Keys, spans: InMemorySpanExporter
) -> None:
    traces = {f"tests/{number}": (secrets.token_hex(16), number % 4 == 1) for number in range(CALLS)}
    server = _server(database_url, settings)
    await server.start()
    try:
        async with channel_to(f"127.0.0.1:{server.port}", keys.bearer("admin")) as channel:
            stub = members_pb2_grpc.MembersServiceStub(channel)

            async def call(source: str) -> int:
                trace, recorded = traces[source]
                header = ("traceparent", f"00-{trace}-{'1' * 16}-{recorded:02x}")
                request = pb.AccruePointsRequest(parent="members/1", points=1, source=source)
                return int((await stub.AccruePoints(request, metadata=[header])).balance.available)

            await call("tests/0")  # whoever comes first must not be the one that all later ones belong to
            shared = await asyncio.gather(*(call(source) for source in list(traces)[1:]))
    finally:
        await server.stop()
    told = _told(database_url)
    assert set(told) == set(traces)
    assert max(shared) > 1, "calls share a transaction"
    for source, (trace, recorded) in traces.items():
        assert (told[source].split("-")[1] == trace) or not recorded
        assert told[source].endswith("-01" if recorded else "-00")
    finished = spans.get_finished_spans()
    by_trace = {f"{span.context.trace_id:032x}" for span in finished if span.context}
    assert by_trace == {trace for trace, recorded in traces.values() if recorded}
    method = "kehu.members.v1.MembersService/AccruePoints"
    assert {span.name for span in finished} == {method, "AccruePoints in transaction"}


def _server(database_url: str, settings: Callable[..., Any]) -> Server:
    engine = create_engine(sync_url(database_url))
    with engine.begin() as connection:
        metadata = MetaData()
        schema.define(metadata)
        metadata.create_all(connection)
    engine.dispose()
    database = AsyncDatabase(database_url, lambda connection, now: Unit(connection, now, publish=to_event))
    edge = Edge(database)
    servicer: Any = Telling  # the methods that no test calls are missing
    name, add = "kehu.members.v1.MembersService", members_pb2_grpc.add_MembersServiceServicer_to_server
    config = settings(Settings, database_url=database_url)
    return Server("members", config, database, edge, [Servicer(name, add, servicer(edge))])


def _told(database_url: str) -> dict[str, str]:
    """The trace of each event in the outbox."""
    engine = create_engine(sync_url(database_url))
    with engine.begin() as connection:
        rows = connection.execute(text("select aggregateid, headers::text from outbox")).all()
    engine.dispose()
    return {source: json.loads(headers)["traceparent"] for source, headers in rows}
