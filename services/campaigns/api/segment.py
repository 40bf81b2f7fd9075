"""Segments, their rules and members, on the wire and inside."""

from __future__ import annotations

from kehu.campaigns.v1 import segments_pb2 as pb

from kit import names
from kit.errors import invalid
from kit.money import Money
from kit.rpc.convert import etag, expected_version, masked_fields, money, wire_instant, wire_money
from services.campaigns.domain.rule import AllOf, AnyOf, Comparison, Criterion, Metric, Rule
from services.campaigns.domain.segment import Membership, Segment
from services.campaigns.usecases.segment import Create, Update

_MUTABLE = ("display_name", "rule")
_OUTPUT_ONLY = ("name", "rule_version", "state", "create_time", "update_time", "etag")


def create(request: pb.CreateSegmentRequest) -> Create:
    """Read a request for a new segment."""
    wire = request.segment
    return Create(names.new_id(), wire.display_name, rule(wire.rule, field="segment.rule"))


def update(request: pb.UpdateSegmentRequest) -> Update:
    """Read a request to change a segment."""
    wire = request.segment
    paths = masked_fields(wire, request.update_mask, mutable=_MUTABLE, output_only=_OUTPUT_ONLY)
    return Update(
        id=names.id_of("segments", wire.name, field="segment.name"),
        expected=expected_version(wire.etag),
        display_name=wire.display_name if "display_name" in paths else None,
        rule=rule(wire.rule, field="segment.rule") if "rule" in paths else None,
    )


def rule(wire: pb.Rule, *, field: str) -> Rule:
    """Read a rule. Raises a Fault on a part that says nothing."""
    match wire.WhichOneof("condition"):
        case "all_of":
            return AllOf(_rules(wire.all_of, field=f"{field}.all_of"))
        case "any_of":
            return AnyOf(_rules(wire.any_of, field=f"{field}.any_of"))
        case "criterion":
            return _criterion(wire.criterion, field=f"{field}.criterion")
        case _:
            raise invalid(field, "must be set")


def render(segment: Segment) -> pb.Segment:
    """Write a segment."""
    state = pb.Segment.STATE_BUILDING if segment.building else pb.Segment.STATE_ACTIVE
    return pb.Segment(
        name=names.join("segments", segment.id),
        display_name=segment.display_name,
        rule=_render_rule(segment.rule),
        rule_version=segment.rule_version,
        state=state,
        create_time=wire_instant(segment.create_time),
        update_time=wire_instant(segment.update_time),
        etag=etag(segment.version),
    )


def render_member(membership: Membership) -> pb.SegmentMember:
    """Write a member of a segment."""
    return pb.SegmentMember(
        member=names.join("members", membership.member),
        enter_time=wire_instant(membership.enter_time),
        rule_version=membership.rule_version,
        cause=pb.SegmentMember.EntryCause.Value(f"ENTRY_CAUSE_{membership.cause}"),
    )


def _rules(wire: pb.RuleGroup, *, field: str) -> tuple[Rule, ...]:
    return tuple(rule(part, field=f"{field}.rules[{index}]") for index, part in enumerate(wire.rules))


def _criterion(wire: pb.Criterion, *, field: str) -> Criterion:
    metric = Metric(pb.Criterion.Metric.Name(wire.metric).removeprefix("METRIC_"))
    comparison = Comparison(pb.Criterion.Comparison.Name(wire.comparison).removeprefix("COMPARISON_"))
    if wire.WhichOneof("value") == "amount":
        amount = money(wire.amount, field=f"{field}.amount")
        return Criterion(metric, comparison, amount.minor, amount.currency)
    return Criterion(metric, comparison, wire.number)


def _render_rule(inside: Rule) -> pb.Rule:
    match inside:
        case AllOf(rules):
            return pb.Rule(all_of=pb.RuleGroup(rules=[_render_rule(part) for part in rules]))
        case AnyOf(rules):
            return pb.Rule(any_of=pb.RuleGroup(rules=[_render_rule(part) for part in rules]))
        case Criterion():
            return pb.Rule(criterion=_render_criterion(inside))


def _render_criterion(criterion: Criterion) -> pb.Criterion:
    wire = pb.Criterion(
        metric=pb.Criterion.Metric.Value(f"METRIC_{criterion.metric}"),
        comparison=pb.Criterion.Comparison.Value(f"COMPARISON_{criterion.comparison}"),
    )
    if criterion.metric.of_money:
        wire.amount.CopyFrom(wire_money(Money(criterion.value, criterion.currency)))
    else:
        wire.number = criterion.value
    return wire
