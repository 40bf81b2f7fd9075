"""ProgrammesService, and the rules in GetProgramme and UpdateProgramme."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as WireMoney
from kehu.members.v1 import earn_rules_pb2 as rules
from kehu.members.v1 import members_pb2, programmes_pb2
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.members.v1.programmes_pb2_grpc import ProgrammesServiceStub
from kehu.orders.v1 import events_pb2

from kit.db import Database
from kit.worker import Received
from services.members import consumer
from services.members.storage.unit import MembersUnit
from tests.component.members.test_programme import NAME, money, rate
from tests.support.rpc import refused

PAID = datetime(2026, 3, 7, 20, tzinfo=UTC)  # a Saturday; Sunday in Shanghai

pb = programmes_pb2


@pytest.fixture
def programmes(channel: grpc.aio.Channel) -> ProgrammesServiceStub:
    """The service, as a client sees it."""
    return ProgrammesServiceStub(channel)


@pytest.fixture
async def member(members: MembersServiceStub) -> str:
    """A member's name."""
    request = members_pb2.EnrollMemberRequest(member=members_pb2.Member(display_name="Wang Fang"))
    return str((await members.EnrollMember(request)).name)


def stamp(moment: datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment)
    return found


def line(units: int, category: str) -> events_pb2.EventLine:
    return events_pb2.EventLine(
        quantity=1, category=category, amount=money(units), paid_amount=money(units), net_amount=money(units)
    )


def settle(database: Database[MembersUnit], member: str, *lines: events_pb2.EventLine, freight: int = 0) -> str:
    """Tell members of a paid order; answers the purchase's name."""
    order, total = uuid.uuid4(), sum(each.amount.units for each in lines) + freight
    message = events_pb2.OrderPaid(
        order=f"orders/{order}",
        member=member,
        channel="pos",
        store="stores/bund",
        org="/cn/east/shanghai",
        lines=lines,
        net_total=money(total),
        paid_total=money(total),
        pay_time=stamp(PAID),
        freight=money(freight),
        net_freight=money(freight),
    )
    event = Received(uuid.uuid4(), "OrderPaid", message.order, 2, PAID, message)
    database.write(consumer.settle, [event])
    return f"{member}/purchases/{order}"


def double_tea(**fields: Any) -> rules.EarnRule:
    return rules.EarnRule(
        id="tea",
        title="Double points for tea",
        multiplier_basis_points=20_000,
        scope=rules.GoodsScope(categories=["tea"]),
        **fields,
    )


async def update(members: MembersServiceStub, *paths: str, **fields: Any) -> members_pb2.Programme:
    found: members_pb2.Programme = await members.UpdateProgramme(
        members_pb2.UpdateProgrammeRequest(
            programme=members_pb2.Programme(name=NAME, **fields), update_mask=FieldMask(paths=paths or list(fields))
        )
    )
    return found


async def test_every_rule_comes_back_as_it_was_given(members: MembersServiceStub) -> None:
    scope = rules.GoodsScope(products=["products/1"], excluded_categories=["gift"])
    wanted = [
        double_tea(caps=rules.EarnCaps(order=100, member_day=200, member_total=0), exclusive=True),
        rules.EarnRule(id="more", rate=rules.EarnRate(points=3, amount=money(7)), scope=scope, minimum_spend=money(50)),
        rules.EarnRule(id="first", bonus_points=100, condition="member.first_purchase && order.store != ''"),
        rules.EarnRule(id="east", bonus_points=9, place="/cn/east"),
    ]
    fields = {
        "display_name": "Stars",
        "rules": wanted,
        "rounding": rules.EARN_ROUNDING_HALF_EVEN,
        "scope": rules.GoodsScope(excluded_products=["products/2"]),
        "freight_earns": True,
        "caps": rules.EarnCaps(member_day=1_000),
        "time_zone": "Asia/Shanghai",
        "validity": rules.PointsValidity(expiry=rules.PointsValidity.EXPIRY_END_OF_YEAR, count=1),
        "availability": rules.PointsAvailability(start=rules.PointsAvailability.START_COMPLETION),
        "refund_grace_days": 14,
        "cash": rules.PointsAsCash(min_points=100, max_points=900, max_ratio_basis_points=5_000, freight_excluded=True),
    }
    changed = await update(members, **fields)
    assert await members.GetProgramme(members_pb2.GetProgrammeRequest(name=NAME)) == changed
    assert {name: getattr(changed, name) for name in fields} == fields
    assert changed.version == 2
    assert (await members.GetProgramme(members_pb2.GetProgrammeRequest(name=NAME, version=1))).rules == []


