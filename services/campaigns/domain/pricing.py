"""What an order costs. Discounts are applied in fixed phases, each to what the one before left: first those of single
lines, then those of the order, then coupons. Only coupons exist so far; a new kind of discount is one more phase.

The result does not depend on the order in which coupons are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from kit.errors import Fault
from kit.money import LIMIT, Money, allocate
from services.campaigns.domain import errors
from services.campaigns.domain.coupon_template import Terms

NO_DISCOUNT_FOR = timedelta(seconds=1)
"""For so long, whoever asks may know that orders without coupons get no discount. A kind of discount that needs no
coupon has to count this in: it begins no earlier than this after it was published."""


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
    """A coupon that its member can use now, with its terms."""

    coupon: UUID
    terms: Terms


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
    """An order while it is being priced: what is `left` of each line, and the coupons that count so far."""

    currency: str
    subtotal: int
    left: list[int]
    accepted: list[Terms] = field(default_factory=list)

    def take_off(self, discount: int) -> None:
        """Spread a discount over what is left of the lines: no line gets more than it has left."""
        shares = allocate(discount, self.left)
        self.left = [amount - share for amount, share in zip(self.left, shares, strict=True)]


def price(currency: str, lines: Sequence[Line], offers: Sequence[Offer] = ()) -> Price:
    """Price an order. Raises a Fault when it is worth more than an order may be."""
    gross = [line.gross for line in lines]
    if sum(gross) >= LIMIT:
        raise errors.order_too_large()
    basket = _Basket(currency, sum(gross), list(gross))
    decisions = [_decide(basket, offer) for offer in sorted(offers, key=_rank)]
    discounts = [before - after for before, after in zip(gross, basket.left, strict=True)]
    return Price(currency, lines, discounts, decisions)


def _rank(offer: Offer) -> tuple[int, UUID]:
    return -offer.terms.priority, offer.coupon


def _decide(basket: _Basket, offer: Offer) -> Decision:
    refusal = _misfit(basket, offer)
    if refusal is not None:
        return Decision(offer.coupon, refusal=refusal)
    discount = offer.terms.discount(sum(basket.left))
    if discount == 0:
        return Decision(offer.coupon, refusal=errors.coupon_without_effect(offer.coupon))
    basket.take_off(discount)
    basket.accepted.append(offer.terms)
    return Decision(offer.coupon, discount)


def _misfit(basket: _Basket, offer: Offer) -> Fault | None:
    """Why a coupon that its member can use does not fit this order."""
    coupon, terms = offer.coupon, offer.terms
    if terms.currency and terms.currency != basket.currency:
        return errors.coupon_currency_mismatch(coupon, terms.currency)
    if basket.subtotal < terms.minimum_spend:
        return errors.minimum_spend_not_reached(coupon, str(Money(terms.minimum_spend, terms.currency)))
    if basket.accepted and not (terms.stackable and all(other.stackable for other in basket.accepted)):
        return errors.coupon_not_stackable(coupon)
    return None
