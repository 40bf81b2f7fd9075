"""Presales between the wire and the domain."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kehu.orders.v1 import presales_pb2 as pb

from kit import names
from kit.errors import invalid
from kit.money import Money
from kit.rpc import convert
from services.orders.api.wire import optional_id, optional_instant, version_of
from services.orders.domain.presale import (
    HOLD,
    REMIND,
    Presale,
    PresaleQuery,
    PresaleState,
    Terms,
    Window,
    expanded,
)
from services.orders.domain.presale_order import PresaleOrder, PresaleOrderState
from services.orders.usecases.activity import Sending
from services.orders.usecases.presale import CancelPresale, CreatePresale
from services.orders.usecases.presale_purchase import BuyPresale

_STATES = {
    PresaleState.SCHEDULED: pb.Presale.STATE_SCHEDULED,
    PresaleState.DEPOSIT: pb.Presale.STATE_DEPOSIT,
    PresaleState.WAITING: pb.Presale.STATE_WAITING,
    PresaleState.BALANCE: pb.Presale.STATE_BALANCE,
    PresaleState.ENDED: pb.Presale.STATE_ENDED,
    PresaleState.CANCELLED: pb.Presale.STATE_CANCELLED,
}
_ORDER_STATES = {
    PresaleOrderState.RESERVED: pb.PresaleOrder.STATE_RESERVED,
    PresaleOrderState.DEPOSITED: pb.PresaleOrder.STATE_DEPOSITED,
    PresaleOrderState.PAID: pb.PresaleOrder.STATE_PAID,
    PresaleOrderState.RELEASED: pb.PresaleOrder.STATE_RELEASED,
    PresaleOrderState.FORFEITED: pb.PresaleOrder.STATE_FORFEITED,
    PresaleOrderState.RETURNED: pb.PresaleOrder.STATE_RETURNED,
}


def presale(found: Presale, now: datetime) -> pb.Presale:
    """Write a presale as it stands at an instant."""
    terms = found.terms

    def money(minor: int) -> Money:
        return Money(minor, terms.price.currency)

    return pb.Presale(
        name=found.name,
        product=names.join("products", found.product),
        display_name=terms.display_name,
        price=convert.wire_money(terms.price),
        deposit_amount=convert.wire_money(money(terms.deposit)),
        deposit_credit=convert.wire_money(money(terms.credit)),
        expansion_basis_points=terms.expansion,
        quota=terms.quota,
        left_quantity=found.left,
        member_limit=terms.member_limit,
        deposit_start_time=convert.wire_instant(terms.deposits.start),
        deposit_end_time=convert.wire_instant(terms.deposits.end),
        balance_start_time=convert.wire_instant(terms.balances.start),
        balance_end_time=convert.wire_instant(terms.balances.end),
        unpaid_policy=pb.Presale.UNPAID_POLICY_FORFEIT if terms.forfeit else pb.Presale.UNPAID_POLICY_REFUND,
        ship_time=optional_instant(terms.ship_time),
        hold_duration=convert.wire_duration(terms.hold),
        remind_duration=convert.wire_duration(terms.remind),
        channels=terms.channels,
        state=_STATES[found.state(now)],
        balance_amount=convert.wire_money(money(terms.balance)),
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def creation(request: pb.CreatePresaleRequest, presale_id: UUID) -> CreatePresale:
    """Read a request."""
    product = names.id_of("products", request.presale.product, field="presale.product")
    return CreatePresale(presale_id, product, _terms(request.presale))


def _terms(wire: pb.Presale) -> Terms:
    price = convert.money(wire.price, field="presale.price")
    deposit = _amount(wire, "deposit_amount", price.currency)
    if wire.expansion_basis_points:
        credit = expanded(deposit, wire.expansion_basis_points)
    else:
        credit = _amount(wire, "deposit_credit", price.currency) if wire.HasField("deposit_credit") else deposit
    return Terms(
        display_name=wire.display_name,
        price=price,
        deposit=deposit,
        credit=credit,
        quota=wire.quota,
        deposits=_window(wire, "deposit"),
        balances=_window(wire, "balance"),
        forfeit=wire.unpaid_policy != pb.Presale.UNPAID_POLICY_REFUND,
        expansion=wire.expansion_basis_points,
        member_limit=wire.member_limit,
        ship_time=convert.instant(wire.ship_time, field="presale.ship_time") if wire.HasField("ship_time") else None,
        hold=wire.hold_duration.ToTimedelta() if wire.HasField("hold_duration") else HOLD,
        remind=wire.remind_duration.ToTimedelta() if wire.HasField("remind_duration") else REMIND,
        channels=tuple(wire.channels),
    )


def _amount(wire: pb.Presale, field: str, currency: str) -> int:
    amount = convert.money(getattr(wire, field), field=f"presale.{field}")
    if amount.currency != currency:
        raise invalid(f"presale.{field}", f"must be in {currency}, as the price")
    return amount.minor


def _window(wire: pb.Presale, part: str) -> Window:
    start, end = (
        convert.instant(getattr(wire, f"{part}_{edge}_time"), field=f"presale.{part}_{edge}_time")
        for edge in ("start", "end")
    )
    return Window(start, end)


def cancellation(request: pb.CancelPresaleRequest) -> CancelPresale:
    """Read a request."""
    return CancelPresale(names.id_of("presales", request.name), version_of(request.etag))


def query(request: pb.ListPresalesRequest) -> PresaleQuery:
    """Read a request's filters."""
    return PresaleQuery(optional_id("products", request.product, field="product"))


def position(found: Presale) -> tuple[str, str]:
    """Where a presale stands in its pages."""
    return found.terms.deposits.start.isoformat(), str(found.id)


def purchase(request: pb.BuyPresaleRequest, order_id: UUID, sending: Sending) -> BuyPresale:
    """Read a request."""
    return BuyPresale(
        names.id_of("presales", request.name),
        order_id,
        names.id_of("members", request.member, field="member"),
        request.quantity or 1,
        request.channel,
        request.store,
        sending,
    )


def presale_order(found: PresaleOrder) -> pb.PresaleOrder:
    """Write an order of a presale."""
    return pb.PresaleOrder(
        name=found.name,
        order=names.join("orders", found.order),
        member=names.join("members", found.member),
        quantity=found.quantity,
        state=_ORDER_STATES[found.state],
        deposit_amount=convert.wire_money(found.deposit),
        balance_amount=convert.wire_money(Money(found.balance, found.deposit.currency)),
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
    )
