"""BatchAdjustPoints, GetStatement, VerifyMember, ListVerifications, GetVerificationKeySet, GetLiabilityReport."""

from __future__ import annotations

import uuid

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.members.v1 import audit_pb2, members_pb2
from kehu.members.v1 import ledger_pb2 as pb
from kehu.members.v1.audit_pb2_grpc import AuditServiceStub
from kehu.members.v1.ledger_pb2_grpc import LedgerServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from kit.proof import chain_faults
from kit.signing import verified
from tests.support.rpc import Keys, channel_to, refused

NOBODY = f"members/{uuid.uuid4()}"


@pytest.fixture
def ledger(channel: grpc.aio.Channel) -> LedgerServiceStub:
    return LedgerServiceStub(channel)


@pytest.fixture
async def member(members: MembersServiceStub) -> str:
    request = members_pb2.EnrollMemberRequest(member=members_pb2.Member(display_name="Fang", home_store="north"))
    enrolled = await members.EnrollMember(request)
    return str(enrolled.name)


async def accrue(members: MembersServiceStub, member: str, points: int) -> None:
    await members.AccruePoints(members_pb2.AccruePointsRequest(parent=member, points=points, source="surveys/1"))


def adjust(*rows: tuple[str, str, int], request_id: str = "") -> pb.BatchAdjustPointsRequest:
    return pb.BatchAdjustPointsRequest(
        rows=[
            pb.AdjustRow(row_id=row_id, member=member, points=points, reason="late parcel")
            for row_id, member, points in rows
        ],
        request_id=request_id,
    )


async def test_rows_are_adjusted_each_with_its_result_and_its_trail(
    ledger: LedgerServiceStub, channel: grpc.aio.Channel, member: str
) -> None:
    request = adjust(
        ("r1", member, 10), ("r2", member, -20), ("r3", "nobody", 1), ("r4", NOBODY, 1), ("r1", member, 10)
    )
    results = (await ledger.BatchAdjustPoints(request)).results
    assert [(pb.AdjustResult.State.Name(result.state), result.reason) for result in results] == [
        ("STATE_POSTED", ""),
        ("STATE_REJECTED", "POINTS_INSUFFICIENT"),
        ("STATE_REJECTED", "REQUEST_INVALID"),
        ("STATE_REJECTED", "MEMBER_NOT_FOUND"),
        ("STATE_UNCHANGED", ""),
    ]
    assert (results[0].available, results[1].HasField("available")) == (10, False)
    trail = await AuditServiceStub(channel).ListAuditEntries(audit_pb2.ListAuditEntriesRequest(subject=member))
    (entry,) = trail.audit_entries
    assert (entry.actor, entry.reason) == ("tester", "late parcel")
    assert entry.method == "kehu.members.v1.LedgerService/BatchAdjustPoints"


async def test_an_adjustment_shows_in_entries_and_statement(
    ledger: LedgerServiceStub, members: MembersServiceStub, member: str
) -> None:
    await ledger.BatchAdjustPoints(adjust(("r1", member, 10), ("r2", member, -4)))
    entries = (await members.ListEntries(members_pb2.ListEntriesRequest(parent=member))).entries
    assert {entry.kind for entry in entries} == {members_pb2.Entry.KIND_ADJUST}
    statement = await ledger.GetStatement(pb.GetStatementRequest(name=f"{member}/statement"))
    assert [(entry.kind, entry.amount, entry.source) for entry in statement.entries] == [
        ("ADJUST", 10, "adjustments/r1"),
        ("ADJUST", 4, "adjustments/r2"),
    ]
    assert statement.entries[0].entry == entries[-1].name
    assert {each.account_kind: each.amount for each in statement.closing_balances}["available"] == 6


async def test_pages_of_a_statement_have_the_same_balances(
    ledger: LedgerServiceStub, members: MembersServiceStub, member: str
) -> None:
    for points in range(1, 6):
        await accrue(members, member, points)
    request, seen = pb.GetStatementRequest(name=f"{member}/statement", page_size=2), list[int]()
    request.end_time.GetCurrentTime()
    while True:
        statement = await ledger.GetStatement(request)
        assert {each.account_kind: each.amount for each in statement.closing_balances}["available"] == 15
        seen += [entry.amount for entry in statement.entries]
        request.page_token = statement.next_page_token
        if not request.page_token:
            break
    assert seen == [1, 2, 3, 4, 5]


