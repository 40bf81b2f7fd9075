"""`GiftCardService`. Codes are made here and shown once: the answer that is kept for repeats has none."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from grpc.aio import ServicerContext
from kehu.members.v1 import gift_cards_pb2 as pb
from kehu.members.v1 import gift_cards_pb2_grpc
from kehu.members.v1 import stored_value_pb2 as value_pb

from kit import names
from kit.money import Money
from kit.page import Tokens
from kit.rpc import Edge
from kit.rpc.convert import instant, next_token, page_of, wire_instant, wire_money
from services.members.api.audit import author
from services.members.api.stored_value import TTL, positive, show_payment, show_purse, ttl_of
from services.members.domain.gift_card import digest, spell
from services.members.usecases import gift_card
from services.members.usecases.gift_card import Activate, Give, Issue, Recode, Redeem, Shown, Take, Void
from services.members.usecases.stored_payment import Pay

C = TypeVar("C")

_CODE_BITS = 100
_OFFER = timedelta(days=7)


class GiftCardServicer(gift_cards_pb2_grpc.GiftCardServiceServicer):
    """Serves gift cards."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens
        self._pay = edge.lane("pay with card", gift_card.pay, render=show_payment)

    async def IssueGiftCards(
        self, request: pb.IssueGiftCardsRequest, context: ServicerContext
    ) -> pb.IssueGiftCardsResponse:
        """Make cards."""
        codes = {names.new_id(): _new_code() for _ in range(request.count)}
        command = Issue(
            batch=request.batch,
            value=positive(request.value, field="value"),
            promotional=request.funding == pb.GIFT_CARD_FUNDING_PROMOTIONAL,
            codes=[(card, digest(code)) for card, code in codes.items()],
            expire_time=instant(request.expire_time, field="expire_time") if request.HasField("expire_time") else None,
            author=author(),
        )
        response = await self._edge.write(request, gift_card.issue, command, render=_issued)
        shown = {names.join("giftCards", card): code for card, code in codes.items()}
        for issued in response.gift_cards:
            issued.code = shown.get(issued.gift_card.name, "")
        return response

    async def ActivateGiftCard(self, request: pb.ActivateGiftCardRequest, context: ServicerContext) -> pb.GiftCard:
        """Give a card its value."""
        card = names.id_of("giftCards", request.name)
        command = Activate(card, names.new_id(), request.store, request.reference, author())
        return await self._edge.write(request, gift_card.activate, command, render=_card)

    async def GetGiftCard(self, request: pb.GetGiftCardRequest, context: ServicerContext) -> pb.GiftCard:
        """Read a card."""
        return _card(await self._edge.read(gift_card.get, names.id_of("giftCards", request.name)))

    async def LookupGiftCard(self, request: pb.LookupGiftCardRequest, context: ServicerContext) -> pb.GiftCard:
        """Find the card with a code."""
        return _card(await self._edge.read(gift_card.lookup, digest(request.code).hash))

    async def ListGiftCards(
        self, request: pb.ListGiftCardsRequest, context: ServicerContext
    ) -> pb.ListGiftCardsResponse:
        """A page of cards."""
        page = page_of(request, self._tokens)
        member = names.id_of("members", request.member, field="member") if request.member else None
        rows = await self._edge.read(gift_card.page, request.batch, member, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda shown: (str(shown.card.id),))
        return pb.ListGiftCardsResponse(gift_cards=[_card(row) for row in rows[: page.size]], next_page_token=token)

    async def RedeemGiftCard(self, request: pb.RedeemGiftCardRequest, context: ServicerContext) -> value_pb.StoredValue:
        """Empty a card into stored value."""
        command = Redeem(digest(request.code).hash, names.id_of("members", request.member, field="member"))
        return await self._edge.write(request, gift_card.redeem, command, render=show_purse)

    async def PayWithGiftCard(
        self, request: pb.PayWithGiftCardRequest, context: ServicerContext
    ) -> value_pb.StoredValuePayment:
        """Pay at once."""
        response: value_pb.StoredValuePayment = await self._pay(request, _pay(request, None))
        return response

    async def HoldGiftCard(
        self, request: pb.HoldGiftCardRequest, context: ServicerContext
    ) -> value_pb.StoredValuePayment:
        """Set value aside."""
        response: value_pb.StoredValuePayment = await self._pay(request, _pay(request, ttl_of(request, TTL)))
        return response

    async def GiveGiftCard(self, request: pb.GiveGiftCardRequest, context: ServicerContext) -> pb.GiveGiftCardResponse:
        """Offer a card."""
        claim = _new_code()
        command = Give(digest(request.code).hash, digest(claim).hash, ttl_of(request, _OFFER))
        card, fresh = await self._once(request, gift_card.give, command, pb.GiveGiftCardResponse)
        return pb.GiveGiftCardResponse(gift_card=card, claim_code=claim if fresh else "")

    async def CancelGiveGiftCard(self, request: pb.CancelGiveGiftCardRequest, context: ServicerContext) -> pb.GiftCard:
        """Take an offer back."""
        return await self._edge.write(request, gift_card.withdraw, digest(request.code).hash, render=_card)

    async def TakeGiftCard(self, request: pb.TakeGiftCardRequest, context: ServicerContext) -> pb.TakeGiftCardResponse:
        """Take an offered card."""
        code = _new_code()
        member = names.id_of("members", request.member, field="member")
        command = Take(digest(request.claim_code).hash, member, digest(code))
        card, fresh = await self._once(request, gift_card.take, command, pb.TakeGiftCardResponse)
        return pb.TakeGiftCardResponse(gift_card=card, code=code if fresh else "")

    async def VoidGiftCard(self, request: pb.VoidGiftCardRequest, context: ServicerContext) -> pb.GiftCard:
        """Make a card worthless."""
        command = Void(names.id_of("giftCards", request.name), names.new_id(), author(), request.reason)
        return await self._edge.write(request, gift_card.void, command, render=_card)

    async def ReplaceGiftCardCode(
        self, request: pb.ReplaceGiftCardCodeRequest, context: ServicerContext
    ) -> pb.ReplaceGiftCardCodeResponse:
        """Give a card another code."""
        code = _new_code()
        command = Recode(names.id_of("giftCards", request.name), digest(code), author())
        card, fresh = await self._once(request, gift_card.recode, command, pb.ReplaceGiftCardCodeResponse)
        return pb.ReplaceGiftCardCodeResponse(gift_card=card, code=code if fresh else "")

    async def _once(
        self, request: Any, usecase: Callable[[Any, C], Shown], command: C, answer: Callable[..., Any]
    ) -> tuple[pb.GiftCard, bool]:
        """Run a use-case that gives a card a new code; answers the card, and whether this very call did it.

        A repeat is answered by what was kept, and the code that was made for it means nothing.
        """
        made: list[Any] = []

        def render(shown: Shown) -> Any:
            made.append(answer(gift_card=_card(shown)))
            return made[-1]

        response = await self._edge.write(request, usecase, command, render=render)
        return response.gift_card, any(response is each for each in made)


