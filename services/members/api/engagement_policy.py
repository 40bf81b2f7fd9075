"""The rules of engagement between the wire and the use-cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kehu.members.v1 import badges_pb2, check_ins_pb2, daily_limits_pb2, receipts_pb2, referrals_pb2
from kehu.members.v1 import engagement_pb2 as pb

from kit.errors import invalid, not_found
from kit.rpc.convert import etag, expected_version, masked_fields, wire_instant
from services.members.api.audit import author
from services.members.domain.celebration import BirthdayRules, LeapDay, ProfileField, ProfileRules
from services.members.domain.check_in import CheckInRules, MakeUpRules, MissedDay, StreakBonus
from services.members.domain.daily_limit import DailyLimit, Scope
from services.members.domain.engagement import EngagementPolicy
from services.members.domain.receipt import ReceiptRules
from services.members.domain.referral import ReferralRules
from services.members.usecases.engagement import NAME, UpdateEngagementPolicy

_FIELDS = ("check_in", "receipts", "referrals", "birthdays", "profiles")
_OUTPUT = ("name", "update_time", "etag")


def check_name(name: str) -> None:
    """Refuse the name of a policy that does not exist."""
    if name != NAME:
        raise not_found(name) if name else invalid("policy.name", f"must be {NAME}")


def update(request: pb.UpdateEngagementPolicyRequest) -> UpdateEngagementPolicy:
    """Read a change of the rules."""
    policy = request.policy
    check_name(policy.name)
    fields = masked_fields(policy, request.update_mask, mutable=_FIELDS, output_only=_OUTPUT)
    values = {field: _read(policy, field) for field in fields}
    return UpdateEngagementPolicy(values, expected_version(policy.etag), author())


def render(policy: EngagementPolicy) -> pb.EngagementPolicy:
    """Show the rules."""
    return pb.EngagementPolicy(
        name=NAME,
        check_in=_wire_check_in(policy.check_in) if policy.check_in else None,
        receipts=_wire_receipts(policy.receipts) if policy.receipts else None,
        referrals=_wire_referrals(policy.referrals) if policy.referrals else None,
        birthdays=_wire_birthdays(policy.birthdays) if policy.birthdays else None,
        profiles=_wire_profiles(policy.profiles) if policy.profiles else None,
        update_time=wire_instant(policy.update_time),
        etag=etag(policy.version),
    )


def _read(policy: pb.EngagementPolicy, field: str) -> Any:
    readers: dict[str, Callable[[Any], Any]] = {
        "check_in": _check_in,
        "receipts": _receipts,
        "referrals": _referrals,
        "birthdays": _birthdays,
        "profiles": _profiles,
    }
    return readers[field](getattr(policy, field)) if policy.HasField(field) else None  # type: ignore[arg-type]


def _check_in(wire: check_ins_pb2.CheckInRules) -> CheckInRules:
    make_up = wire.make_up
    continues = wire.missed_day == check_ins_pb2.CheckInRules.MISSED_DAY_CONTINUE
    return CheckInRules(
        points=wire.points,
        bonuses=tuple(StreakBonus(bonus.day, bonus.points) for bonus in wire.bonuses),
        cycle_days=wire.cycle_days,
        missed_day=MissedDay.CONTINUE if continues else MissedDay.RESET,
        make_up=MakeUpRules(make_up.within_days, make_up.per_month, make_up.price)
        if wire.HasField("make_up")
        else None,
        limits=_limits(wire.limits),
    )


def _receipts(wire: receipts_pb2.ReceiptRules) -> ReceiptRules:
    return ReceiptRules(wire.claim_days, wire.max_points, _limits(wire.limits))


def _referrals(wire: referrals_pb2.ReferralRules) -> ReferralRules:
    return ReferralRules(
        wire.referrer_points, wire.member_points, wire.attach_days, wire.rewards_per_month, _limits(wire.limits)
    )


def _birthdays(wire: badges_pb2.BirthdayRules) -> BirthdayRules:
    march = wire.leap_day == badges_pb2.BirthdayRules.LEAP_DAY_MARCH_1
    return BirthdayRules(wire.points, LeapDay.MARCH_1 if march else LeapDay.FEBRUARY_28)


def _profiles(wire: badges_pb2.ProfileRules) -> ProfileRules:
    fields = [badges_pb2.ProfileRules.Field.Name(field).removeprefix("FIELD_") for field in wire.fields]
    return ProfileRules(wire.points, tuple(ProfileField[field] for field in fields))


def _limits(wire: Iterable[daily_limits_pb2.DailyLimit]) -> tuple[DailyLimit, ...]:
    return tuple(
        DailyLimit(
            Scope(daily_limits_pb2.DailyLimit.Scope.Name(each.scope).removeprefix("SCOPE_")), each.count, each.points
        )
        for each in wire
    )


def _wire_check_in(rules: CheckInRules) -> check_ins_pb2.CheckInRules:
    wire = check_ins_pb2.CheckInRules(
        points=rules.points,
        bonuses=[check_ins_pb2.StreakBonus(day=bonus.day, points=bonus.points) for bonus in rules.bonuses],
        cycle_days=rules.cycle_days,
        missed_day=check_ins_pb2.CheckInRules.MissedDay.Value(f"MISSED_DAY_{rules.missed_day}"),
        limits=_wire_limits(rules.limits),
    )
    if rules.make_up:
        make_up = rules.make_up
        wire.make_up.CopyFrom(
            check_ins_pb2.MakeUpRules(within_days=make_up.within_days, per_month=make_up.per_month, price=make_up.price)
        )
    return wire


def _wire_receipts(rules: ReceiptRules) -> receipts_pb2.ReceiptRules:
    return receipts_pb2.ReceiptRules(
        claim_days=rules.claim_days, max_points=rules.max_points, limits=_wire_limits(rules.limits)
    )


def _wire_referrals(rules: ReferralRules) -> referrals_pb2.ReferralRules:
    return referrals_pb2.ReferralRules(
        referrer_points=rules.referrer_points,
        member_points=rules.member_points,
        attach_days=rules.attach_days,
        rewards_per_month=rules.rewards_per_month,
        limits=_wire_limits(rules.limits),
    )


def _wire_birthdays(rules: BirthdayRules) -> badges_pb2.BirthdayRules:
    leap_day = badges_pb2.BirthdayRules.LeapDay.Value(f"LEAP_DAY_{rules.leap_day}")
    return badges_pb2.BirthdayRules(points=rules.points, leap_day=leap_day)


def _wire_profiles(rules: ProfileRules) -> badges_pb2.ProfileRules:
    fields = [badges_pb2.ProfileRules.Field.Value(f"FIELD_{field.name}") for field in rules.fields]
    return badges_pb2.ProfileRules(points=rules.points, fields=fields)


def _wire_limits(limits: Iterable[DailyLimit]) -> list[daily_limits_pb2.DailyLimit]:
    return [
        daily_limits_pb2.DailyLimit(
            scope=daily_limits_pb2.DailyLimit.Scope.Value(f"SCOPE_{each.scope}"), count=each.count, points=each.points
        )
        for each in limits
    ]
