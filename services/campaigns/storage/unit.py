"""The unit of work of campaigns: one transaction and its stores."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from kit.unit import Publish, Unit
from services.campaigns.storage.automation import Automations
from services.campaigns.storage.coupon import Coupons
from services.campaigns.storage.coupon_template import CouponTemplates
from services.campaigns.storage.profile import Profiles
from services.campaigns.storage.purchase import Purchases
from services.campaigns.storage.rfm import Rfm
from services.campaigns.storage.segment import Segments


class CampaignsUnit(Unit):
    """What use-cases see."""

    def __init__(self, connection: Connection, now: datetime, publish: Publish) -> None:
        super().__init__(connection, now, publish)
        self.templates = CouponTemplates(connection)
        self.coupons = Coupons(connection)
        self.purchases = Purchases(connection)
        self.profiles = Profiles(connection)
        self.segments = Segments(connection)
        self.automations = Automations(connection)
        self.rfm = Rfm(connection)
