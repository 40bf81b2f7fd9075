"""Earn rules and what goes with them as JSON; what is as by default is left out."""

from __future__ import annotations

from typing import Any

from kit.money import Money
from services.members.domain.basket import Scope
from services.members.domain.points_as_cash import CashRules
from services.members.domain.programme import Programme
from services.members.domain.rule import Caps, Rate, Rounding, Rule
from services.members.domain.validity import Availability, Expiry, Start, Validity

Document = dict[str, Any]


def document(programme: Programme) -> Document:
    """What of a programme says how orders earn, when points count, and how they pay."""
    return {
        "display_name": programme.display_name,
        "active": programme.active,
        "time_zone": programme.time_zone,
        "validity": [programme.validity.expiry.value, programme.validity.count],
        "availability": [programme.availability.start.value, programme.availability.days],
        "refund_grace_days": programme.refund_grace_days,
        "expiry_notice_days": programme.expiry_notice_days,
        "rounding": programme.rounding.value,
        "scope": scope_document(programme.scope),
        "freight_earns": programme.freight_earns,
        "caps": _caps_document(programme.caps),
        "rules": [_rule_document(rule) for rule in programme.rules],
        "cash": {
            "least": programme.cash.least,
            "most": programme.cash.most,
            "ratio": programme.cash.ratio,
            "scope": scope_document(programme.cash.scope),
            "freight": programme.cash.freight,
        },
    }


def fields(rules: Document, currency: str) -> dict[str, Any]:
    """The fields of a programme that `document` says; those of versions that did not have them yet are missing."""
    if "rules" not in rules:
        return {}
    cash = rules["cash"]
    return {
        "display_name": rules["display_name"],
        "active": rules["active"],
        "time_zone": rules["time_zone"],
        "validity": Validity(Expiry(rules["validity"][0]), rules["validity"][1]),
        "availability": Availability(Start(rules["availability"][0]), rules["availability"][1]),
        "refund_grace_days": rules["refund_grace_days"],
        "expiry_notice_days": rules.get("expiry_notice_days", 30),
        "rounding": Rounding(rules["rounding"]),
        "scope": scope(rules["scope"]),
        "freight_earns": rules["freight_earns"],
        "caps": Caps(*rules["caps"]),
        "rules": tuple(_rule(rule, currency) for rule in rules["rules"]),
        "cash": CashRules(cash["least"], cash["most"], cash["ratio"], scope(cash["scope"]), cash["freight"]),
    }


def scope_document(found: Scope) -> Document:
    """Which goods count."""
    return {name: sorted(getattr(found, name)) for name in _SCOPE if getattr(found, name)}


def scope(kept: Document) -> Scope:
    """Which goods count."""
    return Scope(*(frozenset(kept.get(name, ())) for name in _SCOPE))


_SCOPE = ("products", "categories", "excluded_products", "excluded_categories")


def _rule_document(rule: Rule) -> Document:
    return {
        "id": rule.id,
        "title": rule.title,
        "condition": rule.condition,
        "rate": [rule.rate.points, rule.rate.amount.minor] if rule.rate else None,
        "multiplier": rule.multiplier,
        "bonus": rule.bonus,
        "scope": scope_document(rule.scope),
        "minimum": rule.least,
        "exclusive": rule.exclusive,
        "caps": _caps_document(rule.caps),
        "replaces": rule.replaces,
        **({"place": rule.place} if rule.place else {}),
    }


def _rule(kept: Document, currency: str) -> Rule:
    rate = Rate(kept["rate"][0], Money(kept["rate"][1], currency)) if kept["rate"] else None
    return Rule(
        id=kept["id"],
        title=kept["title"],
        condition=kept["condition"],
        rate=rate,
        multiplier=kept["multiplier"],
        bonus=kept["bonus"],
        scope=scope(kept["scope"]),
        minimum=Money(kept["minimum"], currency) if kept["minimum"] else None,
        exclusive=kept["exclusive"],
        caps=Caps(*kept["caps"]),
        replaces=kept.get("replaces", False),
        place=kept.get("place", ""),
    )


def _caps_document(caps: Caps) -> list[int | None]:
    return [caps.order, caps.day, caps.member]
