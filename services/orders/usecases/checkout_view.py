"""Checkouts as operators see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.page import Page
from services.orders.domain.checkout import Attempt, CheckoutState
from services.orders.domain.errors import checkout as errors
from services.orders.domain.order import Order


class Orders(Protocol):
    """The stored orders."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """Those of the orders that exist."""


class Checkouts(Protocol):
    """The stored attempts to check out."""

    def get(self, order_id: UUID) -> Attempt | None:
        """An attempt."""

    def page(self, state: CheckoutState | None, page: Page, *, org: str = "") -> list[Attempt]:
        """The attempts of a page and one more if there are more, the latest first."""

    def prune(self, before: datetime, limit: int) -> None:
        """Forget attempts that ended and are older, some of them at a time."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def checkouts(self) -> Checkouts:
        """The stored attempts to check out."""


def explain(unit: Work, order_id: UUID) -> Attempt:
    """The checkout of an order; of one that needed nothing held, there is only that it was placed."""
    attempt = unit.checkouts.get(order_id)
    if attempt is not None:
        return attempt
    order = unit.orders.get([order_id]).get(order_id)
    if order is None:
        raise errors.checkout_not_found(order_id)
    time = order.place_time
    store, member = order.store.removeprefix("stores/"), order.buyer.member
    plain = Attempt.begin(order_id, member=member, steps=(), pay_within=time - time, now=time, store=store)
    return replace(plain, state=CheckoutState.PLACED, drive_time=None, end_time=time)


def page(unit: Work, state: CheckoutState | None, page: Page, *, org: str = "") -> list[Attempt]:
    """A page of checkouts, and one more if there are more."""
    return unit.checkouts.page(state, page, org=org)
