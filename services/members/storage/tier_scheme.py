"""The parts of the programme's document that tiers go by. What is missing is as it was before there was a choice."""

from __future__ import annotations

from typing import Any

from kit.money import Money
from services.members.domain.programme import Tier
from services.members.domain.tier_scheme import PAR, Benefits, Downgrade, Metric, TierScheme, Window


def document(scheme: TierScheme) -> dict[str, Any]:
    """A scheme as JSON."""
    return {
        "metric": scheme.metric,
        "window": scheme.window,
        "downgrade": scheme.downgrade,
        "grace_days": scheme.grace_days,
    }


def scheme(rules: dict[str, Any]) -> TierScheme:
    """The scheme in JSON."""
    return TierScheme(
        Metric(rules["metric"]), Window(rules["window"]), Downgrade(rules["downgrade"]), rules["grace_days"]
    )


def tier_document(tier: Tier) -> dict[str, Any]:
    """A tier as JSON."""
    key = "threshold" if isinstance(tier.threshold, Money) else "points"
    return {"id": tier.id, key: tier.least, "benefits": _benefits_document(tier.benefits)}


def tier(rules: dict[str, Any], currency: str) -> Tier:
    """The tier in JSON."""
    threshold = Money(rules["threshold"], currency) if "threshold" in rules else rules["points"]
    return Tier(rules["id"], threshold, _benefits(rules.get("benefits", {})))


def _benefits_document(benefits: Benefits) -> dict[str, Any]:
    return {
        "multiplier": benefits.multiplier,
        "free_shipping": benefits.free_shipping,
        "birthday_gift": benefits.birthday_gift,
        "service_level": benefits.service_level,
        "extras": dict(benefits.extras),
    }


def _benefits(rules: dict[str, Any]) -> Benefits:
    return Benefits(
        multiplier=rules.get("multiplier", PAR),
        free_shipping=rules.get("free_shipping", False),
        birthday_gift=rules.get("birthday_gift", ""),
        service_level=rules.get("service_level", ""),
        extras=tuple(sorted(rules.get("extras", {}).items())),
    )
