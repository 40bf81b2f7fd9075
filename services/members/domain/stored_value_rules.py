"""By which rules a currency gives a bonus with a top-up, and how payments draw on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from kit.money import Money
from services.members.domain.errors import stored_value as errors
from services.members.domain.stored_value import DrawOrder


@dataclass(frozen=True, slots=True)
class BonusTier:
    """Who pays in `amount` gets `bonus` on top."""

    amount: Money
    bonus: Money


@dataclass(frozen=True, slots=True)
class StoredValueRules:
    """One version of a currency's rules; version 0 are those of a currency that nobody made rules for."""

    currency: str
    version: int = 0
    tiers: tuple[BonusTier, ...] = ()
    draw_order: DrawOrder = DrawOrder.PROPORTIONAL
    update_time: datetime | None = None

    def bonus(self, amount: int) -> int:
        """The bonus for paying in so many minor units: that of the highest tier that is reached."""
        reached = [tier.bonus.minor for tier in self.tiers if tier.amount.minor <= amount]
        return reached[-1] if reached else 0

    def changed(self, other: StoredValueRules, now: datetime) -> StoredValueRules:
        """The next version, with the other's rules; the same one when they are equal. Raises a Fault for bad rules."""
        other = replace(other, version=self.version, update_time=self.update_time)
        if other == self:
            return self
        other.check()
        return replace(other, version=self.version + 1, update_time=now)

    def check(self) -> None:
        """Raise a Fault unless the tiers rise, in the rules' currency."""
        for index, tier in enumerate(self.tiers):
            for field, amount in (("amount", tier.amount), ("bonus", tier.bonus)):
                path = f"tiers[{index}].{field}"
                if amount.currency != self.currency:
                    raise errors.rules_invalid(path, f"must be in {self.currency}")
                if amount.minor <= 0:
                    raise errors.rules_invalid(path, "must be more than nothing")
            if index and tier.amount <= self.tiers[index - 1].amount:
                raise errors.rules_invalid(f"tiers[{index}].amount", "must be more than the tier's before")
