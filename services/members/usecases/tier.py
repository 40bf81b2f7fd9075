"""Tiers: judge members by all that counts, announce what changes, give tiers by hand, and tell where members stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from kit import names
from kit.errors import Fault
from kit.page import Page
from kit.wire import instant
from services.members.domain import errors
from services.members.domain.audit import Act, Author
from services.members.domain.errors import tiers as refusals
from services.members.domain.events import TierChanged
from services.members.domain.programme import BASE, Programme, in_force
from services.members.domain.tier import Gain, Standing, TierChange
from services.members.domain.tier_eras import by_the_day, eras
from services.members.domain.tier_override import TierOverride, running
from services.members.domain.tier_scheme import Benefits, Metric, Window
from services.members.domain.tier_status import Log, TierStatus, status_at
from services.members.usecases.ports import ActingUnit, Unit

_ROUND = 1_000
"""Members that are judged in one transaction of a timer: some 500 ms of work. When a year turns, all are due at once;
their tiers are read right from the first moment, for the history tells them, only the events take their time."""


@dataclass(frozen=True, slots=True)
class OverrideTier:
    """Give a member a tier until a moment; with neither, take back what was given."""

    member: UUID
    reason: str
    author: Author
    tier: str = ""
    end_time: datetime | None = None


class Standings(NamedTuple):
    """Where a member stands, by which rules."""

    status: TierStatus
    programme: Programme


class Entitled(NamedTuple):
    """A member's tier, until when, and what it is good for."""

    member: UUID
    tier: str
    expire_time: datetime | None
    benefits: Benefits


def judge(unit: Unit, standings: Mapping[UUID, Standing], programme: Programme) -> list[TierChanged]:
    """Set the histories of locked members right by all that counts for them and is kept; answers the facts."""
    gains = _gains(unit, standings, programme)
    joined = _joined(unit, standings, programme)
    judged = [
        (standing, *standing.judged(gains[member], programme, unit.now, joined.get(member)))
        for member, standing in standings.items()
    ]
    return _keep(unit, judged, programme)


def rejudge(unit: Unit, members: Collection[UUID]) -> None:
    """Judge members anew after what counts for them was changed, such as by a merge, and announce what follows."""
    unit.wallets.lock(members)
    standings = unit.tiers.read(members)
    unit.emit(judge(unit, standings, unit.programmes.current()))


def replayed(unit: Unit, members: Collection[UUID]) -> dict[UUID, list[TierChange]]:
    """The histories of members as they follow from the log, from zero; those that are kept must equal them."""
    programme = unit.programmes.current()
    return {member: log.history(programme) for member, log in _logs(unit, members, programme).items()}


def advance(unit: Unit) -> int:
    """Announce the changes that time has brought about, such as a tier that ran out; answers for how many members."""
    due = _claim(unit, unit.tiers.due(unit.now, _ROUND))
    if due:
        judged = [(standing, *standing.advanced(unit.now)) for standing in due.values()]
        unit.emit(_keep(unit, judged, unit.programmes.current()))
    return len(due)


def requalify(unit: Unit) -> int:
    """Judge members anew who were judged by older rules; answers how many."""
    programme = unit.programmes.current()
    standings = _claim(unit, unit.tiers.outdated(programme.version, _ROUND))
    unit.emit(judge(unit, standings, programme))
    return len(standings)


def changes(unit: Unit, member: UUID, page: Page) -> list[TierChange]:
    """A page of a member's tier changes up to now, each by the rules of its day, the newest first. Raises a Fault when
    there is no such member."""
    before = datetime.fromisoformat(page.after[0]) if page.after else None
    past = [change for change in _told(unit, owner_of(unit, member)) if change.time <= unit.now]
    return [change for change in reversed(past) if before is None or change.time < before][: page.fetch]


def override(unit: ActingUnit, command: OverrideTier) -> Standings:
    """Give a tier by hand, or take it back. Raises a Fault when there is no such tier, its time is over, or there is
    nothing to take back."""
    programme = unit.programmes.current()
    unit.wallets.lock([command.member])
    owner = owner_of(unit, command.member)
    before = unit.tiers.read([owner])[owner]
    _do(unit, before, _act(unit, command, before.overrides, programme))
    shown = status(unit, owner, None)
    unit.audit.record(_recorded(command, owner, running(before.overrides, unit.now), shown.status))
    return shown


def inherit(unit: Unit, member: UUID, given: TierOverride) -> TierOverride | None:
    """Let a locked member have the tier that was given to another one by hand, for the rest of its time, if it is
    higher than the member's own; answers the act."""
    known = [BASE, *(tier.id for tier in unit.programmes.current().tiers)]
    before = unit.tiers.read([member])[member]
    if given.tier not in known or known.index(given.tier) <= known.index(before.tier):
        return None
    return _do(unit, before, replace(given, time=_next(unit, before.overrides)))


def disinherit(unit: Unit, member: UUID, inherited: int, *, author: Author, reason: str) -> None:
    """Take back from a locked member what `inherit` gave. What was given to the member before holds again, for the rest
    of its time. If something else was done by hand since, that stays."""
    standing = unit.tiers.read([member])[member]
    *earlier, last = standing.overrides
    if last.id != inherited:
        return
    now = _next(unit, standing.overrides)
    before = running(earlier, now) or TierOverride(now, "", None, "", "")
    _do(unit, standing, replace(before, time=now, reason=reason, actor=author.subject))


def overrides(unit: Unit, member: UUID, page: Page) -> list[TierOverride]:
    """A page of what was done by hand about a member's tier, the newest first. Raises a Fault when there is no such
    member."""
    return unit.tiers.overrides(owner_of(unit, member), page)


