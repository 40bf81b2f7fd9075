"""What something costs in an activity: the same goods, at the same price, that its buying calls make orders of, refused
for the same reasons. Nothing is locked for that, so whoever buys a moment later may still be too late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from kit import names
from kit.errors import invalid
from services.orders.domain import bargain as bargains
from services.orders.domain import group as groups
from services.orders.domain.tariff import Tariff
from services.orders.usecases import bargain, flash_sale_purchase, group, holding, presale_purchase
from services.orders.usecases.activity import NOBODY, Goods, Sending
from services.orders.usecases.bargain import BuyHaggle
from services.orders.usecases.basket import Basket
from services.orders.usecases.flash_sale_purchase import BuyFlashSale
from services.orders.usecases.group import TakeSeat
from services.orders.usecases.presale_purchase import BuyPresale

_NO_ORDER = UUID(int=0)
"""The order that never comes to be."""


class Work(flash_sale_purchase.Work, group.Work, bargain.Work, presale_purchase.Work, Protocol):
    """What this use-case needs of a unit of work."""


def price(unit: Work, basket: Basket, tariff: Tariff) -> Goods:
    """The goods of a basket that names an activity: a flash sale, a group buy (to open a group), a group (to join it),
    a haggle, or a presale. Raises the Fault that buying them now would: they are not for sale there, can't be brought
    so, no units or seats are left, or none for the member. Of somebody unknown, what is asked of members is not."""
    for pattern, find in _ACTIVITIES.items():
        if pattern.count("/") == basket.activity.count("/") and basket.activity.startswith(pattern.partition("{")[0]):
            found = find(unit, _Asked(basket, tariff), names.parse(pattern, basket.activity, field="activity"))
            return _checked(found, basket)
    raise invalid("activity", f"must be a name of the form {', '.join(_ACTIVITIES)}")


def _checked(found: Goods, basket: Basket) -> Goods:
    (wanted,) = basket.wanted
    if wanted.product != found.product.id:
        raise invalid("lines[0].product", f"must be {names.join('products', found.product.id)}, as in the activity")
    if wanted.quantity != found.purchase.quantity:
        raise invalid("lines[0].quantity", f"must be {found.purchase.quantity} in this activity")
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """A basket, and how it would be brought."""

    basket: Basket
    tariff: Tariff

    @property
    def member(self) -> UUID:
        return self.basket.buyer.member or NOBODY

    @property
    def quantity(self) -> int:
        return self.basket.wanted[0].quantity

    @property
    def channel(self) -> str:
        return self.basket.channel

    @property
    def sending(self) -> Sending:
        return Sending(self.tariff, self.basket.delivery)


def _flash_sale(unit: Work, asked: _Asked, ids: dict[str, UUID]) -> Goods:
    sale = ids["flash_sale"]
    command = BuyFlashSale(sale, _NO_ORDER, asked.member, asked.quantity, asked.channel, sending=asked.sending)
    return flash_sale_purchase.priced(unit, command)


def _presale(unit: Work, asked: _Asked, ids: dict[str, UUID]) -> Goods:
    presale = ids["presale"]
    command = BuyPresale(presale, _NO_ORDER, asked.member, asked.quantity, asked.channel, sending=asked.sending)
    return _there(unit, asked, presale_purchase.priced(unit, command))


def _group_buy(unit: Work, asked: _Asked, ids: dict[str, UUID]) -> Goods:
    return _seat(unit, asked, ids["group_buy"], names.new_id(), opens=True)


def _group(unit: Work, asked: _Asked, ids: dict[str, UUID]) -> Goods:
    return _seat(unit, asked, ids["group_buy"], ids["group"], opens=False)


def _seat(unit: Work, asked: _Asked, of: UUID, group_id: UUID, *, opens: bool) -> Goods:
    command = TakeSeat(of, group_id, _NO_ORDER, asked.member, asked.channel, opens=opens, sending=asked.sending)
    return _there(unit, asked, group.priced(unit, command), promises=False)


def _haggle(unit: Work, asked: _Asked, ids: dict[str, UUID]) -> Goods:
    bargain_id, haggle_id = ids["bargain"], ids["haggle"]
    command = BuyHaggle(bargain_id, haggle_id, _NO_ORDER, asked.member, asked.channel, sending=asked.sending)
    return _there(unit, asked, bargain.priced(unit, command))


def _there(unit: Work, asked: _Asked, goods: Goods, *, promises: bool = True) -> Goods:
    """Goods that come from stock, as all do but those of flash sales, which have units of their own."""
    delivery = asked.basket.delivery
    holding.check(unit, goods.wanted, location=delivery.location if delivery else "", promises=promises)
    return goods


_ACTIVITIES: dict[str, Callable[[Work, _Asked, dict[str, UUID]], Goods]] = {
    "flashSales/{flash_sale}": _flash_sale,
    "groupBuys/{group_buy}": _group_buy,
    groups.PATTERN: _group,
    bargains.PATTERN: _haggle,
    "presales/{presale}": _presale,
}
