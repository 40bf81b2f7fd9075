"""What the orders of activities have in common: units of one product at a price that is settled, which go the way
of any basket from there on. They are brought and taxed by the tariff, and paid as every order is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kit.money import Money
from services.orders.domain.address import SealedAddress
from services.orders.domain.errors.payments import order_not_reopened
from services.orders.domain.instalments import Instalments
from services.orders.domain.line import Item
from services.orders.domain.offer import Known, Offer, grams
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.payment import RefundPolicy
from services.orders.domain.product import Product
from services.orders.domain.quote import Quote
from services.orders.domain.shipping import Choice
from services.orders.domain.tariff import Tariff
from services.orders.usecases.order import PlaceOrder

_NO_TARIFF = Tariff()
NOBODY = UUID(int=0)
"""Who asks what something costs without being known: what is left for one member is not asked then."""


@dataclass(frozen=True, slots=True)
class Sending:
    """The `tariff` of the moment, how a buyer wants the goods, and what is stored of where they go. Without `delivery`
    nothing is sent. The `refund_policy` is what new orders get."""

    tariff: Tariff = _NO_TARIFF
    delivery: Choice | None = None
    address: SealedAddress | None = None
    refund_policy: RefundPolicy = ()

    def charged(self, quote: Quote, offers: Mapping[UUID, Offer], channel: str, now: datetime) -> Quote:
        """The quote with freight and tax. Raises a Fault when the goods can't be brought so."""
        return self.tariff.charged(quote, offers, choice=self.delivery, channel=channel, now=now)


NOTHING_SENT = Sending()
"""Nobody asked for anything, and there is no tariff."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """Units that a member buys in an activity, which is told by its resource name, at its `price` for one;
    `discount` is what is off all of them. `location` is the only one that may serve them, if the activity says so."""

    order_id: UUID
    member: UUID
    channel: str
    store: str
    activity: str
    quantity: int
    price: Money
    pay_within: timedelta
    discount: int = 0
    location: str = ""
    instalments: Instalments | None = None


@dataclass(frozen=True, slots=True)
class Goods:
    """What is bought, and its product; `known` are the products that a bundle consists of."""

    purchase: Purchase
    product: Product
    known: Known

    @property
    def quote(self) -> Quote:
        """What they cost, before freight and tax."""
        purchase, product = self.purchase, self.product
        item = Item(
            product.id,
            product.sku,
            product.title,
            purchase.quantity,
            purchase.price.minor,
            discount=purchase.discount,
            category=product.category,
            components=product.components,
        )
        return Quote(purchase.price.currency, (item,), location=purchase.location)

    @property
    def wanted(self) -> dict[UUID, int]:
        """The units that they take from stock by product, a bundle taken apart."""
        units = Counter({part.product: part.quantity for part in self.product.components}) or Counter([self.product.id])
        return {product: each * self.purchase.quantity for product, each in units.items()}

    @property
    def offers(self) -> dict[UUID, Offer]:
        """What freight and tax go by."""
        offer = Offer(self.product, self.purchase.price, grams=grams(self.product, self.known))
        return {self.product.id: offer}


def placement(goods: Goods, sending: Sending, now: datetime) -> PlaceOrder:
    """The order to store. Raises a Fault when the goods can't be brought as the buyer wants them."""
    purchase = goods.purchase
    return PlaceOrder(
        order_id=purchase.order_id,
        buyer=Buyer(member=purchase.member),
        channel=purchase.channel,
        quote=sending.charged(goods.quote, goods.offers, purchase.channel, now),
        coupons=(),
        tender=None,
        held=False,
        pay_within=purchase.pay_within,
        store=purchase.store,
        activity=purchase.activity,
        refund_policy=sending.refund_policy,
        address=sending.address,
        instalments=purchase.instalments,
    )


def buyer_of(order: Order) -> UUID:
    """The member who bought in an activity. Raises a Fault for nobody's order."""
    if order.buyer.member is None:
        raise order_not_reopened(order.id)
    return order.buyer.member
