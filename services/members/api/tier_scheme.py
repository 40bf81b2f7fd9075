"""What tiers go by and what they are good for, between the wire and the domain."""

from __future__ import annotations

from google.type.money_pb2 import Money as WireMoney
from kehu.members.v1 import members_pb2, tier_benefits_pb2
from kehu.members.v1 import tiers_pb2 as pb

from kit.money import Money
from kit.rpc.convert import money, wire_money
from services.members.domain.programme import Tier
from services.members.domain.tier_scheme import NO_BENEFITS, PAR, Benefits, Downgrade, Metric, TierScheme, Window


def scheme(wire: pb.TierScheme) -> TierScheme:
    """Read a scheme; what is not given is as in a new installation."""
    return TierScheme(
        metric=Metric(pb.TierScheme.Metric.Name(wire.metric or pb.TierScheme.METRIC_SPENT).removeprefix("METRIC_")),
        window=Window(pb.TierScheme.Window.Name(wire.window or pb.TierScheme.WINDOW_ROLLING).removeprefix("WINDOW_")),
        downgrade=Downgrade(
            pb.TierScheme.Downgrade.Name(wire.downgrade or pb.TierScheme.DOWNGRADE_REQUALIFY).removeprefix("DOWNGRADE_")
        ),
        grace_days=wire.grace_days,
    )


def wire_scheme(known: TierScheme) -> pb.TierScheme:
    """Show a scheme."""
    return pb.TierScheme(
        metric=wire_metric(known.metric),
        window=pb.TierScheme.Window.Value(f"WINDOW_{known.window}"),
        downgrade=pb.TierScheme.Downgrade.Value(f"DOWNGRADE_{known.downgrade}"),
        grace_days=known.grace_days,
    )


def wire_metric(metric: Metric) -> pb.TierScheme.Metric.ValueType:
    """Show a metric."""
    return pb.TierScheme.Metric.Value(f"METRIC_{metric}")


def tier(wire: members_pb2.Tier, index: int) -> Tier:
    """Read a tier, the one at `index`."""
    given = wire.HasField("threshold")
    threshold = money(wire.threshold, field=f"programme.tiers[{index}].threshold") if given else wire.points
    return Tier(wire.id, threshold, _benefits(wire.benefits))


def wire_tier(known: Tier) -> members_pb2.Tier:
    """Show a tier."""
    in_money = isinstance(known.threshold, Money)
    return members_pb2.Tier(
        id=known.id,
        threshold=_threshold(known.threshold),
        points=0 if in_money else known.least,
        benefits=None if known.benefits == NO_BENEFITS else wire_benefits(known.benefits),
    )


def wire_benefits(known: Benefits) -> tier_benefits_pb2.TierBenefits:
    """Show what a tier is good for."""
    return tier_benefits_pb2.TierBenefits(
        multiplier_basis_points=known.multiplier,
        free_shipping=known.free_shipping,
        birthday_gift=known.birthday_gift,
        service_level=known.service_level,
        extras=[tier_benefits_pb2.TierBenefits.Extra(key=key, value=value) for key, value in known.extras],
    )


def _benefits(wire: tier_benefits_pb2.TierBenefits) -> Benefits:
    return Benefits(
        multiplier=wire.multiplier_basis_points or PAR,
        free_shipping=wire.free_shipping,
        birthday_gift=wire.birthday_gift,
        service_level=wire.service_level,
        extras=tuple(sorted((extra.key, extra.value) for extra in wire.extras)),
    )


def _threshold(threshold: Money | int) -> WireMoney | None:
    return wire_money(threshold) if isinstance(threshold, Money) else None
