"""Recalculate past purchases by the newest version of a programme: start it, advance it by the clock, look at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit import names
from kit.errors import Fault
from services.members.domain.audit import Act, Author
from services.members.domain.errors import programme_invalid, programme_not_found
from services.members.domain.errors import rules as refusals
from services.members.domain.programme import DEFAULT, Programme
from services.members.domain.recalculation import Recalculation
from services.members.usecases import purchase
from services.members.usecases.dry_run import assessor_of
from services.members.usecases.earning import Known
from services.members.usecases.points import Batch, attempt
from services.members.usecases.ports import ActingUnit, Unit

_MEMBERS = 100
"""Members whose purchases are recalculated in one transaction."""


@dataclass(frozen=True, slots=True)
class StartRecalculation:
    """Recalculate purchases paid in [start, end)."""

    recalculation: UUID
    programme: str
    start: datetime
    end: datetime
    author: Author


def start(unit: ActingUnit, command: StartRecalculation) -> Recalculation:
    """Begin. Raises a Fault when there is no such programme, it is inactive, or it is being recalculated already."""
    programme = unit.programmes.lock(command.programme)
    if programme is None:
        raise programme_not_found(command.programme)
    if not programme.active:
        raise programme_invalid("inactive", "must not be set, or all points would be taken back")
    if unit.recalculations.running(command.programme):
        raise refusals.recalculation_running(command.programme)
    begun = Recalculation(
        command.recalculation,
        programme.id,
        programme.version,
        command.start,
        command.end,
        command.author.subject,
        create_time=unit.now,
    )
    unit.recalculations.add(begun)
    told = {"version": begun.version, "start": begun.start.isoformat(), "end": begun.end.isoformat()}
    unit.audit.record(Act(command.author, names.join("programmes", programme.id), "recalculated", {}, told))
    return begun


def get(unit: Unit, recalculation: UUID) -> Recalculation:
    """How far it is. Raises a Fault when there is none."""
    found = unit.recalculations.read(recalculation)
    if found is None:
        raise refusals.recalculation_not_found(recalculation)
    return found


def advance(unit: Unit) -> int:
    """Recalculate the purchases of some members, of one recalculation; answers how many purchases.

    Any number of replicas may do this: one of them has the recalculation locked, the others leave it alone.
    """
    job = unit.recalculations.claim()
    if job is None:
        return 0
    programme = unit.programmes.versions(job.programme)[job.version]
    members = unit.recalculations.members(job, programme.currency, _MEMBERS)
    if not members:
        unit.recalculations.save(job.ended(unit.now))
        return 0
    done = attempt(_recalculate, unit, job, programme, members)
    if isinstance(done, Fault):
        unit.recalculations.save(job.stopped(unit.now))
        return 0
    purchases, changed, points = done
    unit.recalculations.save(job.advanced(members[-1], purchases=purchases, changed=changed, points=points))
    return purchases


def _recalculate(unit: Unit, job: Recalculation, programme: Programme, members: list[UUID]) -> tuple[int, int, int]:
    """Post the differences for members' purchases; answers how many there are, how many changed, and by how much.

    Raises a Fault, before anything is written, when one would earn more than can be posted.
    """
    batch = Batch(unit, members)
    known: Known = {(each.member, each.order): each for each in unit.purchases.of(members)}
    due = {
        key: each
        for key, each in known.items()
        if job.start <= each.pay_time < job.end and each.net.currency == programme.currency
    }
    if programme.id == DEFAULT:
        due = {key: each for key, each in due.items() if each.rules < programme.version}
    assessor = assessor_of(unit, due, programme.id)
    assessed = [
        assessor.one(due[key], {programme.id: programme})
        for key in sorted(due, key=lambda key: (due[key].pay_time, key))
    ]
    differences = [each.points(programme.id) - each.before.get(programme.id, 0) for each in assessed]
    programmes = unit.programmes.all()
    changed = purchase.apply(unit, batch, assessed, known, programmes, assessor.persons, only=programme.id)
    purchase.finish(unit, batch, [], {**known, **changed}, changed, programmes)
    return len(assessed), sum(1 for each in differences if each), sum(differences)
