"""What something costs in an activity: the same goods, at the same price, that its buying calls make orders of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from kit import names
from kit.errors import invalid
from services.orders.domain import bargain as bargains
from services.orders.domain import group as groups
from services.orders.usecases import bargain, flash_sale_purchase, group, presale_purchase
from services.orders.usecases.activity import Goods
from services.orders.usecases.bargain import BuyHaggle
from services.orders.usecases.basket import Basket
from services.orders.usecases.flash_sale_purchase import BuyFlashSale
from services.orders.usecases.group import TakeSeat
from services.orders.usecases.presale_purchase import BuyPresale

_NOBODY = UUID(int=0)
"""Who asks without being known, and the order that never comes to be."""


class Work(flash_sale_purchase.Work, group.Work, bargain.Work, presale_purchase.Work, Protocol):
    """What this use-case needs of a unit of work."""


def price(unit: Work, basket: Basket) -> Goods:
    """The goods of a basket that names an activity: a flash sale, a group buy (to open a group), a group (to join it),
    a haggle, or a presale. Raises a Fault when they are not for sale there now; whether units or seats are left, and
    whether the member may have them, only buying tells."""
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
    command = BuyFlashSale(ids["flash_sale"], _NOBODY, _member(basket), _quantity(basket), basket.channel)
    return flash_sale_purchase.priced(unit, command)


def _presale(unit: Work, basket: Basket, ids: dict[str, UUID]) -> Goods:
    command = BuyPresale(ids["presale"], _NOBODY, _member(basket), _quantity(basket), basket.channel)
    return presale_purchase.priced(unit, command)


def _group_buy(unit: Work, basket: Basket, ids: dict[str, UUID]) -> Goods:
    return group.priced(unit, TakeSeat(ids["group_buy"], _NOBODY, _NOBODY, _member(basket), basket.channel, opens=True))


def _group(unit: Work, basket: Basket, ids: dict[str, UUID]) -> Goods:
    return group.priced(unit, TakeSeat(ids["group_buy"], ids["group"], _NOBODY, _member(basket), basket.channel))


def _haggle(unit: Work, basket: Basket, ids: dict[str, UUID]) -> Goods:
    return bargain.priced(unit, BuyHaggle(ids["bargain"], ids["haggle"], _NOBODY, _member(basket), basket.channel))


_ACTIVITIES: dict[str, Callable[[Work, Basket, dict[str, UUID]], Goods]] = {
    "flashSales/{flash_sale}": _flash_sale,
    "groupBuys/{group_buy}": _group_buy,
    groups.PATTERN: _group,
    bargains.PATTERN: _haggle,
    "presales/{presale}": _presale,
}


def _member(basket: Basket) -> UUID:
    return basket.buyer.member or _NOBODY


def _quantity(basket: Basket) -> int:
    return basket.wanted[0].quantity
