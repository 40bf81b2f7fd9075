"""Programmes between the wire and the use-cases."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1 import programmes_pb2

from kit import names
from kit.errors import invalid
from kit.rpc.convert import etag, expected_version, masked_fields, money, wire_duration, wire_instant, wire_money
from services.members.api import earn_rule, tier_scheme
from services.members.api.audit import author
from services.members.domain.programme import DEFAULT, Programme, Rate
from services.members.usecases.programme import UpdateProgramme

_FIELDS = (
    "earn",
    "redeem",
    "tiers",
    "tier_window",
    "tier_scheme",
    "growth",
    "display_name",
    "inactive",
    "rules",
    "rounding",
    "scope",
    "freight_earns",
    "caps",
    "time_zone",
    "validity",
    "availability",
    "refund_grace_days",
    "expiry_notice_days",
    "cash",
)
_OUTPUT = ("name", "update_time", "etag", "version")
_WINDOW = timedelta(days=365)
_NAME = re.compile(r"programmes/([a-z][a-z0-9-]{0,62})")


def programme_id(name: str, *, field: str = "name") -> str:
    """The id in `programmes/{programme}`."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise invalid(field, "must be a name of the form programmes/{programme}")
    return match[1]


def programme_asked(name: str, *, field: str = "programme") -> str:
    """The id in a name that a request may leave out: then it is that of the default programme."""
    return programme_id(name, field=field) if name else DEFAULT


def programme_name(id_: str) -> str:
    """What a programme is called."""
    return names.join("programmes", id_)


def creation(request: programmes_pb2.CreateProgrammeRequest) -> Programme:
    """Read a programme that is to be made."""
    wire = request.programme
    if wire.name and wire.name != names.join("programmes", request.programme_id):
        raise invalid("programme.name", "must be left out, or be that of programme_id")
    readers = _readers(wire)
    values = dict(readers[field]() for field in _FIELDS)
    return Programme(version=1, update_time=datetime(1970, 1, 1, tzinfo=UTC), id=request.programme_id, **values)


def change(request: pb.UpdateProgrammeRequest) -> UpdateProgramme:
    """Read a change of a programme."""
    wire = request.programme
    id_ = programme_id(wire.name, field="programme.name")
    fields = masked_fields(wire, request.update_mask, mutable=_FIELDS, output_only=_OUTPUT)
    return UpdateProgramme(
        _values(wire, fields), expected_version(wire.etag), id_, author=author(), reason=request.reason
    )


def draft(wire: pb.Programme) -> tuple[str, Mapping[str, Any]]:
    """Read rules that are to be tried: the programme's id, and the values of the fields that are given."""
    given = masked_fields(wire, FieldMask(), mutable=_FIELDS, output_only=_OUTPUT)
    return programme_id(wire.name, field="programme.name"), _values(wire, given)


def _values(wire: pb.Programme, fields: list[str]) -> dict[str, Any]:
    readers = _readers(wire)
    return dict(readers[field]() for field in fields)


def programme(rules: Programme) -> pb.Programme:
    """Show a programme."""
    return pb.Programme(
        name=names.join("programmes", rules.id),
        display_name=rules.display_name,
        inactive=not rules.active,
        earn=_wire_rate(rules.earn),
        redeem=_wire_rate(rules.redeem),
        tiers=[tier_scheme.wire_tier(tier) for tier in rules.tiers],
        tier_window=wire_duration(rules.window),
        tier_scheme=tier_scheme.wire_scheme(rules.scheme),
        growth=_wire_rate(rules.growth) if rules.growth else None,
        rules=[earn_rule.wire_rule(rule) for rule in rules.rules],
        rounding=earn_rule.wire_rounding(rules.rounding),
        scope=earn_rule.wire_scope(rules.scope),
        freight_earns=rules.freight_earns,
        caps=earn_rule.wire_caps(rules.caps),
        time_zone=rules.time_zone,
        validity=earn_rule.wire_validity(rules.validity),
        availability=earn_rule.wire_availability(rules.availability),
        refund_grace_days=rules.refund_grace_days,
        expiry_notice_days=rules.expiry_notice_days,
        cash=earn_rule.wire_cash(rules.cash),
        version=rules.version,
        update_time=wire_instant(rules.update_time),
        etag=etag(rules.version),
    )


def _readers(wire: pb.Programme) -> dict[str, Callable[[], tuple[str, Any]]]:
    """How to read each field, as the name and value of the domain's rule."""
    return {
        "earn": lambda: ("earn", _rate(wire.earn, "programme.earn", given=wire.HasField("earn"))),
        "redeem": lambda: ("redeem", _rate(wire.redeem, "programme.redeem", given=wire.HasField("redeem"))),
        "tiers": lambda: ("tiers", tuple(tier_scheme.tier(tier, index) for index, tier in enumerate(wire.tiers))),
        "tier_scheme": lambda: ("scheme", tier_scheme.scheme(wire.tier_scheme)),
        "growth": lambda: (
            "growth",
            _rate(wire.growth, "programme.growth", given=True) if wire.HasField("growth") else None,
        ),
        "tier_window": lambda: ("window", wire.tier_window.ToTimedelta() if wire.HasField("tier_window") else _WINDOW),
        "display_name": lambda: ("display_name", wire.display_name),
        "inactive": lambda: ("active", not wire.inactive),
        "rules": lambda: ("rules", tuple(earn_rule.rule(rule, index) for index, rule in enumerate(wire.rules))),
        "rounding": lambda: ("rounding", earn_rule.rounding(wire.rounding)),
        "scope": lambda: ("scope", earn_rule.scope(wire.scope)),
        "freight_earns": lambda: ("freight_earns", wire.freight_earns),
        "caps": lambda: ("caps", earn_rule.caps(wire.caps)),
        "time_zone": lambda: ("time_zone", wire.time_zone or "UTC"),
        "validity": lambda: ("validity", earn_rule.validity(wire.validity)),
        "availability": lambda: ("availability", earn_rule.availability(wire.availability)),
        "refund_grace_days": lambda: (
            "refund_grace_days",
            wire.refund_grace_days if wire.HasField("refund_grace_days") else None,
        ),
        "expiry_notice_days": lambda: (
            "expiry_notice_days",
            wire.expiry_notice_days if wire.HasField("expiry_notice_days") else 30,
        ),
        "cash": lambda: ("cash", earn_rule.cash(wire.cash)),
    }


def _rate(wire: pb.Rate, field: str, *, given: bool) -> Rate:
    if not given:
        raise invalid(field, "must be given")
    return Rate(wire.points, money(wire.amount, field=f"{field}.amount"))


def _wire_rate(known: Rate) -> pb.Rate:
    return pb.Rate(points=known.points, amount=wire_money(known.amount))
