"""What something costs in an activity: the same goods, at the same price, that its buying calls make orders of, refused
for the same reasons. Nothing is locked for that, so whoever buys a moment later may still be too late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from kit import names
from kit.errors import invalid
from services.orders.domain import bargain as bargains
from services.orders.domain import group as groups
from services.orders.usecases import bargain, flash_sale_purchase, group, holding, presale_purchase
from services.orders.usecases.activity import NOBODY, Goods
from services.orders.usecases.bargain import BuyHaggle
from services.orders.usecases.basket import Basket
from services.orders.usecases.flash_sale_purchase import BuyFlashSale
from services.orders.usecases.group import TakeSeat
from services.orders.usecases.presale_purchase import BuyPresale

_NO_ORDER = UUID(int=0)
"""The order that never comes to be."""


class Work(flash_sale_purchase.Work, group.Work, bargain.Work, presale_purchase.Work, Protocol):
    """What this use-case needs of a unit of work."""


def price(unit: Work, basket: Basket) -> Goods:
    """The goods of a basket that names an activity: a flash sale, a group buy (to open a group), a group (to join it),
    a haggle, or a presale. Raises the Fault that buying them now would: they are not for sale there, no units or seats
    are left, or none for the member. Of somebody unknown, what is asked of members is not."""
    for pattern, find in _ACTIVITIES.items():
        if pattern.count("/") == basket.activity.count("/") and basket.activity.startswith(pattern.partition("{")[0]):
            found = find(unit, basket, names.parse(pattern, basket.activity, field="activity"))
            return _checked(found, basket)
    raise invalid("activity", f"must be a name of the form {', '.join(_ACTIVITIES)}")


def _checked(found: Goods, basket: Basket) -> Goods:
    (wanted,) = basket.wanted
    if wanted.product != found.product.id:
        raise invalid("lines[0].product", f"must be {names.join('products', found.product.id)}, as in the activity")
    if wanted.quantity != found.purchase.quantity:
        raise invalid("lines[0].quantity", f"must be {found.purchase.quantity} in this activity")
    return found


def _flash_sale(unit: Work, basket: Basket, ids: dict[str, UUID]) -> Goods:
    command = BuyFlashSale(ids["flash_sale"], _NO_ORDER, _member(basket), _quantity(basket), basket.channel)
    return flash_sale_purchase.priced(unit, command)


def _presale(unit: Work, basket: Basket, ids: dict[str, UUID]) -> Goods:
    command = BuyPresale(ids["presale"], _NO_ORDER, _member(basket), _quantity(basket), basket.channel)
    return _there(unit, basket, presale_purchase.priced(unit, command))


def _group_buy(unit: Work, basket: Basket, ids: dict[str, UUID]) -> Goods:
    command = TakeSeat(ids["group_buy"], names.new_id(), _NO_ORDER, _member(basket), basket.channel, opens=True)
    return _there(unit, basket, group.priced(unit, command), promises=False)


def _group(unit: Work, basket: Basket, ids: dict[str, UUID]) -> Goods:
    command = TakeSeat(ids["group_buy"], ids["group"], _NO_ORDER, _member(basket), basket.channel)
    return _there(unit, basket, group.priced(unit, command), promises=False)


def _haggle(unit: Work, basket: Basket, ids: dict[str, UUID]) -> Goods:
    command = BuyHaggle(ids["bargain"], ids["haggle"], _NO_ORDER, _member(basket), basket.channel)
    return _there(unit, basket, bargain.priced(unit, command))


def _there(unit: Work, basket: Basket, goods: Goods, *, promises: bool = True) -> Goods:
    """Goods that come from stock, as all do but those of flash sales, which have units of their own."""
    collected = basket.delivery.location if basket.delivery else ""
    holding.check(unit, goods.wanted, location=collected, promises=promises)
    return goods


_ACTIVITIES: dict[str, Callable[[Work, Basket, dict[str, UUID]], Goods]] = {
    "flashSales/{flash_sale}": _flash_sale,
    "groupBuys/{group_buy}": _group_buy,
    groups.PATTERN: _group,
    bargains.PATTERN: _haggle,
    "presales/{presale}": _presale,
}


def _member(basket: Basket) -> UUID:
    return basket.buyer.member or NOBODY


def _quantity(basket: Basket) -> int:
    return basket.wanted[0].quantity
