"""Check-ins between the wire and the use-cases."""

from __future__ import annotations

from datetime import date

from google.type.date_pb2 import Date
from kehu.members.v1 import check_ins_pb2 as pb

from kit import names
from kit.errors import invalid
from kit.rpc.convert import wire_instant
from services.members.domain.check_in import CheckIn
from services.members.domain.daily_limit import Origin
from services.members.usecases.check_in import Calendar, MakeUp, Month

_FIRST_YEAR, _LAST_YEAR = 2000, 2999
"""Years in which a day may lie: a day's neighbours must be days too."""


def origin(request: pb.CreateCheckInRequest) -> Origin:
    """Who checks in, and from where."""
    return Origin(names.id_of("members", request.parent, field="parent"), request.device, request.store)


def make_up(request: pb.MakeUpCheckInRequest) -> MakeUp:
    """Read a request to fill a day."""
    return MakeUp(names.id_of("members", request.parent, field="parent"), day(request.day, field="day"))


def month(request: pb.GetCheckInCalendarRequest) -> Month:
    """Read which month is asked for."""
    member = names.parse("members/{member}/checkInCalendar", request.name)["member"]
    if not request.year and not request.month:
        return Month(member, None)
    return Month(member, day(Date(year=request.year, month=request.month, day=1), field="month"))


def day(wire: Date, *, field: str) -> date:
    """Read a day. Raises a Fault on `field` unless it is one."""
    if not _FIRST_YEAR <= wire.year <= _LAST_YEAR:
        raise invalid(field, f"must be a day of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    try:
        return date(wire.year, wire.month, wire.day)
    except ValueError:
        raise invalid(field, "must be a day of the calendar") from None


def render(known: CheckIn) -> pb.CheckIn:
    """Show a check-in."""
    return pb.CheckIn(
        member=names.join("members", known.member),
        day=_date(known.day),
        streak=known.streak,
        points=known.points,
        bonus_points=known.bonus,
        made_up=known.made_up,
        create_time=wire_instant(known.create_time),
    )


def calendar(known: Calendar) -> pb.CheckInCalendar:
    """Show a month of check-ins."""
    return pb.CheckInCalendar(
        name=names.join("members", known.member, "checkInCalendar"),
        month=Date(year=known.first.year, month=known.first.month),
        check_ins=[render(each) for each in known.check_ins],
        streak=known.streak,
        checked_in_today=known.checked_in_today,
        make_ups_left=known.make_ups_left,
    )


def _date(known: date) -> Date:
    return Date(year=known.year, month=known.month, day=known.day)