async def test_a_statement_of_nothing_is_refused(ledger: LedgerServiceStub, member: str) -> None:
    nobody = await refused(ledger.GetStatement(pb.GetStatementRequest(name=f"{NOBODY}/statement")))
    unit = await refused(ledger.GetStatement(pb.GetStatementRequest(name=f"{member}/statement", unit="pints")))
    period = pb.GetStatementRequest(
        name=f"{member}/statement", start_time=Timestamp(seconds=2), end_time=Timestamp(seconds=1)
    )
    assert (nobody.reason, unit.reason) == ("MEMBER_NOT_FOUND", "ACCOUNT_UNIT_NOT_FOUND")
    assert (await refused(ledger.GetStatement(period))).fields == ["end_time"]


async def test_verifications_are_signed_and_chained_and_verify_without_the_service(
    ledger: LedgerServiceStub, members: MembersServiceStub, member: str
) -> None:
    await accrue(members, member, 100)
    first = await ledger.VerifyMember(pb.VerifyMemberRequest(name=member))
    second = await ledger.VerifyMember(pb.VerifyMemberRequest(name=member))
    assert (first.ok, first.name, second.previous_hash) == (True, f"{member}/verifications/1", first.hash)
    available = next(check for check in first.checks if check.kind == "balance" and "available" in check.subject)
    assert (available.expected, available.actual, available.ok) == ("100", "100", True)
    keys = await ledger.GetVerificationKeySet(pb.GetVerificationKeySetRequest())
    assert chain_faults([verified(each.jws, keys.jwks) for each in (first, second)]) == []
    listed = await ledger.ListVerifications(pb.ListVerificationsRequest(parent=member, page_size=1))
    assert list(listed.verifications) == [second]
    rest = pb.ListVerificationsRequest(parent=member, page_size=1, page_token=listed.next_page_token)
    assert list((await ledger.ListVerifications(rest)).verifications) == [first]


async def test_a_verification_with_a_request_id_is_made_once(ledger: LedgerServiceStub, member: str) -> None:
    request = pb.VerifyMemberRequest(name=member, request_id=str(uuid.uuid4()))
    assert await ledger.VerifyMember(request) == await ledger.VerifyMember(request)


async def test_nobody_is_not_verified(ledger: LedgerServiceStub) -> None:
    assert (await refused(ledger.VerifyMember(pb.VerifyMemberRequest(name=NOBODY)))).reason == "MEMBER_NOT_FOUND"
    assert (await refused(ledger.VerifyMember(pb.VerifyMemberRequest(name="members/1")))).fields == ["name"]


async def test_the_liability_report_ties_to_the_ledger(
    ledger: LedgerServiceStub, members: MembersServiceStub, member: str
) -> None:
    await accrue(members, member, 250)
    request = pb.GetLiabilityReportRequest(
        group_by=[pb.LIABILITY_GROUPING_EXPIRY_MONTH, pb.LIABILITY_GROUPING_HOME_STORE]
    )
    report = await ledger.GetLiabilityReport(request)
    (row,) = report.rows
    assert (row.programme, row.home_store, row.available) == ("programmes/default", "north", 250)
    assert (row.value.units, row.value.nanos, row.value.currency_code) == (2, 500_000_000, "USD")
    points = next(total for total in report.totals if total.unit == "points")
    assert (points.outstanding, points.balanced, points.value) == (250, True, row.value)
    assert all(total.balanced for total in report.totals)


async def test_who_may_do_what(ledger: LedgerServiceStub, member: str, address: str, keys: Keys) -> None:
    request = adjust(("r1", member, 10))
    async with channel_to(address, keys.bearer("accountant")) as channel:
        await LedgerServiceStub(channel).BatchAdjustPoints(request)
    for role in ("clerk", "auditor", "viewer"):
        async with channel_to(address, keys.bearer(role)) as channel:
            refusal = await refused(LedgerServiceStub(channel).BatchAdjustPoints(request))
        assert refusal.metadata["scope"] == "ledger.adjust"
    async with channel_to(address, keys.bearer("auditor")) as channel:
        await LedgerServiceStub(channel).VerifyMember(pb.VerifyMemberRequest(name=member))
