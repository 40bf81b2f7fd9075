"""Facts of members as the events that go out: proto JSON of the messages in `kehu/members/v1/events.proto`."""

from __future__ import annotations

from functools import singledispatch

from kit import names
from kit.outbox import Event
from kit.wire import instant, money
from services.members.domain.engagement_events import (
    BadgeAwarded,
    CheckedIn,
    ReceiptClaimed,
    ReferralRevoked,
    ReferralRewarded,
)
from services.members.domain.events import (
    MemberEnrolled,
    MemberErased,
    MemberMerged,
    PointsEarned,
    PointsExpiring,
    StoredValueChanged,
    TierChanged,
)
from services.members.domain.point_transfer import PointsTransferred
from services.members.domain.programme import DEFAULT
from services.members.domain.redemption import (
    Redemption,
    RedemptionCancelled,
    RedemptionConfirmed,
    RedemptionRefunded,
    RedemptionRefused,
)
from services.members.domain.tier_scheme import NO_BENEFITS, Benefits


@singledispatch
def to_event(fact: object) -> Event:
    """The event that says a fact. Each kind of fact has a subject of its own, for their versions are counted apart."""
    raise TypeError(f"{type(fact).__name__} is not published")


@to_event.register
def _enrolled(fact: MemberEnrolled) -> Event:
    member = names.join("members", fact.member)
    body = {"member": member, "enrollTime": instant(fact.enroll_time), "homeStore": fact.home_store}
    return Event.of("kehu.members.v1.MemberEnrolled", member, fact.version, body)


@to_event.register
def _earned(fact: PointsEarned) -> Event:
    member = names.join("members", fact.member)
    body = {
        "member": member,
        "source": fact.source,
        "points": str(fact.points),
        "effectiveTime": instant(fact.time),
    }
    if not fact.programme:
        return Event.of("kehu.members.v1.PointsEarned", f"{member}/balance", fact.version, body)
    body["programme"] = names.join("programmes", fact.programme)
    return Event.of("kehu.members.v1.PointsEarned", f"{member}/balances/{fact.programme}", fact.version, body)


@to_event.register
def _tier_changed(fact: TierChanged) -> Event:
    member = names.join("members", fact.member)
    body: dict[str, object] = {
        "member": member,
        "fromTier": fact.from_tier,
        "toTier": fact.to_tier,
        "changeTime": instant(fact.time),
    }
    if fact.expire:
        body["expireTime"] = instant(fact.expire)
    if fact.benefits != NO_BENEFITS:
        body["benefits"] = _benefits(fact.benefits)
    return Event.of("kehu.members.v1.TierChanged", f"{member}/tier", fact.version, body)


@to_event.register
def _expiring(fact: PointsExpiring) -> Event:
    member = names.join("members", fact.member)
    programme = names.join("programmes", fact.programme)
    body = {
        "member": member,
        "points": str(fact.points),
        "expireTime": instant(fact.time),
        "programme": programme,
    }
    subject = f"{member}/{programme}/expiry/{instant(fact.time)}"
    version = int(fact.told.timestamp() * 1_000)  # what is granted later, and ends at the same moment, is told later
    return Event.of("kehu.members.v1.PointsExpiring", subject, version, body)


@to_event.register
def _erased(fact: MemberErased) -> Event:
    member = names.join("members", fact.member)
    body = {"member": member, "eraseTime": instant(fact.time)}
    return Event.of("kehu.members.v1.MemberErased", member, fact.version, body)


@to_event.register
def _checked_in(fact: CheckedIn) -> Event:
    member, day = names.join("members", fact.member), fact.day.isoformat()
    body = {"member": member, "day": day, "streak": fact.streak, "points": str(fact.points)}
    return Event.of("kehu.members.v1.CheckedIn", f"{member}/checkIns/{day}", 1, body)


@to_event.register
def _stored_value_changed(fact: StoredValueChanged) -> Event:
    member = names.join("members", fact.member)
    body = {
        "member": member,
        "principal": money(fact.principal),
        "bonus": money(fact.bonus),
        "change": money(fact.change),
        "source": fact.source,
        "changeTime": instant(fact.time),
    }
    subject = f"{member}/storedValues/{fact.principal.currency}"
    return Event.of("kehu.members.v1.StoredValueChanged", subject, fact.version, body)


@to_event.register
def _redeemed(fact: RedemptionConfirmed) -> Event:
    redemption = fact.redemption
    body = {
        **_redemption(redemption),
        "kind": fact.kind.value,
        "item": fact.item,
        "store": redemption.store,
        "payment": redemption.payment,
        "confirmTime": instant(redemption.confirm_time),
    }
    return Event.of("kehu.members.v1.RedemptionConfirmed", redemption.source, redemption.version, body)


