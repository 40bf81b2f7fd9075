"""`StoredValueService`: its messages and what the use-cases take and answer; each method is parse, call, render."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from google.type.money_pb2 import Money as WireMoney
from grpc.aio import ServicerContext
from kehu.members.v1 import stored_value_pb2 as pb
from kehu.members.v1 import stored_value_pb2_grpc

from kit import names
from kit.errors import invalid
from kit.money import Money, currency_of, is_currency
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
from services.members.domain.settlement import Line, Settlement
from services.members.domain.stored_payment import StoredPayment
from services.members.domain.stored_refund import StoredRefund
from services.members.domain.stored_value import DrawOrder, Parts, Purse
from services.members.domain.stored_value_rules import BonusTier, StoredValueRules
from services.members.domain.top_up import TopUp
from services.members.usecases import stored_payment, stored_value, top_up
from services.members.usecases.stored_payment import EndPayment, Pay, Renew
from services.members.usecases.stored_value import UpdateRules
from services.members.usecases.top_up import GiveBack, PayIn

TTL = timedelta(minutes=30)
_RULES = ("tiers", "draw_order")
_RULES_OUTPUT = ("name", "version", "update_time", "etag")


class StoredValueServicer(stored_value_pb2_grpc.StoredValueServiceServicer):
    """Serves stored value. What moves it goes through lanes: concurrent calls share one transaction."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens
        self._top_up = edge.lane("top-up", top_up.top_up, render=show_top_up)
        self._pay = edge.lane("pay", stored_payment.pay, render=show_payment)
        self._confirm = edge.lane("confirm payment", stored_payment.confirm, render=show_payment)
        self._release = edge.lane("release payment", stored_payment.release, render=show_payment)

    async def CreateTopUp(self, request: pb.CreateTopUpRequest, context: ServicerContext) -> pb.TopUp:
        """Pay money in."""
        wire = request.top_up
        member = names.id_of("members", wire.member, field="top_up.member")
        amount = positive(wire.amount, field="top_up.amount")
        response: pb.TopUp = await self._top_up(
            request, PayIn(names.new_id(), member, amount, wire.store, wire.reference)
        )
        return response

    async def GetTopUp(self, request: pb.GetTopUpRequest, context: ServicerContext) -> pb.TopUp:
        """Read a top-up."""
        return show_top_up(await self._edge.read(top_up.get, names.id_of("topUps", request.name)))

    async def ListTopUps(self, request: pb.ListTopUpsRequest, context: ServicerContext) -> pb.ListTopUpsResponse:
        """A page of a member's top-ups."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(top_up.page, names.id_of("members", request.parent, field="parent"), page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        return pb.ListTopUpsResponse(top_ups=[show_top_up(row) for row in rows[: page.size]], next_page_token=token)

    async def RefundTopUp(self, request: pb.RefundTopUpRequest, context: ServicerContext) -> pb.StoredValueRefund:
        """Pay a top-up back."""
        command = _give_back(request, names.id_of("topUps", request.name))
        return await self._edge.write(request, top_up.refund, command, render=_refund)

    async def PayStoredValue(
        self, request: pb.PayStoredValueRequest, context: ServicerContext
    ) -> pb.StoredValuePayment:
        """Pay at once."""
        response: pb.StoredValuePayment = await self._pay(request, _pay(request, None))
        return response

    async def HoldStoredValue(
        self, request: pb.HoldStoredValueRequest, context: ServicerContext
    ) -> pb.StoredValuePayment:
        """Set value aside."""
        response: pb.StoredValuePayment = await self._pay(request, _pay(request, ttl_of(request, TTL)))
        return response

    async def ConfirmStoredValuePayment(
        self, request: pb.ConfirmStoredValuePaymentRequest, context: ServicerContext
    ) -> pb.StoredValuePayment:
        """Spend what was set aside."""
        amount = positive(request.amount, field="amount") if request.HasField("amount") else None
        command = EndPayment(names.id_of("storedValuePayments", request.name), amount)
        response: pb.StoredValuePayment = await self._confirm(request, command)
        return response

    async def ReleaseStoredValuePayment(
        self, request: pb.ReleaseStoredValuePaymentRequest, context: ServicerContext
    ) -> pb.StoredValuePayment:
        """Give back what was set aside."""
        command = EndPayment(names.id_of("storedValuePayments", request.name))
        response: pb.StoredValuePayment = await self._release(request, command)
        return response

    async def RenewStoredValuePayment(
        self, request: pb.RenewStoredValuePaymentRequest, context: ServicerContext
    ) -> pb.StoredValuePayment:
        """Set the amount of an earlier payment aside once more."""
        earlier = names.id_of("storedValuePayments", request.name)
        command = Renew(names.new_id(), earlier, request.reference, ttl_of(request, TTL))
        return await self._edge.write(request, stored_payment.renew, command, render=show_payment)

    async def RefundStoredValuePayment(
        self, request: pb.RefundStoredValuePaymentRequest, context: ServicerContext
    ) -> pb.StoredValueRefund:
        """Give a payment back."""
        command = _give_back(request, names.id_of("storedValuePayments", request.name))
        return await self._edge.write(request, stored_payment.refund, command, render=_refund)

    async def GetStoredValuePayment(
        self, request: pb.GetStoredValuePaymentRequest, context: ServicerContext
    ) -> pb.StoredValuePayment:
        """Read a payment."""
        payment = names.id_of("storedValuePayments", request.name)
        return show_payment(await self._edge.read(stored_payment.get, payment))

    async def LookupStoredValuePayment(
        self, request: pb.LookupStoredValuePaymentRequest, context: ServicerContext
    ) -> pb.StoredValuePayment:
        """Find a payment."""
        return show_payment(await self._edge.read(stored_payment.lookup, request.reference))

    async def ListStoredValuePayments(
        self, request: pb.ListStoredValuePaymentsRequest, context: ServicerContext
    ) -> pb.ListStoredValuePaymentsResponse:
        """A page of a member's payments."""
        page = page_of(request, self._tokens)
        member = names.id_of("members", request.parent, field="parent")
        rows = await self._edge.read(stored_payment.page, member, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        return pb.ListStoredValuePaymentsResponse(
            stored_value_payments=[show_payment(row) for row in rows[: page.size]], next_page_token=token
        )

    async def GetStoredValue(self, request: pb.GetStoredValueRequest, context: ServicerContext) -> pb.StoredValue:
        """Read what a member has in a currency."""
        parent, _, currency = request.name.rpartition("/storedValues/")
        member = names.id_of("members", parent)
        return show_purse(await self._edge.read(stored_value.get, member, _currency(currency)))

    async def ListStoredValues(
        self, request: pb.ListStoredValuesRequest, context: ServicerContext
    ) -> pb.ListStoredValuesResponse:
        """A page of what a member has."""
        page = page_of(request, self._tokens)
        member = names.id_of("members", request.parent, field="parent")
        rows = await self._edge.read(stored_value.page, member, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda purse: (purse.currency,))
        return pb.ListStoredValuesResponse(
            stored_values=[show_purse(purse) for purse in rows[: page.size]], next_page_token=token
        )

    async def GetStoredValueRules(
        self, request: pb.GetStoredValueRulesRequest, context: ServicerContext
    ) -> pb.StoredValueRules:
        """Read a currency's rules."""
        return _rules(await self._edge.read(stored_value.rules, _rules_currency(request.name, "name")))

    async def UpdateStoredValueRules(
        self, request: pb.UpdateStoredValueRulesRequest, context: ServicerContext
    ) -> pb.StoredValueRules:
        """Change a currency's rules."""
        return await self._edge.write(request, stored_value.update_rules, _update_rules(request), render=_rules)

    async def GetSettlementReport(
        self, request: pb.GetSettlementReportRequest, context: ServicerContext
    ) -> pb.SettlementReport:
        """Read what stores have to settle."""
        start = instant(request.start_time, field="start_time")
        end = instant(request.end_time, field="end_time")
        currency = currency_of(request.currency_code)
        return _report(await self._edge.read(stored_value.settle, currency, start, end))


def positive(wire: WireMoney, *, field: str) -> Money:
    """Read an amount of more than nothing."""
    amount = money(wire, field=field)
    if amount.minor <= 0:
        raise invalid(field, "must be more than nothing")
    return amount


def ttl_of(request: Any, default: timedelta) -> timedelta:
    """How long something is set aside or offered."""
    ttl: timedelta = request.ttl.ToTimedelta() if request.HasField("ttl") else default
    return ttl


def show_top_up(known: TopUp) -> pb.TopUp:
    """Show a top-up."""
    return pb.TopUp(
        name=known.name,
        member=names.join("members", known.owner),
        amount=_wire(known.paid.principal, known.currency),
        store=known.store,
        reference=known.reference,
        bonus=_wire(known.paid.bonus, known.currency),
        rules_version=known.rules,
        refunded=_wire(known.refunded.principal, known.currency),
        refunded_bonus=_wire(known.refunded.bonus, known.currency),
        create_time=wire_instant(known.create_time),
    )


def show_payment(known: StoredPayment) -> pb.StoredValuePayment:
    """Show a payment."""
    return pb.StoredValuePayment(
        name=known.name,
        member="" if known.of_card else names.join("members", known.owner),
        gift_card=names.join("giftCards", known.owner) if known.of_card else "",
        amount=_wire(known.parts.total, known.currency),
        principal=_wire(known.parts.principal, known.currency),
        bonus=_wire(known.parts.bonus, known.currency),
        state=pb.StoredValuePayment.State.Value(f"STATE_{known.state}"),
        draw_order=pb.DrawOrder.Value(f"DRAW_ORDER_{known.order}"),
        store=known.store,
        source=known.source,
        reference=known.reference,
        refunded_principal=_wire(known.refunded.principal, known.currency),
        refunded_bonus=_wire(known.refunded.bonus, known.currency),
        create_time=wire_instant(known.create_time),
        expire_time=wire_instant(known.expire_time) if known.expire_time else None,
        end_time=wire_instant(known.end_time) if known.end_time else None,
    )


def show_purse(purse: Purse) -> pb.StoredValue:
    """Show what a member has in a currency."""
    return pb.StoredValue(
        name=names.join("members", purse.owner, "storedValues", purse.currency),
        principal=_wire(purse.free.principal, purse.currency),
        bonus=_wire(purse.free.bonus, purse.currency),
        held_principal=_wire(purse.held.principal, purse.currency),
        held_bonus=_wire(purse.held.bonus, purse.currency),
    )


def _pay(request: pb.PayStoredValueRequest | pb.HoldStoredValueRequest, ttl: timedelta | None) -> Pay:
    return Pay(
        payment=names.new_id(),
        owner=names.id_of("members", request.member, field="member"),
        amount=positive(request.amount, field="amount"),
        store=request.store,
        source=request.source,
        reference=request.reference,
        ttl=ttl,
    )


def _give_back(request: pb.RefundTopUpRequest | pb.RefundStoredValuePaymentRequest, document: UUID) -> GiveBack:
    amount = positive(request.amount, field="amount") if request.HasField("amount") else None
    return GiveBack(names.new_id(), document, amount, request.store, request.reference, author())


def _update_rules(request: pb.UpdateStoredValueRulesRequest) -> UpdateRules:
    wire = request.stored_value_rules
    currency = _rules_currency(wire.name, "stored_value_rules.name")
    fields = masked_fields(wire, request.update_mask, mutable=_RULES, output_only=_RULES_OUTPUT)
    order = wire.draw_order or pb.DRAW_ORDER_PROPORTIONAL
    read: dict[str, Callable[[], Any]] = {
        "tiers": lambda: tuple(_tier(tier, index) for index, tier in enumerate(wire.tiers)),
        "draw_order": lambda: DrawOrder(pb.DrawOrder.Name(order).removeprefix("DRAW_ORDER_")),
    }
    return UpdateRules(currency, {field: read[field]() for field in fields}, expected_version(wire.etag), author())


def _tier(wire: pb.BonusTier, index: int) -> BonusTier:
    path = f"stored_value_rules.tiers[{index}]"
    return BonusTier(money(wire.amount, field=f"{path}.amount"), money(wire.bonus, field=f"{path}.bonus"))


def _rules_currency(name: str, field: str) -> str:
    head, _, currency = name.partition("/")
    return _currency(currency if head == "storedValueRules" else "", field=field)


def _currency(code: str, *, field: str = "name") -> str:
    """The currency at the end of a name."""
    if not is_currency(code):
        raise invalid(field, "must end with the code of a currency (ISO 4217), three letters in capitals")
    return code


def _refund(made: StoredRefund) -> pb.StoredValueRefund:
    return pb.StoredValueRefund(
        name=made.name,
        document=made.document_name,
        principal=_wire(made.parts.principal, made.currency),
        bonus=_wire(made.parts.bonus, made.currency),
        store=made.store,
        reference=made.reference,
        create_time=wire_instant(made.create_time),
    )


def _rules(rules: StoredValueRules) -> pb.StoredValueRules:
    return pb.StoredValueRules(
        name=f"storedValueRules/{rules.currency}",
        tiers=[pb.BonusTier(amount=wire_money(tier.amount), bonus=wire_money(tier.bonus)) for tier in rules.tiers],
        draw_order=pb.DrawOrder.Value(f"DRAW_ORDER_{rules.draw_order}"),
        version=rules.version,
        update_time=wire_instant(rules.update_time) if rules.update_time else None,
        etag=etag(rules.version),
    )


def _report(settlement: Settlement) -> pb.SettlementReport:
    return pb.SettlementReport(
        currency_code=settlement.currency,
        start_time=wire_instant(settlement.start),
        end_time=wire_instant(settlement.end),
        stores=[_line(line, settlement.currency) for line in settlement.stores],
        issuer=_line(settlement.issuer, settlement.currency),
    )


def _line(line: Line, currency: str) -> pb.SettlementLine:
    def parts(value: Parts) -> tuple[WireMoney, WireMoney]:
        return _wire(value.principal, currency), _wire(value.bonus, currency)

    collected, granted = parts(line.collected)
    honoured, honoured_bonus = parts(line.honoured)
    net_principal, net_bonus = parts(line.net)
    return pb.SettlementLine(
        store=line.store,
        collected_principal=collected,
        granted_bonus=granted,
        honoured_principal=honoured,
        honoured_bonus=honoured_bonus,
        net_principal=net_principal,
        net_bonus=net_bonus,
        net=_wire(line.net.total, currency),
    )


def _wire(minor: int, currency: str) -> WireMoney:
    return wire_money(Money(minor, currency))
