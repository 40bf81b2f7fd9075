"""RightsCardService."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.members.v1 import rights_cards_pb2 as pb
from kehu.members.v1 import stored_value_pb2 as value_pb
from kehu.members.v1.rights_cards_pb2_grpc import RightsCardServiceStub
from kehu.members.v1.stored_value_pb2_grpc import StoredValueServiceStub

from tests.support.rpc import refused

BENEFITS = [
    pb.Benefit(id="car-wash", display_name="A car wash", quota=3),
    pb.Benefit(id="lounge", quota=1, period=pb.BENEFIT_PERIOD_DAY),
]


def product(**fields: Any) -> pb.RightsCardProduct:
    base: dict[str, Any] = {"display_name": "Gold", "benefits": BENEFITS, "validity_days": 30}
    return pb.RightsCardProduct(**base | {"time_zone": "Asia/Shanghai"} | fields)


async def made(rights_cards: RightsCardServiceStub, **fields: Any) -> pb.RightsCardProduct:
    request = pb.CreateRightsCardProductRequest(rights_card_product=product(**fields))
    answer: pb.RightsCardProduct = await rights_cards.CreateRightsCardProduct(request)
    return answer


async def given(
    rights_cards: RightsCardServiceStub, member: str, kind: pb.RightsCardProduct, **fields: Any
) -> pb.RightsCard:
    request = pb.IssueRightsCardRequest(member=member, rights_card_product=kind.name, store="east", **fields)
    answer: pb.RightsCard = await rights_cards.IssueRightsCard(request)
    return answer


@pytest.fixture
async def card(rights_cards: RightsCardServiceStub, member: str) -> pb.RightsCard:
    """A free card."""
    return await given(rights_cards, member, await made(rights_cards))


async def test_a_kind_of_card_is_made_changed_and_listed(rights_cards: RightsCardServiceStub) -> None:
    kind = await made(rights_cards, price=Money(currency_code="CNY", units=99), grace_days=3)
    assert kind == await rights_cards.GetRightsCardProduct(pb.GetRightsCardProductRequest(name=kind.name))
    assert kind.benefits[0].period == pb.BENEFIT_PERIOD_TOTAL
    change = pb.UpdateRightsCardProductRequest(
        rights_card_product=pb.RightsCardProduct(name=kind.name, retired=True, etag=kind.etag),
        update_mask=FieldMask(paths=["retired", "price"]),
    )
    changed = await rights_cards.UpdateRightsCardProduct(change)
    assert (changed.retired, changed.HasField("price"), changed.display_name) == (True, False, "Gold")
    assert (await refused(rights_cards.UpdateRightsCardProduct(change))).reason == "ETAG_MISMATCH"
    other = await made(rights_cards)
    first = await rights_cards.ListRightsCardProducts(pb.ListRightsCardProductsRequest(page_size=1))
    rest = await rights_cards.ListRightsCardProducts(
        pb.ListRightsCardProductsRequest(page_size=1, page_token=first.next_page_token)
    )
    assert [*first.rights_card_products, *rest.rights_card_products] == [other, changed]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "rights_card_product.time_zone"),
        ({"time_zone": "../etc"}, "rights_card_product.time_zone"),
        ({"benefits": [BENEFITS[0]] * 2}, "rights_card_product.benefits[1].id"),
        ({"price": Money(currency_code="CNY", units=-1)}, "rights_card_product.price"),
        ({"validity_days": 0}, "rights_card_product.validity_days"),
    ],
)
async def test_a_kind_of_card_that_makes_no_sense_is_refused(
    rights_cards: RightsCardServiceStub, fields: dict[str, Any], field: str
) -> None:
    refusal = await refused(made(rights_cards, **fields))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_benefits_are_used_listed_and_taken_back(
    rights_cards: RightsCardServiceStub, card: pb.RightsCard
) -> None:
    used = await rights_cards.UseBenefit(
        pb.UseBenefitRequest(name=card.name, benefit="car-wash", count=3, source="visits/1")
    )
    assert used.name.startswith(f"{card.name}/uses/")
    again = await refused(rights_cards.UseBenefit(pb.UseBenefitRequest(name=card.name, benefit="car-wash")))
    assert again.reason == "BENEFIT_USED_UP"
    first = await rights_cards.ListBenefits(pb.ListBenefitsRequest(parent=card.name, page_size=1))
    rest = await rights_cards.ListBenefits(
        pb.ListBenefitsRequest(parent=card.name, page_size=1, page_token=first.next_page_token)
    )
    (wash,), (lounge,) = first.benefits, rest.benefits
    assert (wash.used, wash.remaining, wash.HasField("reset_time")) == (3, 0, False)
    assert (lounge.used, lounge.remaining, lounge.HasField("reset_time")) == (0, 1, True)
    assert rest.next_page_token == ""
    reverse = pb.ReverseBenefitUseRequest(name=used.name)
    reversed_use = await rights_cards.ReverseBenefitUse(reverse)
    assert reversed_use.HasField("reverse_time")
    assert await rights_cards.ReverseBenefitUse(reverse) == reversed_use
    await rights_cards.UseBenefit(pb.UseBenefitRequest(name=card.name, benefit="car-wash"))


async def test_a_card_is_frozen_renewed_and_cancelled(rights_cards: RightsCardServiceStub, card: pb.RightsCard) -> None:
    frozen = await rights_cards.FreezeRightsCard(pb.FreezeRightsCardRequest(name=card.name))
    assert (frozen.state, frozen.HasField("freeze_time")) == (pb.RightsCard.STATE_FROZEN, True)
    use = pb.UseBenefitRequest(name=card.name, benefit="lounge")
    refusal = await refused(rights_cards.UseBenefit(use))
    assert (refusal.reason, refusal.metadata["state"]) == ("RIGHTS_CARD_UNUSABLE", "FROZEN")
    thawed = await rights_cards.UnfreezeRightsCard(pb.UnfreezeRightsCardRequest(name=card.name))
    assert thawed.state == pb.RightsCard.STATE_ACTIVE
    renewed = await rights_cards.RenewRightsCard(pb.RenewRightsCardRequest(name=card.name))
    assert renewed.renewal_count == 1
    assert (renewed.end_time.ToDatetime() - thawed.end_time.ToDatetime()).days == 30
    cancelled = await rights_cards.CancelRightsCard(pb.CancelRightsCardRequest(name=card.name))
    assert cancelled.HasField("cancel_time")
    assert await rights_cards.GetRightsCard(pb.GetRightsCardRequest(name=card.name)) == cancelled
    await rights_cards.UseBenefit(use)
    assert (
        await refused(rights_cards.RenewRightsCard(pb.RenewRightsCardRequest(name=card.name)))
    ).reason == "RIGHTS_CARD_UNUSABLE"


async def test_a_membership_costs_stored_value_or_a_payment_made_elsewhere(
    rights_cards: RightsCardServiceStub, stored_value: StoredValueServiceStub, member: str
) -> None:
    kind = await made(rights_cards, price=Money(currency_code="CNY", units=99))
    assert (await refused(given(rights_cards, member, kind))).reason == "STORED_VALUE_INSUFFICIENT"
    elsewhere = await given(rights_cards, member, kind, reference="wx/1", auto_renew=True)
    assert await given(rights_cards, member, kind, reference="wx/1", auto_renew=True) == elsewhere
    top_up = value_pb.TopUp(member=member, amount=Money(currency_code="CNY", units=100), store="east")
    await stored_value.CreateTopUp(value_pb.CreateTopUpRequest(top_up=top_up))
    paid = await given(rights_cards, member, kind)
    has = await stored_value.GetStoredValue(value_pb.GetStoredValueRequest(name=f"{member}/storedValues/CNY"))
    assert has.principal.units == 1
    listed = await rights_cards.ListRightsCards(pb.ListRightsCardsRequest(parent=member))
    assert list(listed.rights_cards) == [paid, elsewhere]
    due = await rights_cards.ListDueRenewals(
        pb.ListDueRenewalsRequest(end_before=Timestamp(seconds=4_102_444_800), page_size=1)
    )
    assert (list(due.rights_cards), due.next_page_token) == ([elsewhere], "")


async def test_what_does_not_exist_is_not_found(rights_cards: RightsCardServiceStub, card: pb.RightsCard) -> None:
    nothing = f"rightsCards/{uuid.uuid4()}"
    for call, reason in (
        (rights_cards.GetRightsCard(pb.GetRightsCardRequest(name=nothing)), "RIGHTS_CARD_NOT_FOUND"),
        (rights_cards.ListBenefits(pb.ListBenefitsRequest(parent=nothing)), "RIGHTS_CARD_NOT_FOUND"),
        (rights_cards.UseBenefit(pb.UseBenefitRequest(name=nothing, benefit="x")), "RIGHTS_CARD_NOT_FOUND"),
        (rights_cards.UseBenefit(pb.UseBenefitRequest(name=card.name, benefit="x")), "BENEFIT_NOT_FOUND"),
        (
            rights_cards.ReverseBenefitUse(pb.ReverseBenefitUseRequest(name=f"{card.name}/uses/{uuid.uuid4()}")),
            "BENEFIT_USE_NOT_FOUND",
        ),
        (
            rights_cards.GetRightsCardProduct(
                pb.GetRightsCardProductRequest(name=f"rightsCardProducts/{uuid.uuid4()}")
            ),
            "RIGHTS_CARD_PRODUCT_NOT_FOUND",
        ),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, reason)
