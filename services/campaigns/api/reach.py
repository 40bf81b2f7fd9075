"""What callers reach who see a part of the organisation: the coupon templates of that part, and their coupons.

Campaigns does not know which part a member belongs to, so that profiles, segments and what automations did are about
the whole house.
"""

from __future__ import annotations

from typing import Any

from kit.errors import not_found
from kit.org import outside
from kit.rpc import Edge
from kit.rpc.reach import UUIDS, Confined, Named, Rules

COLLECTIONS = dict.fromkeys(("couponTemplates", "coupons"), UUIDS)

RULES = Rules(
    by_name=frozenset(
        {
            *("GetCouponTemplate", "UpdateCouponTemplate", "IssueCoupon", "GetCoupon", "VoidCoupon"),
            *("LockCoupons", "UseCoupons", "UnlockCoupons"),
        }
    ),
    parts={
        "CreateCouponTemplate": "coupon_template.org",
        "ListCouponTemplates": "org",
        "ListCoupons": "org",
    },
    moves={"UpdateCouponTemplate": "coupon_template"},
    # Prices and rules are of the whole house; the coupons that a price is asked for with are looked at.
    of_nobody=frozenset(
        {"PriceOrder", "BatchPriceOrders", "GetSegment", "ListSegments", "GetAutomation", "ListAutomations"}
    ),
)


class CampaignsReach(Confined):
    """Looks whose template it is."""

    def __init__(self, edge: Edge[Any]) -> None:
        super().__init__(RULES, COLLECTIONS, self._seen)
        self._edge = edge

    async def _seen(self, org: str, named: Named) -> None:
        beyond = await self._edge.read(outside, org, named)
        if beyond is not None:
            raise not_found("/".join(beyond))
