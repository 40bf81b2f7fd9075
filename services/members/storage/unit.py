"""The unit of work of members: one transaction with a store per noun."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from kit.db.parts import PartStore
from kit.unit import Publish, Stored, Unit
from kit.vault import Vault
from services.members.domain.programme import DEFAULT, unit_of
from services.members.storage.adjustment import AdjustmentStore
from services.members.storage.audit import AuditStore
from services.members.storage.badge import BadgeStore
from services.members.storage.celebration import CelebrationStore
from services.members.storage.check_in import CheckInStore
from services.members.storage.daily_limit import DailyUseStore
from services.members.storage.engagement import EngagementPolicyStore
from services.members.storage.expiry_notice import ExpiryNoticeStore
from services.members.storage.export import RecordStore
from services.members.storage.gift_card import GiftCardStore
from services.members.storage.growth import GrowthStore
from services.members.storage.hold import HoldStore
from services.members.storage.liability import LiabilityStore
from services.members.storage.member import MemberStore
from services.members.storage.merge import MergeStore
from services.members.storage.point_transfer import PointTransferStore
from services.members.storage.points import WalletStore
from services.members.storage.programme import ProgrammeStore
from services.members.storage.purchase import PurchaseStore
from services.members.storage.purse import PurseStore
from services.members.storage.reach import INSIDE
from services.members.storage.recalculation import RecalculationStore
from services.members.storage.receipt import ReceiptClaimStore, ReceiptKeyStore
from services.members.storage.reconciliation import ReconciliationStore
from services.members.storage.redemption import RedemptionStore
from services.members.storage.referral import ReferralStore
from services.members.storage.reward import RewardStore
from services.members.storage.rights_card import RightsCardStore
from services.members.storage.rights_card_product import RightsCardProductStore
from services.members.storage.settlement import SettlementStore
from services.members.storage.statement import StatementStore
from services.members.storage.stored_payment import StoredPaymentStore
from services.members.storage.stored_refund import StoredRefundStore
from services.members.storage.stored_value_rules import StoredValueRulesStore
from services.members.storage.tier import TierStore
from services.members.storage.top_up import TopUpStore
from services.members.storage.verification import VerificationStore


class MembersUnit(Unit):
    """What the use-cases of members work on."""

    audit = Stored(AuditStore)
    statements = Stored(StatementStore)
    proofs = Stored(VerificationStore)
    reconciliation = Stored(ReconciliationStore)
    liabilities = Stored(LiabilityStore)
    records = Stored(RecordStore)
    merges = Stored(MergeStore)
    wallets = Stored(WalletStore)
    holds = Stored(HoldStore)
    purchases = Stored(PurchaseStore)
    tiers = Stored(TierStore)
    growth = Stored(GrowthStore)
    programmes = Stored(ProgrammeStore)
    recalculations = Stored(RecalculationStore)
    engagement_policies = Stored(EngagementPolicyStore)
    daily_uses = Stored(DailyUseStore)
    check_ins = Stored(CheckInStore)
    receipt_claims = Stored(ReceiptClaimStore)
    referrals = Stored(ReferralStore)
    celebrations = Stored(CelebrationStore)
    badges = Stored(BadgeStore)
    purses = Stored(PurseStore)
    top_ups = Stored(TopUpStore)
    stored_payments = Stored(StoredPaymentStore)
    stored_refunds = Stored(StoredRefundStore)
    stored_value_rules = Stored(StoredValueRulesStore)
    gift_cards = Stored(GiftCardStore)
    settlements = Stored(SettlementStore)
    rights_card_products = Stored(RightsCardProductStore)
    rights_cards = Stored(RightsCardStore)
    rewards = Stored(RewardStore)
    redemptions = Stored(RedemptionStore)
    expiry_notices = Stored(ExpiryNoticeStore)
    point_transfers = Stored(PointTransferStore)
    reach = Stored(partial(PartStore, INSIDE))

    def __init__(self, connection: Connection, now: datetime, publish: Publish, vault: Vault) -> None:
        super().__init__(connection, now, publish)
        self.adjustments = AdjustmentStore(connection, now)
        self.members = MemberStore(connection, vault)
        self._wallets: dict[str, WalletStore] = {}
        self.receipt_keys = ReceiptKeyStore(connection, vault)

    def wallets_of(self, programme: str) -> WalletStore:
        """The wallets of a programme's own unit of points."""
        if programme == DEFAULT:
            return self.wallets
        if programme not in self._wallets:
            self._wallets[programme] = WalletStore(self.connection, unit_of(programme))
        return self._wallets[programme]

    def moved_points(self) -> Iterator[tuple[tuple[str, str], int]]:
        """How many points of all programmes were moved, by kind of account: from which, to which."""
        default = [self.wallets] if "wallets" in vars(self) else []
        for wallets in (*default, *self._wallets.values()):
            yield from wallets.moved.items()

    def finish(self) -> None:
        """What is written last, see `kit.db`."""
        super().finish()
        self.audit.write(self.now)