@pytest.mark.parametrize(
    ("rule", "reason", "field"),
    [
        (
            {"condition": "order.chanel == 'pos'", "bonus_points": 1},
            "CONDITION_INVALID",
            "programme.rules[0].condition",
        ),
        ({"condition": "order.net", "bonus_points": 1}, "CONDITION_INVALID", "programme.rules[0].condition"),
        ({}, "PROGRAMME_INVALID", "programme.rules[0]"),
        ({"bonus_points": 1, "multiplier_basis_points": 20_000}, "PROGRAMME_INVALID", "programme.rules[0]"),
        ({"multiplier_basis_points": 9_000}, "PROGRAMME_INVALID", "programme.rules[0].multiplier"),
        ({"bonus_points": 1, "id": "base"}, "PROGRAMME_INVALID", "programme.rules[0].id"),
        ({"bonus_points": 1, "id": "Not an id"}, "REQUEST_INVALID", "programme.rules[0].id"),
        ({"bonus_points": 1, "place": "east"}, "PROGRAMME_INVALID", "programme.rules[0].place"),
        ({"bonus_points": 1, "condition": "x" * 1_001}, "REQUEST_INVALID", "programme.rules[0].condition"),
    ],
)
async def test_rules_that_make_no_sense_are_refused_where_they_go_wrong(
    members: MembersServiceStub, rule: dict[str, Any], reason: str, field: str
) -> None:
    refusal = await refused(update(members, rules=[rules.EarnRule(**{"id": "some", **rule})]))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (refusal.reason, list(refusal.fields)) == (reason, [field])


async def test_a_rule_of_a_part_goes_by_the_part_that_the_news_of_an_order_tell(
    members: MembersServiceStub, database: Database[MembersUnit], member: str
) -> None:
    wanted = {"east": "/cn/east/", "west": "/cn/west"}
    await update(members, rules=[rules.EarnRule(id=id_, bonus_points=9, place=at) for id_, at in wanted.items()])
    settle(database, member, line(10, "tea"))
    found = await members.GetBalance(members_pb2.GetBalanceRequest(name=f"{member}/balance"))
    assert found.available == 10 + 9


async def test_a_time_zone_must_exist(members: MembersServiceStub) -> None:
    assert (await refused(update(members, time_zone="Mars/Olympus"))).reason == "PROGRAMME_INVALID"


async def test_an_earning_says_which_rule_gave_what(
    members: MembersServiceStub, programmes: ProgrammesServiceStub, member: str, database: Database[MembersUnit]
) -> None:
    sunday = rules.EarnRule(
        id="sunday", bonus_points=5, condition='pay_time.weekday == 7 && "stores/bund" == order.store'
    )
    await update(members, rules=[double_tea(), sunday], time_zone="Asia/Shanghai")
    name = settle(database, member, line(30, "tea"), line(12, "cake"), freight=8)
    earning = await programmes.GetEarning(pb.GetEarningRequest(name=f"{name}/earnings/default"))
    assert {(each.rule, each.points) for each in earning.rules} == {("base", 42), ("tea", 30), ("sunday", 5)}
    assert (earning.points, earning.version, earning.programme) == (77, 2, NAME)
    purchase = await programmes.GetPurchase(pb.GetPurchaseRequest(name=name))
    assert (purchase.net_total, list(purchase.earnings)) == (money(50), [earning])
    other = f"{member}/purchases/{uuid.uuid4()}"
    assert (await refused(programmes.GetPurchase(pb.GetPurchaseRequest(name=other)))).reason == "PURCHASE_NOT_FOUND"
    missing = pb.GetEarningRequest(name=f"{name}/earnings/stars")
    assert (await refused(programmes.GetEarning(missing))).reason == "PROGRAMME_NOT_FOUND"