def status(unit: Unit, member: UUID, time: datetime | None) -> Standings:
    """Where a member stands, now or at a past instant: then by the version of the rules that was in force at it. Raises
    a Fault when there is no such member."""
    owner = owner_of(unit, member)
    at = min(time or unit.now, unit.now)
    programme = in_force(unit.programmes.versions(), at) if at < unit.now else unit.programmes.current()
    log = _logs(unit, [owner], programme)[owner]
    since = max((change.time for change in _told(unit, owner) if change.time <= at), default=None)
    return Standings(replace(status_at(log, programme, at), since=since), programme)


def benefits(unit: Unit, members: Sequence[UUID]) -> list[Entitled | Fault]:
    """What the present tiers of many members are good for."""
    programme = unit.programmes.current()
    wallets = unit.wallets.read(set(members))
    tiers = unit.tiers.at(wallets, unit.now)
    return [
        _entitled(unit.wallets.heir(member), tiers, programme)
        if unit.wallets.heir(member) in wallets
        else errors.member_not_found(member)
        for member in members
    ]


def owner_of(unit: Unit, member: UUID) -> UUID:
    """The member, or who took the member over by a merge. Raises a Fault when there is no such member."""
    wallets = unit.wallets.read([member])
    owner = unit.wallets.heir(member)
    if owner not in wallets:
        raise errors.member_not_found(member)
    return owner


def _entitled(owner: UUID, tiers: Mapping[UUID, tuple[str, datetime | None]], programme: Programme) -> Entitled:
    tier, coming = tiers.get(owner, (BASE, None))
    return Entitled(owner, tier, coming, programme.benefits(tier))


def _told(unit: Unit, owner: UUID) -> list[TierChange]:
    """Every change of a member's tier by the rules of its day, past and to come."""
    return by_the_day(
        [
            (era, _logs(unit, [owner], era.programme)[owner].history(era.programme))
            for era in eras(unit.programmes.versions())
        ]
    )


def _logs(unit: Unit, members: Collection[UUID], programme: Programme) -> dict[UUID, Log]:
    """All that the members' tiers follow from."""
    standings = unit.tiers.read(members)
    gains = _gains(unit, standings, programme)
    joined = _joined(unit, standings, programme)
    return {
        member: Log(member, gains[member], standing.overrides, joined.get(member))
        for member, standing in standings.items()
    }


def _gains(unit: Unit, members: Collection[UUID], programme: Programme) -> dict[UUID, list[Gain]]:
    """What counts for each member, by the programme's metric."""
    gains: dict[UUID, list[Gain]] = {member: [] for member in members}
    for member, time, amount in _counting(unit, members, programme):
        gains[member].append(Gain(time, amount))
    return gains


def _counting(unit: Unit, members: Collection[UUID], programme: Programme) -> list[tuple[UUID, datetime, int]]:
    match programme.scheme.metric:
        case Metric.SPENT:
            return unit.purchases.spent(members, programme.currency)
        case Metric.EARNED:
            return unit.purchases.earned(members)
        case Metric.GROWTH:
            return unit.growth.log(members)


def _joined(unit: Unit, members: Collection[UUID], programme: Programme) -> dict[UUID, datetime]:
    """When the members joined, if tiers go by that."""
    return unit.tiers.joined(members) if programme.scheme.window is Window.ANNIVERSARY else {}


def _act(unit: Unit, command: OverrideTier, acts: Sequence[TierOverride], programme: Programme) -> TierOverride:
    """The act to keep, after all others even if another replica's clock is ahead."""
    now = _next(unit, acts)
    if command.end_time is None:
        if running(acts, now) is None:
            raise refusals.tier_override_missing(command.member)
    elif command.end_time <= now:
        raise refusals.tier_override_ended()
    elif command.tier != BASE and command.tier not in {tier.id for tier in programme.tiers}:
        raise refusals.tier_not_found(command.tier)
    return TierOverride(now, command.tier, command.end_time, command.reason, command.author.subject)


def _next(unit: Unit, acts: Sequence[TierOverride]) -> datetime:
    return max([unit.now, *(act.time for act in acts)])


def _do(unit: Unit, standing: Standing, act: TierOverride) -> TierOverride:
    """Keep an act on a locked member, and announce what follows; answers it with its id."""
    done = unit.tiers.add_override(standing.member, act)
    after = replace(standing, overrides=[*standing.overrides, done])
    unit.emit(judge(unit, {standing.member: after}, unit.programmes.current()))
    return done


def _recorded(command: OverrideTier, owner: UUID, before: TierOverride | None, after: TierStatus) -> Act:
    subject = names.join("members", owner, "tierStatus")
    return Act(command.author, subject, command.reason, _given(before), {**_given(after.override), "now": after.tier})


def _given(given: TierOverride | None) -> dict[str, Any]:
    """A tier that was given by hand, for the audit trail."""
    if given is None or given.end_time is None:
        return {"override": ""}
    return {"override": given.tier, "end_time": instant(given.end_time)}


def _claim(unit: Unit, members: Sequence[UUID]) -> dict[UUID, Standing]:
    """The standings of those members on whom nobody else works at the moment; the others have their next turn."""
    return unit.tiers.read(unit.wallets.lock(members, wait=False)) if members else {}


def _keep(
    unit: Unit, judged: Sequence[tuple[Standing, Standing, list[TierChanged]]], programme: Programme
) -> list[TierChanged]:
    """Keep the standings that differ from what they were; answers the facts, with what the tiers are good for."""
    unit.tiers.save([(before, after) for before, after, _ in judged if after is not before])
    return [replace(fact, benefits=programme.benefits(fact.to_tier)) for _, _, facts in judged for fact in facts]
