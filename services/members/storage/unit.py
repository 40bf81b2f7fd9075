"""The unit of work of members: one transaction with a store per noun."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from kit.unit import Publish, Unit
from services.members.storage.audit import AuditStore
from services.members.storage.hold import HoldStore
from services.members.storage.member import MemberStore
from services.members.storage.points import WalletStore
from services.members.storage.programme import ProgrammeStore
from services.members.storage.purchase import PurchaseStore
from services.members.storage.tier import TierStore


class MembersUnit(Unit):
    """What the use-cases of members work on."""

    def __init__(self, connection: Connection, now: datetime, publish: Publish) -> None:
        super().__init__(connection, now, publish)
        self.audit = AuditStore(connection)
        self.members = MemberStore(connection)
        self.wallets = WalletStore(connection)
        self.holds = HoldStore(connection)
        self.purchases = PurchaseStore(connection)
        self.tiers = TierStore(connection)
        self.programmes = ProgrammeStore(connection)

    def finish(self) -> None:
        """What is written last, see `kit.db`."""
        self.audit.write(self.now)