async def test_a_second_programme_has_its_own_points(
    programmes: ProgrammesServiceStub, member: str, database: Database[MembersUnit]
) -> None:
    stars = members_pb2.Programme(earn=rate(1, 5), redeem=rate(10, 1), display_name="Stars")
    request = pb.CreateProgrammeRequest(programme_id="stars", programme=stars)
    created = await programmes.CreateProgramme(request)
    assert (created.name, created.version, created.display_name) == ("programmes/stars", 1, "Stars")
    assert (await refused(programmes.CreateProgramme(request))).reason == "PROGRAMME_EXISTS"
    settle(database, member, line(30, ""))
    found = await programmes.ListProgrammeBalances(pb.ListProgrammeBalancesRequest(parent=member))
    assert [(each.programme, each.available, each.value) for each in found.balances] == [
        (NAME, 30, money(0, nanos=300_000_000)),
        ("programmes/stars", 6, money(0, nanos=600_000_000)),
    ]
    listed = await programmes.ListProgrammes(pb.ListProgrammesRequest(page_size=1))
    assert [each.name for each in listed.programmes] == [NAME]
    rest = await programmes.ListProgrammes(pb.ListProgrammesRequest(page_size=1, page_token=listed.next_page_token))
    assert ([each.name for each in rest.programmes], rest.next_page_token) == (["programmes/stars"], "")


async def test_points_of_another_programme_come_and_go_by_hand(
    members: MembersServiceStub, programmes: ProgrammesServiceStub, member: str
) -> None:
    stars = members_pb2.Programme(earn=rate(1, 5), redeem=rate(10, 1))
    await programmes.CreateProgramme(pb.CreateProgrammeRequest(programme_id="stars", programme=stars))
    own: dict[str, Any] = {"parent": member, "programme": "programmes/stars"}
    await members.AccruePoints(members_pb2.AccruePointsRequest(parent=member, points=7))
    given = await members.AccruePoints(members_pb2.AccruePointsRequest(points=50, **own))
    assert (given.balance.name, given.balance.available) == (f"{member}/balances/stars", 50)
    taken = await members.SpendPoints(members_pb2.SpendPointsRequest(points=20, **own))
    assert taken.balance.available == 30
    refusal = await refused(members.SpendPoints(members_pb2.SpendPointsRequest(points=31, **own)))
    assert refusal.reason == "POINTS_INSUFFICIENT"
    missing = members_pb2.SpendPointsRequest(parent=member, points=1, programme="programmes/moons")
    assert (await refused(members.SpendPoints(missing))).reason == "PROGRAMME_NOT_FOUND"
    nobody = members_pb2.AccruePointsRequest(parent=f"members/{uuid.uuid4()}", points=1, programme="programmes/stars")
    assert (await refused(members.AccruePoints(nobody))).reason == "MEMBER_NOT_FOUND"
    balance = await members.GetBalance(members_pb2.GetBalanceRequest(name=f"{member}/balance"))
    assert balance.available == 7


async def test_tiers_belong_to_the_default_programme(programmes: ProgrammesServiceStub) -> None:
    with_tiers = members_pb2.Programme(
        earn=rate(1, 5), redeem=rate(10, 1), tiers=[members_pb2.Tier(id="vip", threshold=money(1))]
    )
    request = pb.CreateProgrammeRequest(programme_id="stars", programme=with_tiers)
    assert (await refused(programmes.CreateProgramme(request))).reason == "PROGRAMME_INVALID"


async def test_every_version_is_kept(members: MembersServiceStub, programmes: ProgrammesServiceStub) -> None:
    await update(members, rules=[double_tea()])
    await update(members, rules=[])
    found = await programmes.ListProgrammeVersions(pb.ListProgrammeVersionsRequest(parent=NAME, page_size=2))
    assert [(each.version, len(each.rules)) for each in found.programmes] == [(3, 0), (2, 1)]
    request = pb.ListProgrammeVersionsRequest(parent=NAME, page_size=2, page_token=found.next_page_token)
    assert [each.version for each in (await programmes.ListProgrammeVersions(request)).programmes] == [1]
    missing = pb.ListProgrammeVersionsRequest(parent="programmes/stars")
    assert (await refused(programmes.ListProgrammeVersions(missing))).reason == "PROGRAMME_NOT_FOUND"
    never = members_pb2.GetProgrammeRequest(name=NAME, version=9)
    assert (await refused(members.GetProgramme(never))).reason == "PROGRAMME_VERSION_NOT_FOUND"


