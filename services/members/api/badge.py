"""Badges between the wire and the use-cases."""

from __future__ import annotations

from kehu.members.v1 import badges_pb2 as pb

from kit import names
from kit.rpc.convert import wire_instant
from services.members.api.audit import author
from services.members.domain.badge import Badge, BadgeAward, Metric
from services.members.usecases.badge import CreateBadge


def create(request: pb.CreateBadgeRequest) -> CreateBadge:
    """Read a new badge, which gets its id here."""
    badge = request.badge
    metric = Metric(pb.Badge.Metric.Name(badge.metric).removeprefix("METRIC_"))
    return CreateBadge(names.new_id(), badge.display_name, metric, badge.threshold, author())


def render(known: Badge) -> pb.Badge:
    """Show a badge."""
    return pb.Badge(
        name=names.join("badges", known.id),
        display_name=known.display_name,
        metric=pb.Badge.Metric.Value(f"METRIC_{known.metric}"),
        threshold=known.threshold,
        create_time=wire_instant(known.create_time),
        retire_time=wire_instant(known.retire_time) if known.retire_time else None,
    )


def award(known: BadgeAward) -> pb.BadgeAward:
    """Show a badge that a member has."""
    return pb.BadgeAward(
        name=names.join("members", known.member, "badgeAwards", known.badge.id),
        badge=render(known.badge),
        award_time=wire_instant(known.award_time),
    )