def _new_code() -> str:
    return spell(secrets.randbits(_CODE_BITS))


def _pay(request: pb.PayWithGiftCardRequest | pb.HoldGiftCardRequest, ttl: timedelta | None) -> Pay:
    return Pay(
        payment=names.new_id(),
        # Which card it is comes out by the code, inside the transaction.
        owner=names.new_id(),
        amount=positive(request.amount, field="amount"),
        store=request.store,
        source=request.source,
        reference=request.reference,
        ttl=ttl,
        of_card=True,
        code=digest(request.code).hash,
    )


def _issued(shown: list[Shown]) -> pb.IssueGiftCardsResponse:
    return pb.IssueGiftCardsResponse(gift_cards=[pb.IssuedGiftCard(gift_card=_card(each)) for each in shown])


def _card(shown: Shown) -> pb.GiftCard:
    card, purse = shown
    return pb.GiftCard(
        name=card.name,
        batch=card.batch,
        value=wire_money(card.value),
        balance=wire_money(Money(purse.free.total, purse.currency)),
        held=wire_money(Money(purse.held.total, purse.currency)),
        funding=pb.GIFT_CARD_FUNDING_PROMOTIONAL if card.promotional else pb.GIFT_CARD_FUNDING_SOLD,
        state=pb.GiftCard.State.Value(f"STATE_{card.state}"),
        member=names.join("members", card.holder) if card.holder else "",
        store=card.store,
        code_suffix=card.code.suffix,
        create_time=wire_instant(card.create_time),
        activate_time=wire_instant(card.activate_time) if card.activate_time else None,
        expire_time=wire_instant(card.expire_time) if card.expire_time else None,
        offer_expire_time=wire_instant(card.offer_expire_time) if card.offer_expire_time else None,
    )
