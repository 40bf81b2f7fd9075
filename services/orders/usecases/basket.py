"""A basket: what a customer wants to buy, and with what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from kit.money import Money
from services.orders.domain.address import SealedAddress
from services.orders.domain.checkout import Step, StepKind
from services.orders.domain.offer import Asked
from services.orders.domain.order_content import Buyer
from services.orders.domain.price_list import Shopper
from services.orders.domain.quote import Wanted
from services.orders.domain.shipping import Choice


@dataclass(frozen=True, slots=True)
class GiftCard:
    """A gift card that pays a part. Whoever has the code has the money: it is shown to nobody and stored nowhere."""

    code: str = field(repr=False)
    amount: Money


@dataclass(frozen=True, slots=True)
class Basket:
    """What a customer wants to buy, and with what. `delivery` is how they want it, `address` what is stored of that;
    without, nothing is sent. `location` is the only one that may serve the order, if there is one, and
    `reservation` what was set aside for it. The `activity`, if there is one, says what it costs."""

    wanted: tuple[Wanted, ...]
    buyer: Buyer
    channel: str
    coupons: tuple[str, ...] = ()
    points: int = 0
    store: str = ""
    stored_value: Money | None = None
    gift_cards: tuple[GiftCard, ...] = ()
    delivery: Choice | None = None
    address: SealedAddress | None = None
    location: str = ""
    reservation: UUID | None = None
    activity: str = ""

    def asked(self) -> Asked:
        """Whose prices are asked for, and how many units of each product, summed over the lines."""
        quantities: Counter[UUID] = Counter()
        for line in self.wanted:
            quantities[line.product] += line.quantity
        store = self.store.removeprefix("stores/")
        return Asked(Shopper(self.channel, store, self.buyer.member, self.buyer.account), quantities)

    def steps(self) -> tuple[Step, ...]:
        """What other services are to hold, in the order in which they are asked; for most baskets nothing."""
        plan: list[Step] = []
        if self.coupons:
            plan.append(Step(1, StepKind.COUPONS, coupons=self.coupons))
        if self.points:
            plan.append(Step(len(plan) + 1, StepKind.POINTS, points=self.points))
        if self.stored_value is not None:
            plan.append(Step(len(plan) + 1, StepKind.STORED_VALUE, amount=self.stored_value))
        for card in self.gift_cards:
            plan.append(Step(len(plan) + 1, StepKind.GIFT_CARD, amount=card.amount))
        return tuple(plan)

    def code(self, step: Step) -> str:
        """The code of the gift card that a step is about."""
        cards = [each.position for each in self.steps() if each.kind is StepKind.GIFT_CARD]
        return self.gift_cards[cards.index(step.position)].code
