"""Why check-ins, receipts, referrals and badges are refused."""

from __future__ import annotations

from datetime import date

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
