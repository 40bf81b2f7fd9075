"""The rules of engagement: what members earn every day without an order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.members.domain.celebration import BirthdayRules, ProfileRules
from services.members.domain.check_in import CheckInRules
from services.members.domain.receipt import ReceiptRules
from services.members.domain.referral import ReferralRules


@dataclass(frozen=True, slots=True)
class EngagementPolicy:
    """One version of the rules; what has no rules is switched off."""

    version: int
    update_time: datetime
    check_in: CheckInRules | None = None
    receipts: ReceiptRules | None = None
    referrals: ReferralRules | None = None
    birthdays: BirthdayRules | None = None
    profiles: ProfileRules | None = None

    def changed(self, other: EngagementPolicy, now: datetime) -> EngagementPolicy:
        """The next version, with the other's rules; the same one when the rules are equal.

        Raises a Fault when the rules contradict each other.
        """
        other = replace(other, version=self.version, update_time=self.update_time)
        if other == self:
            return self
        other.check()
        return replace(other, version=self.version + 1, update_time=now)

    def check(self) -> None:
        """Raise a Fault unless the rules fit together."""
        if self.check_in:
            self.check_in.check("check_in")
        if self.receipts:
            self.receipts.check("receipts")
        if self.referrals:
            self.referrals.check("referrals")
