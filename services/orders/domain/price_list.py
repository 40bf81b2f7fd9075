"""Price lists: other prices for some buyers, places, times and quantities, and the rule that chooses among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit.errors import invalid
from kit.money import Money
from services.orders.domain.product import ALWAYS, ProductState, Window


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who asks for a price, and where. Only a member has a tier and segments."""

    channel: str
    store: str = ""
    member: UUID | None = None
    account: UUID | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a member beside the id."""

    tier: str = ""
    segments: frozenset[UUID] = frozenset()


NOBODY = Standing()


class Condition(StrEnum):
    """What a price list asks of a buyer."""

    STATE = "STATE"
    TIME = "TIME"
    CHANNEL = "CHANNEL"
    STORE = "STORE"
    TIER = "TIER"
    SEGMENT = "SEGMENT"
    ACCOUNT = "ACCOUNT"
    QUANTITY = "QUANTITY"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a merchant says of a price list. Every condition that is not empty must hold; none: it is for everybody.
    Of the lists that apply, the highest `priority` decides."""

    title: str
    currency: str
    priority: int = 0
    channel: str = ""
    store: str = ""
    tier: str = ""
    segment: UUID | None = None
    account: UUID | None = None
    window: Window = ALWAYS

    def check(self) -> None:
        """Raise a Fault unless it makes sense by itself."""
        if not self.title.strip():
            raise invalid("price_list.title", "must not be blank")
        Money(0, self.currency)
        start, end = self.window.start, self.window.end
        if start is not None and end is not None and end <= start:
            raise invalid("price_list.end_time", "must be after start_time")


@dataclass(frozen=True, slots=True)
class PriceList(Terms):
    """A price list; `version` counts the changes of its terms and of its prices from 1."""

    id: UUID = field(kw_only=True)
    state: ProductState = field(kw_only=True)
    version: int = field(kw_only=True)
    create_time: datetime = field(kw_only=True)
    update_time: datetime = field(kw_only=True)

    def unmet(self, shopper: Shopper, standing: Standing, now: datetime) -> Condition | None:
        """The first condition that does not hold; None when the list applies."""
        holds = {
            Condition.STATE: self.state is ProductState.ACTIVE,
            Condition.TIME: self.window.holds(now),
            Condition.CHANNEL: self.channel in ("", shopper.channel),
            Condition.STORE: self.store in ("", shopper.store),
            Condition.TIER: self.tier in ("", standing.tier),
            Condition.SEGMENT: self.segment is None or self.segment in standing.segments,
            Condition.ACCOUNT: self.account is None or self.account == shopper.account,
        }
        return next((condition for condition, met in holds.items() if not met), None)

    def update(self, changes: Mapping[str, object], now: datetime) -> PriceList:
        """With other terms, by their names. The currency stays, for its prices are in it."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        if changed == self:
            return self
        changed.check()
        return changed.touched(now)

    def touched(self, now: datetime) -> PriceList:
        """With other prices."""
        return replace(self, version=self.version + 1, update_time=now)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one unit of a product costs, in minor units, when at least `min_quantity` are bought."""

    product: UUID
    min_quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry of a list that applies to a buyer."""

    price_list: UUID
    priority: int
    currency: str
    min_quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs a buyer, and by which list; None: by the product itself."""

    amount: Money
    price_list: UUID | None = None


def choose(candidates: Iterable[Candidate], base: Money, quantity: int) -> Price:
    """The price of one unit when `quantity` are bought.

    Of each list the entry with the greatest quantity that is reached counts. Of the lists the highest priority wins;
    among equals those in the product's own currency, then the lowest price, then the oldest list. If no list has a
    price, it is the product's own.
    """
    reached: dict[UUID, Candidate] = {}
    for each in candidates:
        best = reached.get(each.price_list)
        if each.min_quantity <= quantity and (best is None or best.min_quantity < each.min_quantity):
            reached[each.price_list] = each
    if not reached:
        return Price(base)
    won = min(reached.values(), key=lambda each: _rank(each, base.currency))
    return Price(Money(won.price, won.currency), won.price_list)


def _rank(candidate: Candidate, currency: str) -> tuple[int, bool, int, UUID]:
    return -candidate.priority, candidate.currency != currency, candidate.price, candidate.price_list
