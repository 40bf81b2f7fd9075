"""The unit of work of campaigns: one transaction and its stores."""

from __future__ import annotations

from functools import partial

from kit.db.parts import PartStore
from kit.unit import Stored, Unit
from services.campaigns.storage.automation import Automations
from services.campaigns.storage.coupon import Coupons
from services.campaigns.storage.coupon_template import CouponTemplates
from services.campaigns.storage.member import Members
from services.campaigns.storage.profile import Profiles
from services.campaigns.storage.purchase import Purchases
from services.campaigns.storage.reach import INSIDE
from services.campaigns.storage.redemption import Redemptions
from services.campaigns.storage.returned_order import ReturnedOrders
from services.campaigns.storage.rfm import Rfm
from services.campaigns.storage.segment import Segments


class CampaignsUnit(Unit):
    """What use-cases see."""

    members = Stored(Members)
    templates = Stored(CouponTemplates)
    coupons = Stored(Coupons)
    returned_orders = Stored(ReturnedOrders)
    purchases = Stored(Purchases)
    profiles = Stored(Profiles)
    segments = Stored(Segments)
    automations = Stored(Automations)
    redemptions = Stored(Redemptions)
    rfm = Stored(Rfm)
    reach = Stored(partial(PartStore, INSIDE))
