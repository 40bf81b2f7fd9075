"""Price orders. Nothing is changed and nothing is held: whoever wants the coupons locks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit.errors import Fault
from services.campaigns.domain import errors
from services.campaigns.domain.coupon import Coupon
from services.campaigns.domain.coupon_template import Terms
from services.campaigns.domain.pricing import Decision, Line, Offer, Price, price
from services.campaigns.usecases.ports import Work


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be priced, for a member or (None) a guest, with the coupons that are to be used.

    `order` is the order's id, when it has one already: the coupons that it has locked can be used.
    """

    member: UUID | None
    currency: str
    lines: Sequence[Line]
    coupons: frozenset[UUID] = frozenset()
    order: UUID | None = None

    def of(self, roots: Mapping[UUID, UUID]) -> Order:
        """The order of the member who stands for its member, if another one does."""
        return self if self.member is None else replace(self, member=roots.get(self.member, self.member))

    def refusal(self, coupon: Coupon, now: datetime) -> Fault | None:
        """Why a coupon can't be used for it, or None."""
        locked = self.order is not None and coupon.held_by(self.order) and coupon.member == self.member
        return None if locked else coupon.refusal(self.member, now)


def quote(unit: Work, orders: Sequence[Order]) -> list[Price | Fault]:
    """Price orders, one outcome each; the coupons of all are read at once."""
    known = unit.coupons.with_terms({coupon for order in orders for coupon in order.coupons})
    owners = {coupon.member for coupon, _ in known.values()}
    strangers = {order.member for order in orders if order.member is not None} - owners
    roots = unit.members.roots(strangers)
    return [_quote(order.of(roots), known, unit.now) for order in orders]


def _quote(order: Order, known: Mapping[UUID, tuple[Coupon, Terms]], now: datetime) -> Price | Fault:
    offers, refused = [], []
    for asked in order.coupons:
        coupon, terms = known.get(asked, (None, None))
        if coupon is None or terms is None:
            refused.append(Decision(asked, refusal=errors.coupon_not_found(asked)))
        elif (refusal := order.refusal(coupon, now)) is not None:
            refused.append(Decision(asked, refusal=refusal))
        else:
            offers.append(Offer(asked, terms))
    try:
        priced = price(order.currency, order.lines, offers)
    except Fault as fault:
        return fault
    decisions = sorted([*priced.decisions, *refused], key=lambda decision: decision.coupon)
    return replace(priced, decisions=decisions)
