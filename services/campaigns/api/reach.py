"""What callers reach who see a part of the organisation: the coupon templates of that part, and their coupons.

Campaigns does not know which part a member belongs to, so that profiles, segments and what automations did are about
the whole house.
"""

from __future__ import annotations

from kit.rpc.reach import UUIDS, Rules

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
