"""Group buys for tests: sensible as they are, and each detail can be said."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kit.money import Money
from kit.names import new_id
from services.orders.domain.group import Group
from services.orders.domain.group_buy import GroupBuy, GroupBuyKind, PriceStep, Terms
from services.orders.usecases.group import TakeSeat
from services.orders.usecases.group_buy import CreateGroupBuy
from tests.support.builders.orders import NOW

HOUR = timedelta(hours=1)
LADDER = (PriceStep(2, 900), PriceStep(3, 800), PriceStep(4, 500))


def the_terms(
    *, price: int = 1000, size: int = 3, start: datetime = NOW - HOUR, end: datetime = NOW + HOUR, **others: Any
) -> Terms:
    """Terms of a group buy that is open at NOW; groups may take two hours."""
    return Terms("Together", Money(price, "CNY"), size, start, end, **{"duration": 2 * HOUR, **others})


def a_group_buy(*, kind: GroupBuyKind = GroupBuyKind.PLAIN, now: datetime = NOW, **terms: Any) -> GroupBuy:
    """A group buy that nobody stored."""
    return GroupBuy.schedule(new_id(), new_id(), kind, the_terms(**terms), now)


def a_group(*, now: datetime = NOW, **terms: Any) -> Group:
    """A group that nobody stored, whose leader has not paid."""
    kind = GroupBuyKind.LADDER if terms.get("steps") else GroupBuyKind.PLAIN
    return Group.open(new_id(), a_group_buy(kind=kind, **terms), new_id(), now)


def a_creation(product: UUID, *, kind: GroupBuyKind = GroupBuyKind.PLAIN, **terms: Any) -> CreateGroupBuy:
    """The command to make a group buy of a product."""
    return CreateGroupBuy(new_id(), product, kind, the_terms(**terms))


def an_opening(of: GroupBuy, *, member: UUID | None = None, channel: str = "web") -> TakeSeat:
    """The command to open a group."""
    return TakeSeat(of.id, new_id(), new_id(), member or new_id(), channel, opens=True)


def a_joining(group: Group, *, member: UUID | None = None, channel: str = "web") -> TakeSeat:
    """The command to join a group."""
    return TakeSeat(group.group_buy, group.id, new_id(), member or new_id(), channel)
