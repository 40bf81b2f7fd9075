"""The rules of engagement and daily check-ins, as a client sees them."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from kehu.members.v1 import check_ins_pb2 as cpb
from kehu.members.v1 import daily_limits_pb2 as lpb
from kehu.members.v1 import engagement_pb2 as pb
from kehu.members.v1 import members_pb2 as mpb
from kehu.members.v1 import receipts_pb2 as rpb
from kehu.members.v1.engagement_pb2_grpc import EngagementServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from tests.support.builders import engagement as builders
from tests.support.rpc import Keys, channel_to, refused

NAME = "engagementPolicies/default"
NOBODY = f"members/{uuid.uuid4()}"
RULES = cpb.CheckInRules(
    points=2,
    bonuses=[cpb.StreakBonus(day=1, points=5), cpb.StreakBonus(day=7, points=10)],
    cycle_days=30,
    missed_day=cpb.CheckInRules.MISSED_DAY_RESET,
    make_up=cpb.MakeUpRules(within_days=3, per_month=2, price=1),
    limits=[lpb.DailyLimit(scope=lpb.DailyLimit.SCOPE_DEVICE, count=1, points=100)],
)


@pytest.fixture
def engagement(channel: grpc.aio.Channel) -> EngagementServiceStub:
    return EngagementServiceStub(channel)


@pytest.fixture
async def member(members: MembersServiceStub) -> str:
    enrolled = await members.EnrollMember(mpb.EnrollMemberRequest(member=mpb.Member(display_name="Fang")))
    return str(enrolled.name)


async def rule(engagement: EngagementServiceStub, *fields: str, **rules: Any) -> pb.EngagementPolicy:
    policy = pb.EngagementPolicy(name=NAME, **rules)
    request = pb.UpdateEngagementPolicyRequest(policy=policy, update_mask=FieldMask(paths=fields))
    changed: pb.EngagementPolicy = await engagement.UpdateEngagementPolicy(request)
    return changed


async def test_rules_that_are_set_are_read_again_and_what_is_left_out_is_switched_off(
    engagement: EngagementServiceStub,
) -> None:
    before = await engagement.GetEngagementPolicy(pb.GetEngagementPolicyRequest(name=NAME))
    assert not before.HasField("check_in")
    changed = await rule(engagement, check_in=RULES)
    assert changed.check_in == RULES
    assert await engagement.GetEngagementPolicy(pb.GetEngagementPolicyRequest(name=NAME)) == changed
    assert (await rule(engagement, check_in=RULES)).etag == changed.etag != before.etag
    stale = pb.UpdateEngagementPolicyRequest(policy=before, update_mask=FieldMask(paths=["*"]))
    assert (await refused(engagement.UpdateEngagementPolicy(stale))).reason == "ETAG_MISMATCH"
    assert not (await rule(engagement, "check_in")).HasField("check_in")


async def test_a_check_in_gives_points_once_a_day(
    engagement: EngagementServiceStub, members: MembersServiceStub, member: str
) -> None:
    await rule(engagement, check_in=RULES)
    request = cpb.CreateCheckInRequest(parent=member, device="phone", request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(engagement.CreateCheckIn(request) for _ in range(5)))
    answers.append(await engagement.CreateCheckIn(cpb.CreateCheckInRequest(parent=member)))
    assert {(answer.member, answer.streak, answer.points, answer.bonus_points) for answer in answers} == {
        (member, 1, 7, 5)
    }
    balance = await members.GetBalance(mpb.GetBalanceRequest(name=f"{member}/balance"))
    assert balance.available == 7
    today = answers[0].day
    shown = await engagement.GetCheckInCalendar(
        cpb.GetCheckInCalendarRequest(name=f"{member}/checkInCalendar", year=today.year, month=today.month)
    )
    assert [each.day for each in shown.check_ins] == [today]
    assert (shown.streak, shown.checked_in_today, shown.make_ups_left) == (1, True, 2)
    assert shown.month == Date(year=today.year, month=today.month)


async def test_a_day_before_the_member_joined_cannot_be_filled(engagement: EngagementServiceStub, member: str) -> None:
    await rule(engagement, check_in=RULES)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    day = Date(year=yesterday.year, month=yesterday.month, day=yesterday.day)
    refusal = await refused(engagement.MakeUpCheckIn(cpb.MakeUpCheckInRequest(parent=member, day=day)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CHECK_IN_DAY_INVALID")


@pytest.mark.parametrize("day", [Date(), Date(year=2026), Date(year=2026, month=2, day=30), Date(year=9999, day=1)])
async def test_a_day_that_is_none_is_refused(engagement: EngagementServiceStub, member: str, day: Date) -> None:
    refusal = await refused(engagement.MakeUpCheckIn(cpb.MakeUpCheckInRequest(parent=member, day=day)))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["day"])


async def test_what_is_switched_off_and_who_is_nobody_is_told_so(
    engagement: EngagementServiceStub, member: str
) -> None:
    off = await refused(engagement.CreateCheckIn(cpb.CreateCheckInRequest(parent=member)))
    assert (off.reason, off.metadata) == ("ENGAGEMENT_DISABLED", {"activity": "check-in"})
    await rule(engagement, check_in=RULES)
    nobody = await refused(engagement.CreateCheckIn(cpb.CreateCheckInRequest(parent=NOBODY)))
    assert (nobody.code, nobody.reason) == (grpc.StatusCode.NOT_FOUND, "MEMBER_NOT_FOUND")
    unknown = await refused(engagement.GetEngagementPolicy(pb.GetEngagementPolicyRequest(name="engagementPolicies/x")))
    assert unknown.code == grpc.StatusCode.NOT_FOUND


async def test_rules_that_contradict_each_other_are_refused_and_change_nothing(
    engagement: EngagementServiceStub,
) -> None:
    twice = cpb.CheckInRules(bonuses=[cpb.StreakBonus(day=7, points=1), cpb.StreakBonus(day=7, points=2)])
    refusal = await refused(
        engagement.UpdateEngagementPolicy(
            pb.UpdateEngagementPolicyRequest(policy=pb.EngagementPolicy(name=NAME, check_in=twice))
        )
    )
    assert (refusal.reason, refusal.fields) == ("ENGAGEMENT_INVALID", ["policy.check_in.bonuses[1].day"])
    after = await engagement.GetEngagementPolicy(pb.GetEngagementPolicyRequest(name=NAME))
    assert not after.HasField("check_in")


async def test_a_clerk_checks_members_in_and_changes_no_rules(
    engagement: EngagementServiceStub, member: str, address: str, keys: Keys
) -> None:
    await rule(engagement, check_in=RULES)
    async with channel_to(address, keys.bearer("clerk")) as channel:
        clerk = EngagementServiceStub(channel)
        assert (await clerk.CreateCheckIn(cpb.CreateCheckInRequest(parent=member))).points == 7
        change = pb.UpdateEngagementPolicyRequest(policy=pb.EngagementPolicy(name=NAME, check_in=RULES))
        refusal = await refused(clerk.UpdateEngagementPolicy(change))
    assert (refusal.code, refusal.metadata["scope"]) == (grpc.StatusCode.PERMISSION_DENIED, "programmes.write")


RECEIPT = rpb.Receipt(
    store="tea-1",
    number="R-0001",
    amount=Money(currency_code="USD", units=18, nanos=800_000_000),
    purchase_time=Timestamp(seconds=int(datetime.now(UTC).timestamp())),
)


async def test_a_receipt_that_was_issued_is_claimed_once(
    engagement: EngagementServiceStub, members: MembersServiceStub, member: str
) -> None:
    await rule(engagement, receipts=rpb.ReceiptRules(claim_days=30, max_points=100))
    issued = await engagement.IssueReceiptCodes(rpb.IssueReceiptCodesRequest(receipts=[RECEIPT]))
    request = rpb.ClaimReceiptRequest(parent=member, code=issued.codes[0], request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(engagement.ClaimReceipt(request) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert (answers[0].receipt, answers[0].points) == (RECEIPT, 18)
    again = await refused(engagement.ClaimReceipt(rpb.ClaimReceiptRequest(parent=member, code=issued.codes[0])))
    assert (again.code, again.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RECEIPT_CLAIMED")
    listed = await engagement.ListReceiptClaims(rpb.ListReceiptClaimsRequest(parent=member))
    assert list(listed.receipt_claims) == [answers[0]]
    balance = await members.GetBalance(mpb.GetBalanceRequest(name=f"{member}/balance"))
    assert balance.available == 18


async def test_a_till_is_registered_retired_and_revoked(engagement: EngagementServiceStub, member: str) -> None:
    await rule(engagement, receipts=rpb.ReceiptRules(claim_days=30))
    private, till = builders.till()
    wanted = rpb.ReceiptKey(store="tea-1", public_key=till.material)
    key = await engagement.CreateReceiptKey(rpb.CreateReceiptKeyRequest(receipt_key=wanted))
    assert (key.algorithm, key.state, key.public_key) == ("EdDSA", rpb.ReceiptKey.STATE_ACTIVE, till.material)
    code = builders.printed(private, uuid.UUID(key.name.partition("/")[2]), builders.receipt(time=datetime.now(UTC)))
    claimed = await engagement.ClaimReceipt(rpb.ClaimReceiptRequest(parent=member, code=f" {code}\n"))
    assert claimed.receipt_key == key.name
    retired = await engagement.RetireReceiptKey(rpb.RetireReceiptKeyRequest(name=key.name, reason="a new till"))
    assert retired.state == rpb.ReceiptKey.STATE_RETIRED
    revoked = await engagement.RevokeReceiptKey(rpb.RevokeReceiptKeyRequest(name=key.name, reason="stolen"))
    assert revoked.state == rpb.ReceiptKey.STATE_REVOKED
    assert await engagement.GetReceiptKey(rpb.GetReceiptKeyRequest(name=key.name)) == revoked
    request, seen = rpb.ListReceiptKeysRequest(page_size=1), []
    while True:
        page = await engagement.ListReceiptKeys(request)
        seen += [(each.name, each.public_key) for each in page.receipt_keys]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert seen[0] == (key.name, till.material)
    assert [public for _, public in seen[1:]] == [b""]  # of the service's own key nothing is shown
    nothing = f"receiptKeys/{uuid.uuid4()}"
    unknown = await refused(engagement.RevokeReceiptKey(rpb.RevokeReceiptKeyRequest(name=nothing, reason="stolen")))
    assert (unknown.code, unknown.metadata) == (grpc.StatusCode.NOT_FOUND, {"name": nothing})


@pytest.mark.parametrize(
    "key",
    [rpb.ReceiptKey(store="tea-1"), rpb.ReceiptKey(public_key=b"x" * 32), rpb.ReceiptKey(store="x", public_key=b"x")],
)
async def test_half_a_key_is_refused(engagement: EngagementServiceStub, key: rpb.ReceiptKey) -> None:
    refusal = await refused(engagement.CreateReceiptKey(rpb.CreateReceiptKeyRequest(receipt_key=key)))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["receipt_key.public_key"])


@pytest.mark.parametrize("amount", [Money(currency_code="USD"), Money(currency_code="USD", units=-1)])
async def test_a_receipt_for_nothing_gets_no_code(engagement: EngagementServiceStub, amount: Money) -> None:
    receipt = rpb.Receipt(store="s", number="1", amount=amount, purchase_time=Timestamp(seconds=1))
    refusal = await refused(engagement.IssueReceiptCodes(rpb.IssueReceiptCodesRequest(receipts=[receipt])))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["receipts[0].amount"])


async def test_what_was_scanned_and_is_no_code_is_told_so_without_repeating_it(
    engagement: EngagementServiceStub, member: str
) -> None:
    await rule(engagement, receipts=rpb.ReceiptRules(claim_days=30))
    refusal = await refused(engagement.ClaimReceipt(rpb.ClaimReceiptRequest(parent=member, code="http://tea.example")))
    assert (refusal.code, refusal.reason, refusal.fields) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "RECEIPT_CODE_INVALID",
        ["code"],
    )
    assert "tea.example" not in refusal.message
