"""The unit of work of members: one transaction with a store per noun."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from kit.unit import Publish, Unit
from kit.vault import Vault
from services.members.storage.adjustment import AdjustmentStore
from services.members.storage.audit import AuditStore
from services.members.storage.check_in import CheckInStore
from services.members.storage.daily_limit import DailyUseStore
from services.members.storage.engagement import EngagementPolicyStore
from services.members.storage.growth import GrowthStore
from services.members.storage.hold import HoldStore
from services.members.storage.member import MemberStore
from services.members.storage.points import WalletStore
from services.members.storage.programme import ProgrammeStore
from services.members.storage.purchase import PurchaseStore
from services.members.storage.statement import StatementStore
from services.members.storage.tier import TierStore


class MembersUnit(Unit):
    """What the use-cases of members work on."""

    def __init__(self, connection: Connection, now: datetime, publish: Publish, vault: Vault) -> None:
        super().__init__(connection, now, publish)
        self.audit = AuditStore(connection)
        self.adjustments = AdjustmentStore(connection, now)
        self.statements = StatementStore(connection)
        self.members = MemberStore(connection, vault)
        self.wallets = WalletStore(connection)
        self.holds = HoldStore(connection)
        self.purchases = PurchaseStore(connection)
        self.tiers = TierStore(connection)
        self.growth = GrowthStore(connection)
        self.programmes = ProgrammeStore(connection)
        self.engagement_policies = EngagementPolicyStore(connection)
        self.daily_uses = DailyUseStore(connection)
        self.check_ins = CheckInStore(connection)

    def finish(self) -> None:
        """What is written last, see `kit.db`."""
        self.audit.write(self.now)
