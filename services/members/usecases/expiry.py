"""What the clock does to points, in every programme: they become available, they are about to expire, they expire.

Any number of replicas may sweep at once: each takes what no other has locked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from kit.page import Page
from services.members.domain.events import PointsExpiring
from services.members.domain.programme import Programme
from services.members.domain.validity import days_later
from services.members.usecases.points import Batch
from services.members.usecases.ports import Unit
from services.members.usecases.within import Within

_LAPSES = 10_000
"""Lots that expire in one transaction: some 300 ms of work."""

_MATURING = 500
"""Lots that become available in one transaction."""

_NOTICES = 1_000
"""Members that are told in one transaction."""

_UNDER_WAY = timedelta(minutes=1)
"""By then a transaction is over that grants points, and they can be seen."""

_LAST = UUID(int=2**128 - 1)


def expire(unit: Unit) -> int:
    """Take the points whose time is over; answers how many lots."""
    return sum(unit.wallets_of(programme.id).lapse(unit.now, _LAPSES) for programme in _programmes(unit))


def mature(unit: Unit) -> int:
    """Make pending points available whose time has come; answers for how many members."""
    return sum(_mature(Within(unit, programme.id)) for programme in _programmes(unit))


def announce(unit: Unit) -> int:
    """Tell which points will expire within the days of notice, each member and instant once; answers how many.

    Points that are granted with less than the notice left were told of by who granted them.
    """
    return sum(_announce(unit, programme) for programme in _programmes(unit) if programme.expiry_notice_days)


def _mature(within: Within) -> int:
    members = set(within.wallets.maturing(within.now, _MATURING))
    if not members:
        return 0
    batch = Batch(within, members, wait=False)
    free = [member for member in members if member in batch]
    batch.spending((member, 0) for member in free)
    batch.close()
    return len(free)


def _announce(unit: Unit, programme: Programme) -> int:
    position = unit.expiry_notices.claim(programme.id, unit.now)
    until = days_later(unit.now - _UNDER_WAY, programme.expiry_notice_days, programme.zone)
    if position is None or position[0] >= until:
        return 0
    found = unit.wallets_of(programme.id).expiring(position, until, _NOTICES)
    unit.emit(PointsExpiring(member, points, time, programme.id, unit.now) for member, time, points in found)
    reached = (found[-1][1], found[-1][0]) if len(found) == _NOTICES else (until, _LAST)
    # Once an hour is often enough to move on where nothing is found; each move is a write.
    if found or reached[0] - position[0] >= timedelta(hours=1):
        unit.expiry_notices.save(programme.id, reached)
    return len(found)


def _programmes(unit: Unit) -> Iterator[Programme]:
    page = Page(1_000)
    while True:
        programmes = unit.programmes.latest(page)
        yield from programmes[: page.size]
        if len(programmes) <= page.size:
            return
        page = Page(page.size, (programmes[page.size - 1].id,))