async def test_rules_are_tried_before_they_are_published_and_then_applied_to_the_past(
    members: MembersServiceStub, programmes: ProgrammesServiceStub, member: str, database: Database[MembersUnit]
) -> None:
    tea = settle(database, member, line(30, "tea"))
    settle(database, member, line(12, "cake"))
    draft = members_pb2.Programme(name=NAME, rules=[double_tea()])
    tried = await programmes.PreviewProgramme(
        pb.PreviewProgrammeRequest(programme=draft, start_time=stamp(PAID), end_time=stamp(PAID + timedelta(days=1)))
    )
    assert (tried.purchase_count, tried.changed_count, tried.points, tried.points_change) == (2, 1, 42, 30)
    assert [(each.purchase, each.points, each.earning.points) for each in tried.differences] == [(tea, 30, 60)]
    assert (await members.GetProgramme(members_pb2.GetProgrammeRequest(name=NAME))).rules == []
    await update(members, rules=[double_tea()])
    wanted = pb.Recalculation(programme=NAME, start_time=stamp(PAID), end_time=stamp(PAID + timedelta(days=1)))
    request = pb.CreateRecalculationRequest(recalculation=wanted)
    job = await programmes.CreateRecalculation(request)
    assert (await refused(programmes.CreateRecalculation(request))).reason == "RECALCULATION_RUNNING"
    for _ in range(3):
        database.write(consumer.recalculate)
    done = await programmes.GetRecalculation(pb.GetRecalculationRequest(name=job.name))
    assert (done.state, done.purchase_count, done.changed_count, done.points_change) == (
        pb.Recalculation.STATE_DONE,
        2,
        1,
        30,
    )
    balance = await members.GetBalance(members_pb2.GetBalanceRequest(name=f"{member}/balance"))
    assert balance.available == 72
    missing = pb.GetRecalculationRequest(name=f"recalculations/{uuid.uuid4()}")
    assert (await refused(programmes.GetRecalculation(missing))).reason == "RECALCULATION_NOT_FOUND"


async def test_a_draft_is_checked_as_if_it_were_published(programmes: ProgrammesServiceStub) -> None:
    draft = members_pb2.Programme(name=NAME, rules=[rules.EarnRule(id="typo", bonus_points=1, condition="nonsense")])
    refusal = await refused(programmes.PreviewProgramme(pb.PreviewProgrammeRequest(programme=draft)))
    assert (refusal.reason, refusal.metadata["position"]) == ("CONDITION_INVALID", "1")
    ends_before = pb.PreviewProgrammeRequest(
        programme=members_pb2.Programme(name=NAME), start_time=stamp(PAID), end_time=stamp(PAID)
    )
    assert list((await refused(programmes.PreviewProgramme(ends_before))).fields) == ["end_time"]


async def test_a_quote_says_what_points_may_pay(
    members: MembersServiceStub, programmes: ProgrammesServiceStub, member: str
) -> None:
    await update(
        members,
        cash=rules.PointsAsCash(
            min_points=500,
            max_ratio_basis_points=5_000,
            scope=rules.GoodsScope(excluded_categories=["gift"]),
            freight_excluded=True,
        ),
    )
    await members.AccruePoints(members_pb2.AccruePointsRequest(parent=member, points=100_000))

    def asked(*lines: tuple[int, str], freight: int = 0) -> pb.QuoteRedemptionRequest:
        goods = [pb.GoodsLine(category=category, amount=money(units)) for units, category in lines]
        return pb.QuoteRedemptionRequest(parent=member, lines=goods, freight=money(freight))

    found = await programmes.QuoteRedemption(asked((40, "tea"), (20, "gift"), freight=8))
    assert (found.points, found.value, found.payable, found.min_points) == (2_000, money(20), money(20), 500)
    assert found.max_points == 2_000
    cheap = await programmes.QuoteRedemption(asked((9, "tea")))
    assert (cheap.points, cheap.max_points) == (0, 450)  # 450 points would do, 500 are the least
    dear = await programmes.QuoteRedemption(asked((4_000, "tea")))
    assert (dear.points, dear.max_points) == (100_000, 200_000)  # whatever the member has
    assert (await programmes.QuoteRedemption(asked((10, "tea")))).points == 500
    wrong = asked((10, "tea"))
    wrong.lines.append(pb.GoodsLine(amount=WireMoney(currency_code="EUR", units=1)))
    assert list((await refused(programmes.QuoteRedemption(wrong))).fields) == ["lines[1].amount"]
