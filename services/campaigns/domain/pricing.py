"""What an order costs. Discounts are applied in fixed phases, each to what the one before left: first those of single
lines, then those of the order, then coupons. Only coupons exist so far; a new kind of discount is one more phase.

The result does not depend on the order in which coupons are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from kit.errors import Fault
from kit.money import LIMIT, Money, allocate
from services.campaigns.domain import errors
from services.campaigns.domain.coupon import Coupon
from services.campaigns.domain.coupon_template import Terms


@dataclass(frozen=True, slots=True)
class Line:
    """Units of one product and the price of one of them, in minor units."""

    product: str
    quantity: int
    unit_price: int

    @property
    def gross(self) -> int:
        """What it costs without discounts."""
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True)
class Offer:
    """A coupon that the customer wants to use, with its terms."""

    coupon: Coupon
    terms: Terms


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be priced. `coupons` are the names asked for; those that do not exist have no offer."""

    member: UUID | None
    currency: str
    lines: Sequence[Line]
    coupons: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a coupon takes off, or why it takes nothing."""

    coupon: UUID
    discount: int = 0
    refusal: Fault | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """The price of an order: the discount of each line, and a decision per coupon."""

    currency: str
    lines: Sequence[Line]
    discounts: Sequence[int]
    decisions: Sequence[Decision]

    @property
    def subtotal(self) -> int:
        """The lines without discounts."""
        return sum(line.gross for line in self.lines)

    @property
    def discount(self) -> int:
        """All discounts."""
        return sum(self.discounts)


@dataclass(slots=True)
class _Basket:
    """The order while it is being priced: `left` of each line."""

    order: Order
    now: datetime
    subtotal: int
    left: list[int]
    accepted: list[Terms] = field(default_factory=list)

    def take_off(self, discount: int) -> None:
        """Spread a discount over what is left of the lines: no line gets more than it has left."""
        shares = allocate(discount, self.left)
        self.left = [amount - share for amount, share in zip(self.left, shares, strict=True)]


def price(order: Order, offers: Sequence[Offer], now: datetime) -> Price:
    """Price an order. Raises a Fault when it is worth more than an order may be."""
    gross = [line.gross for line in order.lines]
    subtotal = sum(gross)
    if subtotal >= LIMIT:
        raise errors.order_too_large()
    basket = _Basket(order, now, subtotal, list(gross))
    decisions = _apply_coupons(basket, offers)
    discounts = [before - after for before, after in zip(gross, basket.left, strict=True)]
    return Price(order.currency, order.lines, discounts, decisions)


def _apply_coupons(basket: _Basket, offers: Sequence[Offer]) -> list[Decision]:
    known = {offer.coupon.id: offer for offer in offers}
    asked = set(basket.order.coupons)
    decisions = [Decision(coupon, refusal=errors.coupon_not_found(coupon)) for coupon in asked - known.keys()]
    ranked = sorted((known[coupon] for coupon in asked & known.keys()), key=_rank)
    decisions += [_decide(basket, offer) for offer in ranked]
    return sorted(decisions, key=lambda decision: decision.coupon)


def _rank(offer: Offer) -> tuple[int, UUID]:
    return -offer.terms.priority, offer.coupon.id


def _decide(basket: _Basket, offer: Offer) -> Decision:
    coupon, terms = offer.coupon, offer.terms
    refusal = coupon.refusal(basket.order.member, basket.now) or _misfit(basket, offer)
    if refusal is not None:
        return Decision(coupon.id, refusal=refusal)
    discount = terms.discount(sum(basket.left))
    if discount == 0:
        return Decision(coupon.id, refusal=errors.coupon_without_effect(coupon.id))
    basket.take_off(discount)
    basket.accepted.append(terms)
    return Decision(coupon.id, discount)


def _misfit(basket: _Basket, offer: Offer) -> Fault | None:
    """Why a coupon that its member can use does not fit this order."""
    coupon, terms = offer.coupon.id, offer.terms
    if terms.currency and terms.currency != basket.order.currency:
        return errors.coupon_currency_mismatch(coupon, terms.currency)
    if basket.subtotal < terms.minimum_spend:
        return errors.minimum_spend_not_reached(coupon, str(Money(terms.minimum_spend, terms.currency)))
    if basket.accepted and not (terms.stackable and all(other.stackable for other in basket.accepted)):
        return errors.coupon_not_stackable(coupon)
    return None
