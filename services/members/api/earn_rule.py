"""Earn rules, and when and how points count, between the wire and the domain."""

from __future__ import annotations

from kehu.members.v1 import earn_rules_pb2 as pb

from kit.rpc.convert import money, wire_money
from services.members.domain.basket import EVERYTHING, Scope
from services.members.domain.points_as_cash import FREE_USE, WHOLE, CashRules
from services.members.domain.rule import NO_CAPS, Caps, Rate, Rounding, Rule
from services.members.domain.validity import Availability, Expiry, Start, Validity


def rule(wire: pb.EarnRule, index: int) -> Rule:
    """Read a rule, the one at `index`."""
    field = f"programme.rules[{index}]"
    minimum = money(wire.minimum_spend, field=f"{field}.minimum_spend") if wire.HasField("minimum_spend") else None
    return Rule(
        id=wire.id,
        title=wire.title,
        condition=wire.condition,
        rate=Rate(wire.rate.points, money(wire.rate.amount, field=f"{field}.rate.amount"))
        if wire.HasField("rate")
        else None,
        multiplier=wire.multiplier_basis_points,
        bonus=wire.bonus_points,
        scope=scope(wire.scope),
        minimum=minimum or None,
        exclusive=wire.exclusive,
        caps=caps(wire.caps),
        replaces=wire.replaces_rate,
        place=wire.place.rstrip("/"),
    )


def wire_rule(known: Rule) -> pb.EarnRule:
    """Show a rule."""
    rate = pb.EarnRate(points=known.rate.points, amount=wire_money(known.rate.amount)) if known.rate else None
    return pb.EarnRule(
        id=known.id,
        title=known.title,
        condition=known.condition,
        rate=rate,
        multiplier_basis_points=known.multiplier,
        bonus_points=known.bonus,
        scope=wire_scope(known.scope),
        minimum_spend=wire_money(known.minimum) if known.minimum else None,
        exclusive=known.exclusive,
        caps=wire_caps(known.caps),
        replaces_rate=known.replaces,
        place=known.place,
    )


def scope(wire: pb.GoodsScope) -> Scope:
    """Read which goods count."""
    return Scope(
        frozenset(wire.products),
        frozenset(wire.categories),
        frozenset(wire.excluded_products),
        frozenset(wire.excluded_categories),
    )


def wire_scope(known: Scope) -> pb.GoodsScope | None:
    """Show which goods count."""
    if known == EVERYTHING:
        return None
    return pb.GoodsScope(
        products=sorted(known.products),
        categories=sorted(known.categories),
        excluded_products=sorted(known.excluded_products),
        excluded_categories=sorted(known.excluded_categories),
    )


def caps(wire: pb.EarnCaps) -> Caps:
    """Read the most points."""
    return Caps(
        wire.order if wire.HasField("order") else None,
        wire.member_day if wire.HasField("member_day") else None,
        wire.member_total if wire.HasField("member_total") else None,
    )


def wire_caps(known: Caps) -> pb.EarnCaps | None:
    """Show the most points."""
    if known == NO_CAPS:
        return None
    return pb.EarnCaps(order=known.order, member_day=known.day, member_total=known.member)


def rounding(wire: pb.EarnRounding.ValueType) -> Rounding:
    """Read how points become whole."""
    return Rounding(pb.EarnRounding.Name(wire or pb.EARN_ROUNDING_WHOLE_AMOUNTS).removeprefix("EARN_ROUNDING_"))


def wire_rounding(known: Rounding) -> pb.EarnRounding.ValueType:
    """Show how points become whole."""
    return pb.EarnRounding.Value(f"EARN_ROUNDING_{known}")


def validity(wire: pb.PointsValidity) -> Validity:
    """Read until when points count."""
    return Validity(
        Expiry(pb.PointsValidity.Expiry.Name(wire.expiry or pb.PointsValidity.EXPIRY_NEVER).removeprefix("EXPIRY_")),
        wire.count,
    )


def wire_validity(known: Validity) -> pb.PointsValidity:
    """Show until when points count."""
    return pb.PointsValidity(expiry=pb.PointsValidity.Expiry.Value(f"EXPIRY_{known.expiry}"), count=known.count)


def availability(wire: pb.PointsAvailability) -> Availability:
    """Read from when points count."""
    return Availability(
        Start(
            pb.PointsAvailability.Start.Name(wire.start or pb.PointsAvailability.START_IMMEDIATE).removeprefix("START_")
        ),
        wire.days,
    )


def wire_availability(known: Availability) -> pb.PointsAvailability:
    """Show from when points count."""
    return pb.PointsAvailability(start=pb.PointsAvailability.Start.Value(f"START_{known.start}"), days=known.days)


def cash(wire: pb.PointsAsCash) -> CashRules:
    """Read how points pay."""
    return CashRules(
        least=max(1, wire.min_points),
        most=wire.max_points if wire.HasField("max_points") else None,
        ratio=wire.max_ratio_basis_points or WHOLE,
        scope=scope(wire.scope),
        freight=not wire.freight_excluded,
    )


def wire_cash(known: CashRules) -> pb.PointsAsCash | None:
    """Show how points pay."""
    if known == FREE_USE:
        return None
    return pb.PointsAsCash(
        min_points=known.least,
        max_points=known.most,
        max_ratio_basis_points=known.ratio,
        scope=wire_scope(known.scope),
        freight_excluded=not known.freight,
    )