@to_event.register
def _redemption_cancelled(fact: RedemptionCancelled) -> Event:
    redemption = fact.redemption
    body = {
        **_redemption(redemption),
        "state": redemption.state.value,
        "endTime": instant(redemption.end_time),
    }
    return Event.of("kehu.members.v1.RedemptionCancelled", redemption.source, redemption.version, body)


@to_event.register
def _redemption_refused(fact: RedemptionRefused) -> Event:
    redemption = fact.redemption
    body = {**_redemption(redemption), "payment": redemption.payment, "refusal": redemption.refusal}
    return Event.of("kehu.members.v1.RedemptionRefused", redemption.source, redemption.version, body)


@to_event.register
def _redemption_refunded(fact: RedemptionRefunded) -> Event:
    redemption = fact.redemption
    body = {
        **_redemption(redemption),
        "restocked": redemption.restocked,
        "refundPayment": redemption.refund_payment,
        "refusal": redemption.refusal,
        "endTime": instant(redemption.end_time),
    }
    return Event.of("kehu.members.v1.RedemptionRefunded", redemption.source, redemption.version, body)


def _redemption(redemption: Redemption) -> dict[str, object]:
    body: dict[str, object] = {
        "redemption": redemption.source,
        "member": names.join("members", redemption.member),
        "reward": names.join("rewards", redemption.reward),
        "quantity": redemption.quantity,
        "points": str(redemption.points),
        **_of_programme(redemption.programme),
    }
    return body if redemption.cash is None else {**body, "cash": money(redemption.cash)}


def _of_programme(programme: str) -> dict[str, object]:
    """Whose points they are; of the default programme's nothing is said."""
    return {} if programme == DEFAULT else {"programme": names.join("programmes", programme)}


def _benefits(benefits: Benefits) -> dict[str, object]:
    return {
        "multiplierBasisPoints": benefits.multiplier,
        "freeShipping": benefits.free_shipping,
        "birthdayGift": benefits.birthday_gift,
        "serviceLevel": benefits.service_level,
        "extras": [{"key": key, "value": value} for key, value in benefits.extras],
    }


@to_event.register
def _receipt_claimed(fact: ReceiptClaimed) -> Event:
    member = names.join("members", fact.member)
    claim = names.join(member, "receiptClaims", fact.claim)
    body = {
        "claim": claim,
        "member": member,
        "store": fact.store,
        "amount": money(fact.amount),
        "points": str(fact.points),
        "claimTime": instant(fact.time),
    }
    return Event.of("kehu.members.v1.ReceiptClaimed", claim, 1, body)


@to_event.register
def _merged(fact: MemberMerged) -> Event:
    member, other = names.join("members", fact.member), names.join("members", fact.into)
    if fact.undone:
        body = {"member": member, "fromMember": other, "unmergeTime": instant(fact.time)}
        return Event.of("kehu.members.v1.MemberUnmerged", member, fact.version, body)
    body = {"member": member, "into": other, "mergeTime": instant(fact.time)}
    return Event.of("kehu.members.v1.MemberMerged", member, fact.version, body)


@to_event.register
def _referral_rewarded(fact: ReferralRewarded) -> Event:
    member = names.join("members", fact.member)
    body = {
        "member": member,
        "referrer": names.join("members", fact.referrer),
        "referrerPoints": str(fact.referrer_points),
        "memberPoints": str(fact.member_points),
        "rewardTime": instant(fact.time),
    }
    return Event.of("kehu.members.v1.ReferralRewarded", f"{member}/referral", fact.version, body)


@to_event.register
def _referral_revoked(fact: ReferralRevoked) -> Event:
    member = names.join("members", fact.member)
    body = {
        "member": member,
        "referrer": names.join("members", fact.referrer),
        "revokeTime": instant(fact.time),
    }
    return Event.of("kehu.members.v1.ReferralRevoked", f"{member}/referral", fact.version, body)


@to_event.register
def _badge_awarded(fact: BadgeAwarded) -> Event:
    member = names.join("members", fact.member)
    body = {"member": member, "badge": names.join("badges", fact.badge), "awardTime": instant(fact.time)}
    return Event.of("kehu.members.v1.BadgeAwarded", f"{member}/badgeAwards/{fact.badge}", 1, body)


@to_event.register
def _transferred(fact: PointsTransferred) -> Event:
    transfer = fact.transfer
    body = {
        "member": names.join("members", transfer.member),
        "recipient": names.join("members", transfer.recipient),
        "points": str(transfer.points),
        "transferTime": instant(transfer.create_time),
        **_of_programme(transfer.programme),
    }
    return Event.of("kehu.members.v1.PointsTransferred", transfer.source, 1, body)
