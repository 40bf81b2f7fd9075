"""Take in purchases and refunds: profiles, segments and automations follow, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from uuid import UUID

from services.campaigns.domain.events import EntryCause
from services.campaigns.domain.profile import Key, Profile, Spending, apply, rebound, unbounded
from services.campaigns.domain.purchase import Change, Purchase, newest
from services.campaigns.usecases import segment
from services.campaigns.usecases.automation import NewId
from services.campaigns.usecases.ports import Work


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an event says of a purchase; `imported` when it is another system's history."""

    purchase: Purchase
    imported: bool


def record(unit: Work, receipts: Sequence[Receipt], new_id: NewId) -> None:
    """Take in what events say of purchases, many at once, in any order and however often.

    A purchase belongs to whoever stands for the member who is named.
    """
    unit.members.keep()
    unit.segments.keep_rules()
    purchases = newest(receipt.purchase for receipt in receipts)
    roots = unit.members.roots({purchase.member for purchase in purchases})
    changes = unit.purchases.record([purchase.of(roots.get(purchase.member)) for purchase in purchases])
    if not changes:
        return
    touched = {change.after.member for change in changes}
    touched |= {change.before.member for change in changes if change.before is not None}
    profiles = unit.profiles.touch(sorted(touched), unit.now)
    changed = _spend(unit, profiles, changes)
    alive = _alive(receipts, changes)
    causes = {member: EntryCause.PURCHASE if member in alive else EntryCause.IMPORT for member in touched}
    segment.judge_touched(unit, _with(profiles, changed), causes=causes, new_id=new_id)


def _spend(unit: Work, profiles: Sequence[Profile], changes: Sequence[Change]) -> dict[Key, Spending]:
    """Bring the spendings up to date; answers those that changed."""
    known = {(each.member, each.currency): each for profile in profiles for each in profile.spendings.values()}
    changed = apply(known, changes)
    lost = unbounded(changes)
    if lost:
        changed = rebound(changed, lost, unit.purchases.bounds(lost))
    unit.profiles.save([changed[key] for key in sorted(changed)])
    return changed


def _with(profiles: Sequence[Profile], changed: dict[Key, Spending]) -> list[Profile]:
    news = {
        member: {spending.currency: spending for spending in spendings}
        for member, spendings in groupby(
            (changed[key] for key in sorted(changed)), key=lambda spending: spending.member
        )
    }
    return [replace(profile, spendings={**profile.spendings, **news.get(profile.member, {})}) for profile in profiles]


def _alive(receipts: Sequence[Receipt], changes: Sequence[Change]) -> set[UUID]:
    """The members of whom something is told that happened today."""
    told = {receipt.purchase.order for receipt in receipts if not receipt.imported}
    return {change.after.member for change in changes if change.after.order in told}
