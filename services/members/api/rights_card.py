"""`RightsCardService`: its messages and what the use-cases take and answer; each method is parse, call, render."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from grpc.aio import ServicerContext
from kehu.members.v1 import rights_cards_pb2 as pb
from kehu.members.v1 import rights_cards_pb2_grpc

from kit import names
from kit.page import Tokens
from kit.rpc import Edge
from kit.rpc.convert import (
    etag,
    expected_version,
    instant,
    masked_fields,
    money,
    next_token,
    page_of,
    wire_instant,
    wire_money,
)
from services.members.api.audit import author
from services.members.domain.benefit_period import Period
from services.members.domain.rights_card import Left, RightsCard, Use
from services.members.domain.rights_card_product import Benefit, RightsCardProduct
from services.members.usecases import rights_card, rights_card_product
from services.members.usecases.rights_card import Issue, Renew, ReverseUse, UseBenefit
from services.members.usecases.rights_card_product import CreateProduct, UpdateProduct

_FIELDS = ("display_name", "benefits", "validity_days", "time_zone", "price", "grace_days", "retired")
_OUTPUT = ("name", "create_time", "update_time", "etag")


class RightsCardServicer(rights_cards_pb2_grpc.RightsCardServiceServicer):
    """Serves rights cards."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens

    async def CreateRightsCardProduct(
        self, request: pb.CreateRightsCardProductRequest, context: ServicerContext
    ) -> pb.RightsCardProduct:
        """Make a kind of card."""
        command = CreateProduct(names.new_id(), _values(request.rights_card_product, _FIELDS), author())
        return await self._edge.write(request, rights_card_product.create, command, render=_product)

    async def GetRightsCardProduct(
        self, request: pb.GetRightsCardProductRequest, context: ServicerContext
    ) -> pb.RightsCardProduct:
        """Read a kind of card."""
        product = names.id_of("rightsCardProducts", request.name)
        return _product(await self._edge.read(rights_card_product.get, product))

    async def ListRightsCardProducts(
        self, request: pb.ListRightsCardProductsRequest, context: ServicerContext
    ) -> pb.ListRightsCardProductsResponse:
        """A page of kinds of cards."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(rights_card_product.page, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        return pb.ListRightsCardProductsResponse(
            rights_card_products=[_product(row) for row in rows[: page.size]], next_page_token=token
        )

    async def UpdateRightsCardProduct(
        self, request: pb.UpdateRightsCardProductRequest, context: ServicerContext
    ) -> pb.RightsCardProduct:
        """Change a kind of card."""
        wire = request.rights_card_product
        product = names.id_of("rightsCardProducts", wire.name, field="rights_card_product.name")
        fields = masked_fields(wire, request.update_mask, mutable=_FIELDS, output_only=_OUTPUT)
        command = UpdateProduct(product, _values(wire, fields), expected_version(wire.etag), author())
        return await self._edge.write(request, rights_card_product.update, command, render=_product)

    async def IssueRightsCard(self, request: pb.IssueRightsCardRequest, context: ServicerContext) -> pb.RightsCard:
        """Give a card."""
        command = Issue(
            card=names.new_id(),
            member=names.id_of("members", request.member, field="member"),
            product=names.id_of("rightsCardProducts", request.rights_card_product, field="rights_card_product"),
            store=request.store,
            payment=names.new_id(),
            reference=request.reference,
            auto_renew=request.auto_renew,
            author=author(),
        )
        return await self._edge.write(request, rights_card.issue, command, render=_card)

    async def GetRightsCard(self, request: pb.GetRightsCardRequest, context: ServicerContext) -> pb.RightsCard:
        """Read a card."""
        return _card(await self._edge.read(rights_card.get, names.id_of("rightsCards", request.name)))

    async def ListRightsCards(
        self, request: pb.ListRightsCardsRequest, context: ServicerContext
    ) -> pb.ListRightsCardsResponse:
        """A page of a member's cards."""
        page = page_of(request, self._tokens)
        member = names.id_of("members", request.parent, field="parent")
        rows = await self._edge.read(rights_card.page, member, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        return pb.ListRightsCardsResponse(rights_cards=[_card(row) for row in rows[: page.size]], next_page_token=token)

    async def UseBenefit(self, request: pb.UseBenefitRequest, context: ServicerContext) -> pb.BenefitUse:
        """Use a benefit."""
        command = UseBenefit(
            use=names.new_id(),
            card=names.id_of("rightsCards", request.name),
            benefit=request.benefit,
            count=request.count or 1,
            source=request.source,
            reference=request.reference,
        )
        return await self._edge.write(request, rights_card.use, command, render=_use)

    async def ReverseBenefitUse(self, request: pb.ReverseBenefitUseRequest, context: ServicerContext) -> pb.BenefitUse:
        """Take a use back."""
        ids = names.parse("rightsCards/{card}/uses/{use}", request.name)
        command = ReverseUse(ids["card"], ids["use"], author())
        return await self._edge.write(request, rights_card.reverse, command, render=_use)

    async def ListBenefits(self, request: pb.ListBenefitsRequest, context: ServicerContext) -> pb.ListBenefitsResponse:
        """A page of what is left of a card."""
        page = page_of(request, self._tokens)
        card = names.id_of("rightsCards", request.parent, field="parent")
        rows = await self._edge.read(rights_card.benefits, card, page)
        shown = (int(page.after[0]) if page.after else 0) + page.size
        token = next_token(request, self._tokens, page, rows=rows, position=lambda _: (str(shown),))
        return pb.ListBenefitsResponse(benefits=[_left(row) for row in rows[: page.size]], next_page_token=token)

    async def FreezeRightsCard(self, request: pb.FreezeRightsCardRequest, context: ServicerContext) -> pb.RightsCard:
        """Let a card stand still."""
        card = names.id_of("rightsCards", request.name)
        return await self._edge.write(request, partial(rights_card.freeze, author=author()), card, render=_card)

    async def UnfreezeRightsCard(
        self, request: pb.UnfreezeRightsCardRequest, context: ServicerContext
    ) -> pb.RightsCard:
        """Let a card go on."""
        card = names.id_of("rightsCards", request.name)
        return await self._edge.write(request, partial(rights_card.unfreeze, author=author()), card, render=_card)

    async def RenewRightsCard(self, request: pb.RenewRightsCardRequest, context: ServicerContext) -> pb.RightsCard:
        """Add a term."""
        card = names.id_of("rightsCards", request.name)
        command = Renew(card, request.store, names.new_id(), request.reference, author())
        return await self._edge.write(request, rights_card.renew, command, render=_card)

    async def CancelRightsCard(self, request: pb.CancelRightsCardRequest, context: ServicerContext) -> pb.RightsCard:
        """Renew a card no more."""
        card = names.id_of("rightsCards", request.name)
        return await self._edge.write(request, partial(rights_card.cancel, author=author()), card, render=_card)

    async def ListDueRenewals(
        self, request: pb.ListDueRenewalsRequest, context: ServicerContext
    ) -> pb.ListDueRenewalsResponse:
        """A page of the cards to be renewed."""
        page = page_of(request, self._tokens)
        end_before = instant(request.end_before, field="end_before") if request.HasField("end_before") else None
        rows = await self._edge.read(rights_card.renewals, end_before, page)
        token = next_token(
            request, self._tokens, page, rows=rows, position=lambda row: (row.end.isoformat(), str(row.id))
        )
        return pb.ListDueRenewalsResponse(rights_cards=[_card(row) for row in rows[: page.size]], next_page_token=token)


def _values(wire: pb.RightsCardProduct, fields: Any) -> dict[str, Any]:
    read: dict[str, Callable[[], Any]] = {
        "display_name": lambda: wire.display_name,
        "benefits": lambda: tuple(map(_benefit, wire.benefits)),
        "validity_days": lambda: wire.validity_days,
        "time_zone": lambda: wire.time_zone or "UTC",
        "price": lambda: money(wire.price, field="rights_card_product.price") if wire.HasField("price") else None,
        "grace_days": lambda: wire.grace_days,
        "retired": lambda: wire.retired,
    }
    return {field: read[field]() for field in fields}


def _benefit(wire: pb.Benefit) -> Benefit:
    period = wire.period or pb.BENEFIT_PERIOD_TOTAL
    name = pb.BenefitPeriod.Name(period).removeprefix("BENEFIT_PERIOD_")
    return Benefit(wire.id, wire.display_name, wire.quota, Period(name))


def _wire_benefit(benefit: Benefit) -> pb.Benefit:
    return pb.Benefit(
        id=benefit.id,
        display_name=benefit.display_name,
        quota=benefit.quota,
        period=pb.BenefitPeriod.Value(f"BENEFIT_PERIOD_{benefit.period}"),
    )


def _product(product: RightsCardProduct) -> pb.RightsCardProduct:
    return pb.RightsCardProduct(
        name=product.name,
        display_name=product.display_name,
        benefits=map(_wire_benefit, product.benefits),
        validity_days=product.validity_days,
        time_zone=product.time_zone,
        price=None if product.price is None else wire_money(product.price),
        grace_days=product.grace_days,
        retired=product.retired,
        create_time=wire_instant(product.create_time),
        update_time=wire_instant(product.update_time),
        etag=etag(product.version),
    )


def _card(card: RightsCard) -> pb.RightsCard:
    return pb.RightsCard(
        name=card.name,
        member=names.join("members", card.member),
        rights_card_product=names.join("rightsCardProducts", card.product),
        state=pb.RightsCard.State.Value(f"STATE_{card.state}"),
        start_time=wire_instant(card.start),
        end_time=wire_instant(card.end),
        auto_renew=card.auto_renew,
        freeze_time=wire_instant(card.freeze_time) if card.freeze_time else None,
        cancel_time=wire_instant(card.cancel_time) if card.cancel_time else None,
        renewal_count=len(card.terms) - 1,
        store=card.store,
        create_time=wire_instant(card.create_time),
        etag=etag(card.version),
    )


def _use(use: Use) -> pb.BenefitUse:
    return pb.BenefitUse(
        name=use.name,
        benefit=use.benefit,
        count=use.count,
        source=use.source,
        reference=use.reference,
        use_time=wire_instant(use.use_time),
        period_start_time=wire_instant(use.period),
        reverse_time=wire_instant(use.reverse_time) if use.reverse_time else None,
    )


def _left(left: Left) -> pb.BenefitBalance:
    return pb.BenefitBalance(
        benefit=_wire_benefit(left.benefit),
        used=left.used,
        remaining=left.remaining,
        reset_time=wire_instant(left.reset_time) if left.reset_time else None,
    )
