"""GiftCardService."""

from __future__ import annotations

import asyncio
import uuid

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.members.v1 import gift_cards_pb2 as pb
from kehu.members.v1 import stored_value_pb2 as value_pb
from kehu.members.v1.gift_cards_pb2_grpc import GiftCardServiceStub
from kehu.members.v1.stored_value_pb2_grpc import StoredValueServiceStub
from sqlalchemy import text

from kit.db import Database
from services.members.storage.unit import MembersUnit
from tests.support.rpc import refused


def yuan(units: int) -> Money:
    return Money(currency_code="CNY", units=units)


def issue(count: int = 1, *, request_id: str = "") -> pb.IssueGiftCardsRequest:
    return pb.IssueGiftCardsRequest(batch="spring", value=yuan(100), count=count, request_id=request_id)


@pytest.fixture
async def card(gift_cards: GiftCardServiceStub) -> pb.IssuedGiftCard:
    """A card of 100 that was sold, and its code."""
    issued: pb.IssuedGiftCard = (await gift_cards.IssueGiftCards(issue())).gift_cards[0]
    await gift_cards.ActivateGiftCard(pb.ActivateGiftCardRequest(name=issued.gift_card.name, store="east"))
    return issued


def pay(code: str, units: int) -> pb.PayWithGiftCardRequest:
    return pb.PayWithGiftCardRequest(code=code, amount=yuan(units), store="west", source="orders/1")


async def test_codes_are_long_all_different_shown_once_and_kept_nowhere(
    gift_cards: GiftCardServiceStub, database: Database[MembersUnit]
) -> None:
    request = issue(50, request_id=str(uuid.uuid4()))
    first, again = await gift_cards.IssueGiftCards(request), await gift_cards.IssueGiftCards(request)
    codes = [issued.code for issued in first.gift_cards]
    assert len(set(codes)) == 50
    assert {len(code.replace("-", "")) for code in codes} == {20}
    assert [issued.gift_card for issued in again.gift_cards] == [issued.gift_card for issued in first.gift_cards]
    assert {issued.code for issued in again.gift_cards} == {""}
    kept = database.read(
        lambda unit: [
            str(row)
            for query in ("select * from gift_cards", "select convert_from(response, 'LATIN1') from idempotency")
            for row in unit.connection.execute(text(query)).all()
        ]
    )
    assert not [code for code in codes for row in kept if code in row or code.replace("-", "") in row]


async def test_a_card_is_activated_found_and_pays(
    gift_cards: GiftCardServiceStub, stored_value: StoredValueServiceStub, card: pb.IssuedGiftCard
) -> None:
    found = await gift_cards.LookupGiftCard(pb.LookupGiftCardRequest(code=card.code.lower()))
    assert (found.name, found.balance, found.state) == (card.gift_card.name, yuan(100), pb.GiftCard.STATE_ACTIVE)
    assert card.code.endswith(found.code_suffix)
    paid = await gift_cards.PayWithGiftCard(pay(card.code, 30))
    assert (paid.gift_card, paid.member, paid.principal) == (found.name, "", yuan(30))
    held = await gift_cards.HoldGiftCard(pb.HoldGiftCardRequest(code=card.code, amount=yuan(20), store="west"))
    await stored_value.ConfirmStoredValuePayment(value_pb.ConfirmStoredValuePaymentRequest(name=held.name))
    await stored_value.RefundStoredValuePayment(
        value_pb.RefundStoredValuePaymentRequest(name=paid.name, amount=yuan(5))
    )
    assert (await gift_cards.GetGiftCard(pb.GetGiftCardRequest(name=found.name))).balance == yuan(55)
    assert (await refused(gift_cards.PayWithGiftCard(pay(card.code, 56)))).reason == "STORED_VALUE_INSUFFICIENT"
    wrong = await refused(gift_cards.PayWithGiftCard(pay("no such code", 1)))
    assert (wrong.code, wrong.reason) == (grpc.StatusCode.NOT_FOUND, "GIFT_CARD_CODE_UNKNOWN")


async def test_a_card_goes_into_stored_value(
    gift_cards: GiftCardServiceStub, member: str, card: pb.IssuedGiftCard
) -> None:
    filled = await gift_cards.RedeemGiftCard(pb.RedeemGiftCardRequest(code=card.code, member=member))
    assert (filled.name, filled.principal) == (f"{member}/storedValues/CNY", yuan(100))
    again = await refused(gift_cards.RedeemGiftCard(pb.RedeemGiftCardRequest(code=card.code, member=member)))
    assert (again.reason, again.metadata["state"]) == ("GIFT_CARD_UNUSABLE", "REDEEMED")


