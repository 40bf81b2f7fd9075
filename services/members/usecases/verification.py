"""Proof: recompute what is kept from the log, for one member or for everybody, and say what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from kit.page import Page
from kit.proof import GENESIS, hash_of
from services.members.domain import audit
from services.members.domain.audit import AuditEntry
from services.members.domain.verification import (
    Books,
    Check,
    Kind,
    Signed,
    Sweep,
    Verification,
    check,
    tier_check,
)
from services.members.usecases import ports, tier

_EVERY = timedelta(hours=1)
_ROUND = 500
_PARTS = 4
"""The ledger is swept in so many parts, so that each fits into memory."""

NOBODY = UUID(int=0)


class Proofs(Protocol):
    """Books, comparisons, and what was signed."""

    def books(self, owner: UUID) -> Books:
        """All that is kept of a member, whose accounts stay locked."""

    def plan(self) -> None:
        """From here on statements are planned for all rows and may take their time."""

    def balances(self, part: int, parts: int) -> list[Check]:
        """The balances that differ from their entries."""

    def zero_sums(self) -> list[Check]:
        """The units whose accounts do not sum to zero."""

    def lots(self, part: int, parts: int) -> list[Check]:
        """The lots that differ from their entries."""

    def no_lot(self) -> list[Check]:
        """The accounts of points of which entries without a lot say something."""

    def holds(self) -> list[Check]:
        """What is held and differs from the active holds."""

    def standings(self, after: UUID, rules: int, limit: int) -> Sequence[UUID]:
        """The next members after one who were judged by these rules."""

    def last(self, member: UUID) -> Signed | None:
        """The member's newest statement."""

    def page(self, member: UUID, *, before: int | None, limit: int) -> list[Signed]:
        """The member's statements, the newest first."""

    def add(self, signed: Signed) -> None:
        """Keep a statement."""

    def sweep(self, name: str) -> Sweep | None:
        """What the last sweep found."""

    def keep_sweep(self, name: str, sweep: Sweep) -> None:
        """Keep what a sweep found."""


class Trail(Protocol):
    """The trail of manual acts."""

    def walk(self) -> Iterator[AuditEntry]:
        """The whole of it."""


class Unit(ports.Unit, Protocol):
    """What proof needs of a unit of work."""

    @property
    def proofs(self) -> Proofs:
        """Books, comparisons, and what was signed."""

    @property
    def audit(self) -> Trail:
        """The trail of manual acts."""


@dataclass(frozen=True, slots=True)
class VerifyMember:
    """Verify one member; `sign` makes a signature of a text."""

    member: UUID
    sign: Callable[[str], str]


def verify_member(unit: Unit, command: VerifyMember) -> Signed:
    """Recompute everything that is kept of a member, sign what was found, and keep it.

    Who was merged into another is verified as that one. Raises a Fault for who is no member.
    """
    owner = tier.owner_of(unit, command.member)
    books = unit.proofs.books(owner)
    last = unit.proofs.last(owner)
    verification = Verification(
        owner,
        sequence=last.sequence + 1 if last else 1,
        time=unit.now,
        last_entry=books.last_entry,
        checks=[*books.checks(), *_tiers(unit, [owner], unit.programmes.current().version).values()],
        previous=last.hash if last else GENESIS,
    )
    payload = verification.payload()
    signed = Signed(
        owner,
        verification.sequence,
        verification.time,
        verification.ok,
        verification.previous,
        hash_of(payload),
        command.sign(payload),
    )
    unit.proofs.add(signed)
    return signed


def statements(unit: Unit, member: UUID, page: Page) -> list[Signed]:
    """A page of a member's signed statements, the newest first. Raises a Fault for who is no member."""
    owner = tier.owner_of(unit, member)
    return unit.proofs.page(owner, before=int(page.after[0]) if page.after else None, limit=page.fetch)


def balances(unit: Unit, part: int, parts: int) -> list[Check]:
    """Compare the balances of one part of all accounts with their entries."""
    unit.proofs.plan()
    return unit.proofs.balances(part, parts)


