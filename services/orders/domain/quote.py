"""A quote: what an order would cost, promotions and coupons applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kit.errors import internal
from services.orders.domain import errors
from services.orders.domain.line import Item
from services.orders.domain.offer import Offer
from services.orders.domain.shipping import Delivery
from services.orders.domain.tax import Taxation


@dataclass(frozen=True, slots=True)
class Wanted:
    """Units of a product that a customer asks for."""

    product: UUID
    quantity: int


@dataclass(frozen=True, slots=True)
class CouponDecision:
    """Whether a coupon applies, and why not."""

    coupon: str
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Priced lines in one currency, and what became of each coupon. Amounts are minor units. `freight` is one more
    charge, with `freight_tax` inside it; `delivery` is how the goods are brought, `taxation` by which rules they are
    taxed. `location` is the only one that may serve the order; empty for any that delivers, or where it is picked up.
    """

    currency: str
    items: tuple[Item, ...]
    decisions: tuple[CouponDecision, ...] = ()
    freight: int = 0
    freight_tax: int = 0
    delivery: Delivery | None = None
    taxation: Taxation | None = None
    location: str = ""

    @property
    def serves(self) -> str:
        """The only location that may serve the order; empty for any that delivers."""
        return self.location or (self.delivery.location if self.delivery else "")

    @classmethod
    def of(cls, wanted: Sequence[Wanted], offers: Mapping[UUID, Offer]) -> Quote:
        """The buyer's prices, before any discount. Raises a Fault for what is unknown, what is not for sale to this
        buyer in this quantity, or two currencies."""
        chosen = [_sellable(line.product, offers) for line in wanted]
        currencies = {offer.unit_price.currency for offer in chosen}
        if len(currencies) != 1:
            raise errors.currency_mixed(currencies)
        items = tuple(
            Item(
                offer.product.id,
                offer.product.sku,
                offer.product.title,
                line.quantity,
                offer.unit_price.minor,
                category=offer.product.category,
                components=offer.product.components,
            )
            for line, offer in zip(wanted, chosen, strict=True)
        )
        return cls(currencies.pop(), items)

    def discounted(self, discounts: Sequence[int], decisions: Sequence[CouponDecision]) -> Quote:
        """With a discount for each line. Whoever priced it must not take off more than a line costs."""
        if len(discounts) != len(self.items):
            raise internal()
        for item, discount in zip(self.items, discounts, strict=True):
            if not 0 <= discount <= item.unit_price * item.quantity:
                raise internal()
        items = tuple(replace(item, discount=off) for item, off in zip(self.items, discounts, strict=True))
        return replace(self, items=items, decisions=tuple(decisions))

    def check_coupons(self) -> None:
        """Raise a Fault unless every coupon applies."""
        for decision in self.decisions:
            if not decision.accepted:
                raise errors.coupon_refused(decision.coupon, decision.reason)


def _sellable(product_id: UUID, offers: Mapping[UUID, Offer]) -> Offer:
    offer = offers.get(product_id)
    if offer is None:
        raise errors.product_not_found(product_id)
    if offer.refusal is not None:
        raise offer.refusal
    return offer