async def test_a_card_is_given_withdrawn_and_taken_under_a_new_code(
    gift_cards: GiftCardServiceStub, member: str, card: pb.IssuedGiftCard
) -> None:
    first = await gift_cards.GiveGiftCard(pb.GiveGiftCardRequest(code=card.code))
    assert first.gift_card.state == pb.GiftCard.STATE_OFFERED
    back = await gift_cards.CancelGiveGiftCard(pb.CancelGiveGiftCardRequest(code=card.code))
    assert back.state == pb.GiftCard.STATE_ACTIVE
    take = pb.TakeGiftCardRequest(claim_code=first.claim_code, member=member)
    assert (await refused(gift_cards.TakeGiftCard(take))).reason == "CLAIM_CODE_UNKNOWN"
    request = pb.GiveGiftCardRequest(code=card.code, request_id=str(uuid.uuid4()))
    given, repeated = await gift_cards.GiveGiftCard(request), await gift_cards.GiveGiftCard(request)
    assert (bool(given.claim_code), repeated.claim_code, repeated.gift_card) == (True, "", given.gift_card)
    taken = await gift_cards.TakeGiftCard(
        pb.TakeGiftCardRequest(claim_code=given.claim_code, member=member, request_id=str(uuid.uuid4()))
    )
    assert (taken.gift_card.member, taken.gift_card.balance) == (member, yuan(100))
    assert (await refused(gift_cards.PayWithGiftCard(pay(card.code, 1)))).reason == "GIFT_CARD_CODE_UNKNOWN"
    await gift_cards.PayWithGiftCard(pay(taken.code, 1))
    listed = await gift_cards.ListGiftCards(pb.ListGiftCardsRequest(member=member))
    assert [each.name for each in listed.gift_cards] == [card.gift_card.name]


async def test_of_many_who_claim_at_once_one_gets_a_code_that_works(
    gift_cards: GiftCardServiceStub, member: str, card: pb.IssuedGiftCard
) -> None:
    claim = (await gift_cards.GiveGiftCard(pb.GiveGiftCardRequest(code=card.code))).claim_code
    request = pb.TakeGiftCardRequest(claim_code=claim, member=member, request_id=str(uuid.uuid4()))
    outcomes = await asyncio.gather(
        *(gift_cards.TakeGiftCard(request) for _ in range(10)),
        *(gift_cards.TakeGiftCard(pb.TakeGiftCardRequest(claim_code=claim, member=member)) for _ in range(10)),
        return_exceptions=True,
    )
    codes = {outcome.code for outcome in outcomes if isinstance(outcome, pb.TakeGiftCardResponse)} - {""}
    assert len(codes) == 1
    await gift_cards.PayWithGiftCard(pay(codes.pop(), 1))


async def test_a_lost_code_is_replaced_and_a_void_card_is_worth_nothing(
    gift_cards: GiftCardServiceStub, card: pb.IssuedGiftCard
) -> None:
    name = card.gift_card.name
    replaced = await gift_cards.ReplaceGiftCardCode(pb.ReplaceGiftCardCodeRequest(name=name))
    assert (await refused(gift_cards.PayWithGiftCard(pay(card.code, 1)))).reason == "GIFT_CARD_CODE_UNKNOWN"
    await gift_cards.PayWithGiftCard(pay(replaced.code, 1))
    void = await gift_cards.VoidGiftCard(pb.VoidGiftCardRequest(name=name, reason="stolen"))
    assert (void.state, void.balance) == (pb.GiftCard.STATE_VOID, yuan(0))
    assert (await refused(gift_cards.PayWithGiftCard(pay(replaced.code, 1)))).reason == "GIFT_CARD_UNUSABLE"


async def test_cards_come_in_pages_of_their_batch(gift_cards: GiftCardServiceStub) -> None:
    made = await gift_cards.IssueGiftCards(issue(3))
    query = pb.ListGiftCardsRequest(batch="spring", page_size=2)
    first = await gift_cards.ListGiftCards(query)
    query.page_token = first.next_page_token
    rest = await gift_cards.ListGiftCards(query)
    names = sorted((issued.gift_card.name for issued in made.gift_cards), reverse=True)
    assert [each.name for each in [*first.gift_cards, *rest.gift_cards]] == names
    assert not (await gift_cards.ListGiftCards(pb.ListGiftCardsRequest(batch="autumn"))).gift_cards


async def test_an_expired_card_says_so(gift_cards: GiftCardServiceStub) -> None:
    request = issue()
    request.expire_time.CopyFrom(Timestamp(seconds=1_000_000_000))
    (issued,) = (await gift_cards.IssueGiftCards(request)).gift_cards
    activate = pb.ActivateGiftCardRequest(name=issued.gift_card.name, store="east")
    assert (await refused(gift_cards.ActivateGiftCard(activate))).reason == "GIFT_CARD_EXPIRED"
    found = await gift_cards.GetGiftCard(pb.GetGiftCardRequest(name=issued.gift_card.name))
    assert found.state == pb.GiftCard.STATE_EXPIRED