def lots(unit: Unit, part: int, parts: int) -> list[Check]:
    """Compare one part of all lots with their entries."""
    unit.proofs.plan()
    return unit.proofs.lots(part, parts)


def zero_sums(unit: Unit) -> list[Check]:
    """Compare the sum over all accounts of each unit with zero."""
    unit.proofs.plan()
    return unit.proofs.zero_sums()


def no_lot(unit: Unit) -> list[Check]:
    """Compare what entries without a lot add up to with zero."""
    unit.proofs.plan()
    return unit.proofs.no_lot()


def holds(unit: Unit) -> list[Check]:
    """Compare what is held with the active holds."""
    unit.proofs.plan()
    return unit.proofs.holds()


def ledger(unit: Unit) -> list[Check]:
    """Compare the whole ledger in one transaction, part by part; answers the differences."""
    found = list[Check]()
    for part in range(_PARTS):
        found += balances(unit, part, _PARTS)
        found += lots(unit, part, _PARTS)
    return [*found, *zero_sums(unit), *no_lot(unit), *holds(unit), *trail(unit)]


def trail(unit: Unit) -> list[Check]:
    """Where the trail of manual acts is broken."""
    return [check(Kind.AUDIT, fault.partition(" ")[0], "sealed", fault) for fault in audit.faults(unit.audit.walk())]


def tiers(unit: Unit, after: UUID, limit: int = _ROUND) -> tuple[list[Check], UUID | None]:
    """Compare the tier histories of the next members after one; answers the differences, and the last of them.

    Who waits to be judged by newer rules is left out.
    """
    rules = unit.programmes.current().version
    members = unit.proofs.standings(after, rules, limit)
    suspects = [member for member, each in _tiers(unit, members, rules).items() if not each.ok]
    if suspects:  # somebody may have been at work on them meanwhile
        unit.wallets.lock(suspects)
    again = _tiers(unit, suspects, unit.programmes.current().version)
    found = [each for each in again.values() if not each.ok]
    return found, members[-1] if len(members) == limit else None


def sweep_ledger(unit: Unit) -> tuple[Sweep, list[Check]]:
    """Verify the whole ledger once an hour, by whatever replica comes first; answers the newest sweep, and the
    differences if it was this one's."""
    last = unit.proofs.sweep("ledger")
    if last and unit.now < last.time + _EVERY:
        return last, []
    found = ledger(unit)
    return _kept(unit, "ledger", Sweep(unit.now, NOBODY, _counted(found))), found


def sweep_tiers(unit: Unit) -> tuple[Sweep, list[Check]]:
    """Verify the tiers of the next members, and begin anew after the last; answers what this round has found so far
    and the one before it had found, and the differences among these members."""
    last = unit.proofs.sweep("tiers") or Sweep(unit.now, NOBODY, {})
    found, position = tiers(unit, last.position)
    so_far, before = last.differences.get("tier", 0), last.differences.get("tier_before", 0)
    if last.position == NOBODY:
        so_far, before = 0, so_far
    differences = {"tier": so_far + len(found), "tier_before": before}
    return _kept(unit, "tiers", Sweep(unit.now, position or NOBODY, differences)), found


def _tiers(unit: Unit, members: Sequence[UUID], rules: int) -> dict[UUID, Check]:
    standings = unit.tiers.read(members)
    judged = [member for member in members if member in standings and standings[member].rules == rules]
    replayed = tier.replayed(unit, judged)
    return {member: tier_check(member, replayed[member], standings[member].history) for member in judged}


def _counted(found: Sequence[Check]) -> dict[str, int]:
    counts = {kind.value: 0 for kind in Kind if kind is not Kind.TIER}
    for each in found:
        counts[each.kind.value] += 1
    return counts


def _kept(unit: Unit, name: str, sweep: Sweep) -> Sweep:
    unit.proofs.keep_sweep(name, sweep)
    return sweep
