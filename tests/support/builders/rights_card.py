"""Rights cards and their kinds, with sensible values for all that a test does not care about."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from kit.money import Money
from services.members.domain.benefit_period import Period
from services.members.domain.rights_card import RightsCard
from services.members.domain.rights_card_product import Benefit, RightsCardProduct
from services.members.usecases.rights_card import Issue, Renew, UseBenefit
from services.members.usecases.rights_card_product import CreateProduct
from tests.support.builders.members import MEMBER, NOW
from tests.support.builders.stored_value import STORE


def benefit(period: Period = Period.TOTAL, quota: int = 3, id_: str = "car-wash") -> Benefit:
    """A benefit."""
    return Benefit(id_, "A car wash", quota, period)


def values(*benefits: Benefit, price: Money | None = None, **fields: Any) -> dict[str, Any]:
    """What a kind of card says: 30 days, in Shanghai."""
    return {
        "display_name": "Gold membership",
        "benefits": benefits or (benefit(),),
        "validity_days": 30,
        "time_zone": "Asia/Shanghai",
        "price": price,
        "grace_days": 3,
        "retired": False,
        **fields,
    }


def create_product(*benefits: Benefit, price: Money | None = None, **fields: Any) -> CreateProduct:
    """A new kind of card."""
    return CreateProduct(uuid4(), values(*benefits, price=price, **fields))


def product(*benefits: Benefit, price: Money | None = None, version: int = 1, **fields: Any) -> RightsCardProduct:
    """A kind of card."""
    said = values(*benefits, price=price, **fields)
    return RightsCardProduct(id=uuid4(), version=version, create_time=NOW, update_time=NOW, **said)


def card(kind: RightsCardProduct, *, auto_renew: bool = False) -> RightsCard:
    """A card that was given now."""
    new = RightsCard.issue(uuid4(), MEMBER, kind, store=STORE, now=NOW, auto_renew=auto_renew)
    return new.extended(kind, payment=None, reference="", now=NOW)


def issue(member: UUID, kind: UUID, **fields: Any) -> Issue:
    """Give a card."""
    base: dict[str, Any] = {"card": uuid4(), "member": member, "product": kind, "store": STORE, "payment": uuid4()}
    return Issue(**base | fields)


def renew(of: UUID, **fields: Any) -> Renew:
    """Renew a card."""
    base: dict[str, Any] = {"card": of, "store": "", "payment": uuid4()}
    return Renew(**base | fields)


def use(of: UUID, count: int = 1, **fields: Any) -> UseBenefit:
    """Use a car wash."""
    base: dict[str, Any] = {"use": uuid4(), "card": of, "benefit": "car-wash", "count": count}
    return UseBenefit(**base | fields)
