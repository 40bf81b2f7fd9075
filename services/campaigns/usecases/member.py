"""Follow what becomes of members: coupons, purchases and profiles go where a merge or its undoing puts them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from kit import merges
from kit.merges import Link
from services.campaigns.domain.events import EntryCause
from services.campaigns.usecases import coupon, segment
from services.campaigns.usecases.automation import NewId
from services.campaigns.usecases.ports import Work


def follow(unit: Work, links: Sequence[Link], new_id: NewId) -> None:
    """Members became one, or two again; told in any order and however often.

    What came under a member's name belongs to whoever stands for that member now. All of them are judged again, which
    no automation acts on.
    """
    unit.members.change()
    linked = unit.members.link(merges.newest(links))
    if not linked:
        return
    known, before = unit.members.family(linked)
    moved = merges.moved(known, before)
    if moved:
        unit.members.move(moved)
        _judge(unit, {*moved, *moved.values(), *(before[member] for member in moved)}, new_id)


def erase(unit: Work, members: Collection[UUID], new_id: NewId) -> None:
    """Members asked to be forgotten: they leave all segments, their open coupons become void, and what people wrote
    about them is cleared. What they bought stays in the sums."""
    unit.members.change()
    erased = unit.members.erase(members, unit.now)
    if not erased:
        return
    coupon.take_back(unit, list(unit.coupons.lock_all(erased).values()))
    unit.coupons.forget(erased)
    _judge(unit, {*erased}, new_id)


def _judge(unit: Work, members: Collection[UUID], new_id: NewId) -> None:
    unit.segments.keep_rules()
    known = unit.profiles.known(members)
    unit.profiles.recount(known)
    profiles = unit.profiles.touch(sorted(known), unit.now)
    segment.judge_touched(unit, profiles, causes=dict.fromkeys(known, EntryCause.MERGE), new_id=new_id)
