"""The edge and the interceptor, around a servicer that keeps a number in a row."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
import pytest
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1 import members_pb2_grpc
from sqlalchemy import MetaData, create_engine, text

from kit import errors, schema
from kit.db import AsyncDatabase
from kit.db.engines import sync_url
from kit.errors import Fault, Kind
from kit.rpc import Edge, Server, Servicer, metrics
from kit.settings import Settings
from kit.unit import Unit
from tests.support.rpc import Keys, refused, serving
from tests.support.waiting import until_async

MEMBER = f"members/{uuid.uuid4()}"
_WAITING_FOR_A_LOCK = """
    select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
"""


def add(unit: Unit, points: Sequence[int]) -> list[int | Fault]:
    """Adds each number to the one row; 13 is refused, 666 breaks the statement and its batch; 7 alone is taken once."""
    if points == [7]:
        once = text("update counter set total = 7 where total = 0 returning total")
        return [unit.connection.execute(once).scalar_one_or_none() or errors.invalid("points", "is taken")]
    if 666 in points:
        unit.connection.execute(text("select 1 / 0"))
    good = [each for each in points if each != 13]
    total = unit.connection.execute(
        text("update counter set total = total + :sum, runs = runs + 1 returning total, nextval('tries')"),
        {"sum": sum(good)},
    ).scalar_one()
    return [errors.invalid("points", "must not be 13") if each == 13 else total for each in points]


class Counting(members_pb2_grpc.MembersServiceServicer):
    def __init__(self, edge: Edge[Unit]) -> None:
        self._accrue = edge.lane(
            "test", add, render=lambda total: pb.AccruePointsResponse(balance=pb.Balance(available=total))
        )

    async def AccruePoints(self, request: pb.AccruePointsRequest, context: Any) -> Any:
        return await self._accrue(request, request.points)

    async def GetMember(self, request: pb.GetMemberRequest, context: Any) -> Any:
        await asyncio.Event().wait()

    async def GetBalance(self, request: pb.GetBalanceRequest, context: Any) -> Any:
        raise RuntimeError("password=hunter2")


@pytest.fixture
def replica(database_url: str, settings: Callable[..., Any]) -> Callable[[], Server]:
    """Makes servers on one database."""
    engine = create_engine(sync_url(database_url))
    with engine.begin() as connection:
        metadata = MetaData()
        schema.define(metadata)
        metadata.create_all(connection)
        connection.execute(text("create table counter as select 0::bigint as total, 0 as runs"))
        connection.execute(text("create sequence tries"))
    engine.dispose()

    def make(deadline_ms: int = 700) -> Server:
        database = AsyncDatabase(database_url, lambda connection, now: Unit(connection, now, publish=_nothing))
        edge = Edge(database)
        servicer: Any = Counting  # the methods that no test calls are missing
        name, add_to = "kehu.members.v1.MembersService", members_pb2_grpc.add_MembersServiceServicer_to_server
        settled = settings(Settings, database_url=database_url, default_deadline_ms=deadline_ms)
        return Server("members", settled, database, edge, [Servicer(name, add_to, servicer(edge))])

    return make


@pytest.fixture
async def server(replica: Callable[[], Server]) -> Server:
    return replica()


@pytest.fixture
async def stub(server: Server, keys: Keys) -> AsyncIterator[members_pb2_grpc.MembersServiceStub]:
    async with serving(server, keys.bearer("admin")) as channel:
        yield members_pb2_grpc.MembersServiceStub(channel)


def _nothing(fact: object) -> Any:
    raise AssertionError(fact)


def accrual(points: int, request_id: str = "") -> pb.AccruePointsRequest:
    return pb.AccruePointsRequest(parent=MEMBER, points=points, source="tests/1", request_id=request_id)


async def test_calls_that_come_while_one_is_being_committed_share_the_next_transaction(
    replica: Callable[..., Server], keys: Keys, database_url: str
) -> None:
    engine = create_engine(sync_url(database_url))
    async with serving(replica(deadline_ms=60_000), keys.bearer("admin")) as channel:
        stub = members_pb2_grpc.MembersServiceStub(channel)
        watching = engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as other, watching.connect() as watcher:
            other.execute(text("select * from counter for update"))
            calls = [asyncio.ensure_future(stub.AccruePoints(accrual(1)))]
            await until_async(lambda: watcher.execute(text(_WAITING_FOR_A_LOCK)).scalar_one() == 1)
            calls += [asyncio.ensure_future(stub.AccruePoints(accrual(1))) for _ in range(199)]
            await until_async(lambda: [each.samples[0].value for each in metrics.ACTIVE.collect()] == [200])
            other.rollback()
        await asyncio.gather(*calls)
    with engine.begin() as connection:
        total, runs = connection.execute(text("select total, runs from counter")).one()
    engine.dispose()
    assert (total, runs) == (200, 2)


async def test_a_repeated_request_id_is_answered_from_the_first_and_done_once(stub: Any) -> None:
    request = accrual(5, str(uuid.uuid4()))
    answers = await asyncio.gather(*(stub.AccruePoints(request) for _ in range(50)))
    later = await stub.AccruePoints(request)
    assert {answer.balance.available for answer in answers} == {5}
    assert later.balance.available == 5


async def test_in_a_storm_of_repeats_only_the_first_of_them_is_done_in_vain(stub: Any, database_url: str) -> None:
    request = accrual(5, str(uuid.uuid4()))
    answers = [await stub.AccruePoints(request) for _ in range(10)]
    engine = create_engine(sync_url(database_url))
    with engine.connect() as connection:
        tries = connection.execute(text("select last_value from tries")).scalar_one()
    engine.dispose()
    assert {answer.balance.available for answer in answers} == {5}
    assert tries == 2


async def test_the_same_request_id_with_another_request_is_refused(stub: Any) -> None:
    request_id = str(uuid.uuid4())
    await stub.AccruePoints(accrual(5, request_id))
    refusal = await refused(stub.AccruePoints(accrual(6, request_id)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")


async def test_a_refused_command_leaves_no_answer_behind(stub: Any) -> None:
    request_id = str(uuid.uuid4())
    first = await refused(stub.AccruePoints(accrual(13, request_id)))
    second = await refused(stub.AccruePoints(accrual(13, request_id)))
    assert first.fields == second.fields == ["points"]


async def test_twins_at_two_replicas_get_one_answer_though_only_one_finds_something_to_do(
    stub: Any, replica: Callable[[], Server], keys: Keys, database_url: str
) -> None:
    engine = create_engine(sync_url(database_url))
    async with serving(replica(), keys.bearer("admin")) as channel:
        other = members_pb2_grpc.MembersServiceStub(channel)
        for _ in range(20):
            with engine.begin() as connection:
                connection.execute(text("update counter set total = 0"))
            request = accrual(7, str(uuid.uuid4()))
            answers = await asyncio.gather(stub.AccruePoints(request), other.AccruePoints(request))
            assert [answer.balance.available for answer in answers] == [7, 7]
    engine.dispose()


async def test_one_bad_command_does_not_fail_its_neighbours(stub: Any) -> None:
    calls = [stub.AccruePoints(accrual(points)) for points in (1, 13, 2, 666, 3)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    codes = [outcome.code().name if isinstance(outcome, grpc.aio.AioRpcError) else "OK" for outcome in outcomes]
    assert codes[:3] + codes[4:] == ["OK", "INVALID_ARGUMENT", "OK", "OK"]
    assert codes[3] == "INVALID_ARGUMENT"
    assert (await stub.AccruePoints(accrual(4))).balance.available == 10


async def test_a_call_without_a_deadline_gets_the_services_own(stub: Any) -> None:
    refusal = await refused(stub.GetMember(pb.GetMemberRequest(name=MEMBER)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


async def test_nothing_of_the_inside_reaches_a_client(stub: Any) -> None:
    refusal = await refused(stub.GetBalance(pb.GetBalanceRequest(name=f"{MEMBER}/balance")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "hunter2" not in refusal.message


async def test_bad_fields_are_named_by_their_path(stub: Any) -> None:
    refusal = await refused(stub.AccruePoints(pb.AccruePointsRequest(parent=MEMBER, points=-1, source="tests/1")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID")
    assert "points" in refusal.fields


async def test_bytes_that_are_no_message_are_the_callers_fault(server: Server, keys: Keys) -> None:
    async with serving(server, keys.bearer("admin")) as channel:
        raw = channel.unary_unary("/kehu.members.v1.MembersService/AccruePoints")
        refusal = await refused(raw(b"\xff\xff\xff"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID")


async def test_a_method_that_nobody_knows_is_refused_with_a_reason(server: Server, keys: Keys) -> None:
    async with serving(server, keys.bearer("admin")) as channel:
        unknown = channel.unary_unary("/kehu.members.v1.MembersService/Fly")
        refusal = await refused(unknown(b""))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")


@pytest.mark.parametrize("roles", [[], ["viewer"], ["unheard-of"]])
async def test_a_caller_without_the_scope_is_refused(server: Server, keys: Keys, roles: list[str]) -> None:
    async with serving(server, keys.bearer(*roles)) as channel:
        stub = members_pb2_grpc.MembersServiceStub(channel)
        refusal = await refused(stub.AccruePoints(accrual(1)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING")


@pytest.mark.parametrize("authorization", ["", "Basic eDp5", "Bearer no.such.token", "Bearer "])
async def test_a_call_that_proves_no_identity_is_refused(server: Server, authorization: str) -> None:
    async with serving(server, authorization) as channel:
        stub = members_pb2_grpc.MembersServiceStub(channel)
        refusal = await refused(stub.AccruePoints(accrual(1)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


async def test_more_calls_than_the_process_takes_on_are_refused_at_once(
    database_url: str, server: Server, keys: Keys, settings: Callable[..., Any]
) -> None:
    server.settings = settings(Settings, database_url=database_url, max_concurrent_calls=2, default_deadline_ms=900)
    async with serving(server, keys.bearer("admin")) as channel:
        stub = members_pb2_grpc.MembersServiceStub(channel)
        calls = [stub.GetMember(pb.GetMemberRequest(name=MEMBER)) for _ in range(5)]
        kinds = [(await refused(call)).reason for call in calls]
    assert sorted(kinds) == ["DEADLINE_EXCEEDED"] * 2 + ["OVERLOADED"] * 3


def test_every_kind_of_fault_has_a_grpc_status() -> None:
    assert {grpc.StatusCode[kind.value] for kind in Kind} < set(grpc.StatusCode)
