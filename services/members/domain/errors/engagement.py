"""Why check-ins, receipts, referrals and badges are refused."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation


def engagement_disabled(activity: str) -> Fault:
    """There are no rules for this activity."""
    message = f"{activity} is switched off: the engagement policy has no rules for it"
    return Fault(Kind.FAILED_PRECONDITION, "ENGAGEMENT_DISABLED", message, metadata={"activity": activity})


def engagement_invalid(field: str, description: str) -> Fault:
    """The rules of engagement contradict each other."""
    field = f"policy.{field}"
    violation = Violation(field, description)
    return Fault(Kind.INVALID_ARGUMENT, "ENGAGEMENT_INVALID", f"{field}: {description}", violations=[violation])


def daily_limit_reached(activity: str, scope: str) -> Fault:
    """Today's limit of this activity for the member, device or store would be passed."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "DAILY_LIMIT_REACHED",
        f"today's limit of {activity} by {scope} would be passed",
        metadata={"activity": activity, "scope": scope},
    )


def check_in_day_invalid(day: date, description: str) -> Fault:
    """The day can't be filled."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "CHECK_IN_DAY_INVALID",
        f"{day} can't be filled: {description}",
        metadata={"day": day.isoformat()},
    )


def make_ups_exhausted(day: date, limit: int) -> Fault:
    """As many days of the month as may be are filled already."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "MAKE_UPS_EXHAUSTED",
        f"{limit} missed days of {day:%Y-%m} are filled already",
        metadata={"month": f"{day:%Y-%m}", "limit": str(limit)},
    )


def receipt_code_invalid(description: str) -> Fault:
    """The code is none, or not as it was signed."""
    return Fault(
        Kind.INVALID_ARGUMENT,
        "RECEIPT_CODE_INVALID",
        f"the code {description}",
        violations=[Violation("code", description)],
    )


def receipt_code_foreign(description: str) -> Fault:
    """The code was signed by a key that may not sign it."""
    return Fault(Kind.FAILED_PRECONDITION, "RECEIPT_CODE_FOREIGN", f"the code {description}")


def receipt_key_revoked(key: UUID) -> Fault:
    """The code was signed by a key that is trusted no more."""
    name = names.join("receiptKeys", key)
    message = f"{name}, which signed the code, is revoked, or was retired before"
    return Fault(Kind.FAILED_PRECONDITION, "RECEIPT_KEY_REVOKED", message, metadata={"name": name})


def receipt_expired(days: int) -> Fault:
    """The receipt is too old to be claimed."""
    message = f"a receipt can be claimed for {days} days, which are over"
    return Fault(Kind.FAILED_PRECONDITION, "RECEIPT_EXPIRED", message, metadata={"days": str(days)})


def receipt_claimed() -> Fault:
    """Somebody has claimed the receipt already; who and when is not told."""
    return Fault(Kind.ALREADY_EXISTS, "RECEIPT_CLAIMED", "the receipt has been claimed already")


def receipt_worthless() -> Fault:
    """The receipt's amount earns not a single point."""
    message = "the receipt earns no point: its amount is too small, or in another currency than the programme's"
    return Fault(Kind.FAILED_PRECONDITION, "RECEIPT_WORTHLESS", message)


def referral_code_unknown() -> Fault:
    """The code is nobody's."""
    return Fault(Kind.NOT_FOUND, "REFERRAL_CODE_UNKNOWN", "nobody has this referral code")


def referral_self() -> Fault:
    """The code is the member's own."""
    return Fault(Kind.FAILED_PRECONDITION, "REFERRAL_SELF", "members can't refer themselves")


def referral_circular() -> Fault:
    """The referrer was brought by the member, directly or by others."""
    message = "the referrer was brought by this member, directly or by others"
    return Fault(Kind.FAILED_PRECONDITION, "REFERRAL_CIRCULAR", message)


def referral_closed(cause: str, description: str) -> Fault:
    """The member can't be referred any more."""
    message = f"the member can't be referred any more: {description}"
    return Fault(Kind.FAILED_PRECONDITION, "REFERRAL_CLOSED", message, metadata={"cause": cause})
