"""Carts between the wire and the domain, and who may use which."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from uuid import UUID

from kehu.orders.v1 import carts_pb2 as pb

from kit import names
from kit.money import LIMIT, Money
from kit.rpc import call, convert, policy
from kit.vault import Vault
from services.orders.api import delivery
from services.orders.api.basket import gift_cards, stored_value
from services.orders.api.wire import optional_id, optional_instant, optional_name
from services.orders.domain.cart import Access, Cart, CartLine, Offered
from services.orders.domain.offer import Asked, Offer
from services.orders.domain.order_content import Buyer
from services.orders.domain.price_list import Shopper
from services.orders.domain.quote import Wanted
from services.orders.usecases.basket import Basket

STAFF = "carts.any"
"""Who may use everybody's cart."""
_SECRET = "cart"  # noqa: S105 - the name of a purpose


def access(vault: Vault, cart_id: UUID, token: str = "") -> Access:
    """What the present caller may use: the cart of the member that the token of the call is about, and the guest's cart
    that the secret belongs to."""
    identity = call.current().identity
    kind, _, member = identity.subject.partition("/")
    return Access(
        member=optional_id("members", identity.subject, field="member") if kind == "members" and member else None,
        secret=bool(token) and hmac.compare_digest(token.encode(), secret(vault, cart_id).encode()),
        staff=policy.granted(identity.roles, STAFF),
    )


def secret(vault: Vault, cart_id: UUID) -> str:
    """The secret of a guest's cart: it follows from the keyring, so it is stored nowhere."""
    return vault.digest(_SECRET, str(cart_id))


def cart(found: Cart) -> pb.Cart:
    """Write a cart, without the prices of today."""
    return pb.Cart(
        name=names.join("carts", found.id),
        member=optional_name("members", found.member),
        channel=found.channel,
        store=found.store,
        lines=[_line(line) for line in found.active],
        saved_lines=[_line(line) for line in found.saved],
        coupons=found.coupons,
        order=optional_name("orders", found.order),
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.touch_time),
        expire_time=optional_instant(found.expire_time),
        etag=convert.etag(found.version),
    )


def asked(found: pb.Cart) -> Asked:
    """Whose prices a cart is shown at, and how many units of each product it has."""
    quantities: dict[UUID, int] = {}
    for line in (*found.saved_lines, *found.lines):
        quantities[names.id_of("products", line.product)] = line.quantity
    shopper = Shopper(found.channel, found.store, optional_id("members", found.member, field="member"))
    return Asked(shopper, quantities)


def priced(found: pb.Cart, offers: Mapping[UUID, Offer]) -> pb.Cart:
    """The cart with today's prices, and what changed since its customer last saw them."""
    for line in (*found.lines, *found.saved_lines):
        _price(line, offers.get(names.id_of("products", line.product)))
    subtotal = _subtotal(found)
    if subtotal is not None:
        found.subtotal.CopyFrom(convert.wire_money(subtotal))
    return found


def prices(offers: Mapping[UUID, Offer]) -> dict[UUID, Money]:
    """What the customer sees as today's prices."""
    return {product: offer.unit_price for product, offer in offers.items() if offer.refusal is None}


def offered(product: UUID, offer: Offer | None) -> Offered:
    """A product as it can be changed in a cart: perhaps it can't be bought any more, but it can still be taken out."""
    if offer is None:
        return Offered(product, None)
    return Offered(product, offer.unit_price, offer.product.purchase_limit)


def basket(found: Cart, request: pb.CheckoutCartRequest, vault: Vault) -> Basket:
    """What the order of a cart is made of."""
    chosen = delivery.choice(request.delivery) if request.HasField("delivery") else None
    return Basket(
        wanted=tuple(Wanted(line.product, line.quantity) for line in found.active),
        buyer=Buyer(member=found.member),
        channel=found.channel,
        coupons=found.coupons,
        points=request.points,
        store=request.store or found.store,
        stored_value=stored_value(request),
        gift_cards=gift_cards(request),
        delivery=chosen,
        address=delivery.sealed(vault, chosen.address) if chosen else None,
    )


def _line(line: CartLine) -> pb.CartLine:
    return pb.CartLine(
        product=names.join("products", line.product),
        quantity=line.quantity,
        seen_unit_price=convert.wire_money(line.seen) if line.seen else None,
        add_time=convert.wire_instant(line.add_time),
    )


def _price(line: pb.CartLine, offer: Offer | None) -> None:
    if offer is None:
        line.change = pb.CartLine.CHANGE_UNAVAILABLE
        return
    line.sku, line.title = offer.product.sku, offer.product.title
    if offer.refusal is not None:
        line.change = pb.CartLine.CHANGE_UNAVAILABLE
        return
    line.unit_price.CopyFrom(convert.wire_money(offer.unit_price))
    if line.HasField("seen_unit_price"):
        line.change = _change(convert.money(line.seen_unit_price), offer.unit_price)


def _change(seen: Money, today: Money) -> pb.CartLine.Change.ValueType:
    if seen.currency != today.currency:
        return pb.CartLine.CHANGE_CURRENCY
    if seen == today:
        return pb.CartLine.CHANGE_UNSPECIFIED
    return pb.CartLine.CHANGE_DEARER if today > seen else pb.CartLine.CHANGE_CHEAPER


def _subtotal(found: pb.Cart) -> Money | None:
    lines = [(convert.money(line.unit_price), line.quantity) for line in found.lines if line.HasField("unit_price")]
    if len({price.currency for price, _ in lines}) != 1:
        return None
    total = sum(price.minor * quantity for price, quantity in lines)
    return Money(total, lines[0][0].currency) if total < LIMIT else None
