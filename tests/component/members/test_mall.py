"""`MallService`, as a client sees it."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.members.v1 import identity_pb2, members_pb2
from kehu.members.v1 import mall_pb2 as pb
from kehu.members.v1.identity_pb2_grpc import IdentityServiceStub
from kehu.members.v1.mall_pb2_grpc import MallServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from kit.db import Database
from services.members.storage.unit import MembersUnit
from services.members.usecases import redemption
from tests.support.builders.mall import reward_request, usd
from tests.support.rpc import Keys, channel_to, refused
from tests.support.waiting import until_async

CONFIRMED, HELD = pb.Redemption.STATE_CONFIRMED, pb.Redemption.STATE_HELD


@pytest.fixture
def mall(channel: grpc.aio.Channel) -> MallServiceStub:
    """The service, as a client sees it."""
    return MallServiceStub(channel)


@pytest.fixture
async def member(members: MembersServiceStub) -> str:
    """A member with 1,000 points."""
    return (await enrolled(members, 1, 1000))[0]


async def enrolled(members: MembersServiceStub, number: int, points: int) -> list[str]:
    rows = [members_pb2.EnrollRow(channel="pos", external_id=str(uuid.uuid4())) for _ in range(number)]
    batch = await members.BatchEnroll(members_pb2.BatchEnrollRequest(rows=rows))
    names = [result.member for result in batch.results]
    accruals = [members_pb2.AccruePointsRequest(parent=name, points=points) for name in names]
    await asyncio.gather(*(members.AccruePoints(each) for each in accruals))
    return names


async def on_sale(mall: MallServiceStub, **fields: Any) -> str:
    made = await mall.CreateReward(reward_request(**fields))
    published = await mall.PublishReward(pb.PublishRewardRequest(name=made.name, etag=made.etag))
    return str(published.name)


def redeem(member: str, reward: str, **fields: Any) -> pb.CreateRedemptionRequest:
    wanted = {name: fields.pop(name) for name in ("quantity", "store") if name in fields}
    return pb.CreateRedemptionRequest(parent=member, redemption=pb.Redemption(reward=reward, **wanted), **fields)


async def balance(members: MembersServiceStub, member: str) -> tuple[int, int]:
    found = await members.GetBalance(members_pb2.GetBalanceRequest(name=f"{member}/balance"))
    return found.available, found.held


async def test_a_reward_is_what_was_asked_for(mall: MallServiceStub) -> None:
    request = reward_request(
        description="Blue.\nBig.",
        item="products/1",
        cash=usd(3),
        per_member_limit=2,
        per_member_daily_limit=1,
        tier="silver",
        tag="friend",
        start_time=Timestamp(seconds=1),
        end_time=Timestamp(seconds=4_000_000_000),
    )
    made = await mall.CreateReward(request)
    for field, wanted in request.reward.ListFields():
        assert getattr(made, field.name) == wanted
    assert (made.state, made.available_count) == (pb.Reward.STATE_DRAFT, 10)
    assert await mall.GetReward(pb.GetRewardRequest(name=made.name)) == made


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"kind": 0}, "REQUEST_INVALID", "reward.kind"),
        ({"kind": 99}, "REQUEST_INVALID", "reward.kind"),
        ({"display_name": ""}, "REWARD_INVALID", "reward.display_name"),
        ({"points": 0}, "REWARD_INVALID", "reward.points"),
        ({"points": -1}, "REQUEST_INVALID", "reward.points"),
        ({"stock": -1}, "REQUEST_INVALID", "reward.stock"),
        ({"cash": usd(0)}, "REWARD_INVALID", "reward.cash"),
        ({"per_member_limit": 0}, "REQUEST_INVALID", "reward.per_member_limit"),
        ({"tier": "diamond"}, "REWARD_INVALID", "reward.tier"),
        ({"start_time": Timestamp(seconds=2), "end_time": Timestamp(seconds=2)}, "REWARD_INVALID", "reward.end_time"),
    ],
)
async def test_a_reward_that_makes_no_sense_is_refused(
    mall: MallServiceStub, fields: dict[str, Any], reason: str, field: str
) -> None:
    refusal = await refused(mall.CreateReward(reward_request(**fields)))
    assert (refusal.code, refusal.reason, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, reason, [field])


async def test_an_update_changes_what_the_mask_names_and_nothing_that_changed_meanwhile(mall: MallServiceStub) -> None:
    made = await mall.CreateReward(reward_request(per_member_limit=3))
    change = pb.Reward(name=made.name, stock=20, display_name="Two cups", etag=made.etag)
    request = pb.UpdateRewardRequest(reward=change, update_mask=FieldMask(paths=["stock", "per_member_limit"]))
    changed = await mall.UpdateReward(request)
    assert (changed.stock, changed.display_name, changed.HasField("per_member_limit")) == (20, "A cup", False)
    refusal = await refused(mall.UpdateReward(request))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    for call in (mall.PublishReward, mall.WithdrawReward):
        kind = pb.PublishRewardRequest if call is mall.PublishReward else pb.WithdrawRewardRequest
        assert (await refused(call(kind(name=made.name, etag=made.etag)))).reason == "ETAG_MISMATCH"


async def test_rewards_are_listed_by_state_in_pages(mall: MallServiceStub) -> None:
    drafts = [(await mall.CreateReward(reward_request())).name for _ in range(2)]
    cup = await on_sale(mall)
    assert [each.name for each in (await mall.ListRewards(pb.ListRewardsRequest())).rewards] == [cup, *drafts[::-1]]
    query = pb.ListRewardsRequest(state=pb.Reward.STATE_DRAFT, page_size=1)
    first = await mall.ListRewards(query)
    query.page_token = first.next_page_token
    second = await mall.ListRewards(query)
    assert [each.name for each in (*first.rewards, *second.rewards)] == drafts[::-1]
    assert second.next_page_token == ""


async def test_a_withdrawn_reward_cannot_be_redeemed_until_it_is_published_again(
    mall: MallServiceStub, member: str
) -> None:
    cup = await on_sale(mall)
    await mall.WithdrawReward(pb.WithdrawRewardRequest(name=cup))
    assert (await refused(mall.CreateRedemption(redeem(member, cup)))).reason == "REWARD_NOT_ON_SALE"
    await mall.PublishReward(pb.PublishRewardRequest(name=cup))
    assert (await mall.CreateRedemption(redeem(member, cup))).state == CONFIRMED


async def test_a_reward_for_members_with_a_tag_is_for_nobody_else(
    mall: MallServiceStub, channel: grpc.aio.Channel, member: str
) -> None:
    cup = await on_sale(mall, tag="friend")
    refusal = await refused(mall.CreateRedemption(redeem(member, cup)))
    assert (refusal.reason, refusal.metadata["tag"]) == ("REWARD_NOT_FOR_MEMBER", "friend")
    await IdentityServiceStub(channel).ModifyTags(identity_pb2.ModifyTagsRequest(name=member, add_tags=["friend"]))
    assert (await mall.CreateRedemption(redeem(member, cup))).state == CONFIRMED


async def test_points_buy_a_reward_at_once_and_a_repeat_buys_nothing_more(
    mall: MallServiceStub, members: MembersServiceStub, member: str
) -> None:
    cup = await on_sale(mall)
    request = redeem(member, cup, quantity=2, store="stores/1", request_id=str(uuid.uuid4()))
    done = await mall.CreateRedemption(request)
    assert await mall.CreateRedemption(request) == done
    assert done.name.startswith(f"{member}/redemptions/")
    assert done.hold.startswith(f"{member}/holds/")
    assert (done.reward, done.quantity, done.store, done.points) == (cup, 2, "stores/1", 200)
    assert not done.HasField("cash")
    assert not done.HasField("expire_time")
    assert await balance(members, member) == (800, 0)
    assert await mall.GetRedemption(pb.GetRedemptionRequest(name=done.name)) == done
    left = await mall.GetReward(pb.GetRewardRequest(name=cup))
    assert (left.redeemed_count, left.available_count) == (2, 8)


async def test_points_and_cash_are_held_paid_and_given_back(
    mall: MallServiceStub, members: MembersServiceStub, member: str
) -> None:
    cup = await on_sale(mall, cash=usd(3))
    held = await mall.CreateRedemption(redeem(member, cup, ttl=Duration(seconds=90)))
    lasts = held.expire_time.ToDatetime() - held.create_time.ToDatetime()
    assert (held.state, held.cash, lasts) == (HELD, usd(3), timedelta(seconds=90))
    assert await balance(members, member) == (900, 100)
    pay = pb.ConfirmRedemptionRequest(name=held.name, payment="psp/1", paid=usd(3))
    paid = await mall.ConfirmRedemption(pay)
    assert paid == await mall.ConfirmRedemption(pay)
    assert (paid.state, paid.payment) == (CONFIRMED, "psp/1")
    give_back = pb.RefundRedemptionRequest(name=held.name, refund_payment="psp/2", restock=True)
    refunded = await mall.RefundRedemption(give_back)
    assert refunded == await mall.RefundRedemption(give_back)
    assert (refunded.state, refunded.restocked, refunded.refund_payment) == (
        pb.Redemption.STATE_REFUNDED,
        True,
        "psp/2",
    )
    assert await balance(members, member) == (1000, 0)


async def test_a_redemption_that_is_given_up_costs_nothing(
    mall: MallServiceStub, members: MembersServiceStub, member: str
) -> None:
    cup = await on_sale(mall, cash=usd(3))
    held = await mall.CreateRedemption(redeem(member, cup))
    cancel = pb.CancelRedemptionRequest(name=held.name)
    cancelled = await mall.CancelRedemption(cancel)
    assert cancelled == await mall.CancelRedemption(cancel)
    assert cancelled.state == pb.Redemption.STATE_CANCELLED
    assert await balance(members, member) == (1000, 0)


async def test_the_worker_ends_what_is_not_paid(
    mall: MallServiceStub, members: MembersServiceStub, member: str, database: Database[MembersUnit]
) -> None:
    cup = await on_sale(mall, cash=usd(3))
    held = await mall.CreateRedemption(redeem(member, cup, ttl=Duration(seconds=1)))
    await until_async(lambda: database.write(redemption.expire), what="the end of the redemption")
    ended = await mall.GetRedemption(pb.GetRedemptionRequest(name=held.name))
    assert ended.state == pb.Redemption.STATE_EXPIRED
    assert await balance(members, member) == (1000, 0)


@pytest.mark.parametrize("delivery", [{"voucher_code": "V-1"}, {"tracking_number": "SF1"}])
async def test_a_redemption_is_delivered_in_one_way(
    mall: MallServiceStub, member: str, delivery: dict[str, str]
) -> None:
    done = await mall.CreateRedemption(redeem(member, await on_sale(mall)))
    fulfilled = await mall.FulfilRedemption(pb.FulfilRedemptionRequest(name=done.name, **delivery))
    assert fulfilled.state == pb.Redemption.STATE_FULFILLED
    assert (fulfilled.voucher_code, fulfilled.tracking_number) == (
        delivery.get("voucher_code", ""),
        delivery.get("tracking_number", ""),
    )
    refusal = await refused(
        mall.FulfilRedemption(pb.FulfilRedemptionRequest(name=done.name, tracking_number="another"))
    )
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REDEMPTION_STATE_WRONG")
    assert (await refused(mall.FulfilRedemption(pb.FulfilRedemptionRequest(name=done.name)))).code == (
        grpc.StatusCode.INVALID_ARGUMENT
    )


async def test_a_code_is_picked_up_with_once_and_never_stored(
    mall: MallServiceStub, member: str, database: Database[MembersUnit]
) -> None:
    done = await mall.CreateRedemption(redeem(member, await on_sale(mall)))
    ask = pb.IssueRedemptionCodeRequest(name=done.name, request_id=str(uuid.uuid4()))
    issued = await mall.IssueRedemptionCode(ask)
    assert await mall.IssueRedemptionCode(ask) == issued
    kept = database.read(
        lambda unit: unit.connection.exec_driver_sql(
            "select string_agg(encode(response, 'escape'), '') || (select string_agg(digest, '') from redemptions)"
            " from idempotency"
        ).scalar_one()
    )
    assert issued.code not in kept
    assert issued.code.replace("-", "") not in kept
    verify = pb.VerifyRedemptionCodeRequest(code=issued.code.lower(), store="stores/1", request_id=str(uuid.uuid4()))
    handed_over = await mall.VerifyRedemptionCode(verify)
    assert handed_over == await mall.VerifyRedemptionCode(verify)
    assert (handed_over.name, handed_over.pickup_store) == (done.name, "stores/1")
    verify.request_id = ""
    refusal = await refused(mall.VerifyRedemptionCode(verify))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REDEMPTION_CODE_INVALID")


async def test_redemptions_are_listed_of_one_member_and_of_all(
    mall: MallServiceStub, members: MembersServiceStub, member: str
) -> None:
    (other,) = await enrolled(members, 1, 1000)
    cup, pen = await on_sale(mall), await on_sale(mall)
    made = [(await mall.CreateRedemption(redeem(of, what))).name for of in (member, other) for what in (cup, pen)]

    async def listed(parent: str, **only: Any) -> list[str]:
        answer = await mall.ListRedemptions(pb.ListRedemptionsRequest(parent=parent, **only))
        return [each.name for each in answer.redemptions]

    assert await listed(member) == made[1::-1]
    assert await listed("members/-", reward=cup) == [made[2], made[0]]
    assert await listed("members/-", state=HELD) == []
    query = pb.ListRedemptionsRequest(parent="members/-", page_size=3)
    first = await mall.ListRedemptions(query)
    query.page_token = first.next_page_token
    second = await mall.ListRedemptions(query)
    assert [each.name for each in (*first.redemptions, *second.redemptions)] == made[::-1]


async def test_what_does_not_exist_is_not_found(mall: MallServiceStub, member: str) -> None:
    nobody, nothing = f"members/{uuid.uuid4()}", f"rewards/{uuid.uuid4()}"
    cup = await on_sale(mall)
    absent = f"{member}/redemptions/{uuid.uuid4()}"
    for call, reason in (
        (mall.GetReward(pb.GetRewardRequest(name=nothing)), "REWARD_NOT_FOUND"),
        (mall.PublishReward(pb.PublishRewardRequest(name=nothing)), "REWARD_NOT_FOUND"),
        (mall.CreateRedemption(redeem(member, nothing)), "REWARD_NOT_FOUND"),
        (mall.CreateRedemption(redeem(nobody, cup)), "MEMBER_NOT_FOUND"),
        (mall.GetRedemption(pb.GetRedemptionRequest(name=absent)), "REDEMPTION_NOT_FOUND"),
        (mall.CancelRedemption(pb.CancelRedemptionRequest(name=absent)), "REDEMPTION_NOT_FOUND"),
        (mall.RefundRedemption(pb.RefundRedemptionRequest(name=absent)), "REDEMPTION_NOT_FOUND"),
        (mall.IssueRedemptionCode(pb.IssueRedemptionCodeRequest(name=absent)), "REDEMPTION_NOT_FOUND"),
        (mall.ListRedemptions(pb.ListRedemptionsRequest(parent=nobody)), "MEMBER_NOT_FOUND"),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, reason)


async def test_five_hundred_who_call_for_the_last_piece_get_one(
    mall: MallServiceStub, members: MembersServiceStub
) -> None:
    names = await enrolled(members, 500, 100)
    cup = await on_sale(mall, stock=1)
    calls = await asyncio.gather(*(mall.CreateRedemption(redeem(name, cup)) for name in names), return_exceptions=True)
    won = [call for call in calls if isinstance(call, pb.Redemption)]
    assert [each.state for each in won] == [CONFIRMED]
    refusals = Counter(call.details() for call in calls if isinstance(call, grpc.aio.AioRpcError))
    assert refusals == {"1 are asked for, 0 are left": 499}
    balances = await asyncio.gather(*(balance(members, name) for name in names))
    assert Counter(balances) == {(100, 0): 499, (0, 0): 1}


async def test_a_marketer_makes_rewards_and_a_clerk_hands_them_out(
    mall: MallServiceStub, member: str, address: str, keys: Keys
) -> None:
    async with channel_to(address, keys.bearer("marketer")) as channel:
        marketer = MallServiceStub(channel)
        cup = await on_sale(marketer)
        assert (await refused(marketer.CreateRedemption(redeem(member, cup)))).reason == "SCOPE_MISSING"
    async with channel_to(address, keys.bearer("clerk")) as channel:
        clerk = MallServiceStub(channel)
        assert (await refused(clerk.CreateReward(reward_request()))).reason == "SCOPE_MISSING"
        assert (await clerk.CreateRedemption(redeem(member, cup))).state == CONFIRMED
