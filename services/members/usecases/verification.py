"""Proof: recompute what is kept from the log, for one member or for everybody, and say what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

from kit.page import Page
from kit.proof import GENESIS, canonical, hash_of
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

    def publish(self, key_id: str, jwk: str, now: datetime) -> None:
        """Keep a public key for ever, if it is new."""

    def published(self) -> list[str]:
        """The public keys that statements were signed with, the newest first."""

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


class Reconciliation(Protocol):
    """Comparisons of what is kept beside the ledger."""

    def of(self, owner: UUID) -> list[Check]:
        """Every comparison about a member, whose accounts are locked."""

    def stored_holds(self) -> list[Check]:
        """The stored value that is set aside and differs from the payments that are held."""

    def earned(self) -> list[Check]:
        """What purchases earned, where it differs from the entries that name them."""

    def rewards(self) -> list[Check]:
        """The counters of rewards that differ from the redemptions."""

    def redemptions(self) -> list[Check]:
        """The redemptions whose points are not where their state says."""


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
    def reconciliation(self) -> Reconciliation:
        """Comparisons of what is kept beside the ledger."""

    @property
    def audit(self) -> Trail:
        """The trail of manual acts."""


@dataclass(frozen=True, slots=True)
class VerifyMember:
    """Verify one member; `sign` makes a signature of a text, which `key` verifies: a public JWK."""

    member: UUID
    sign: Callable[[str], str]
    key: Mapping[str, str] = field(default_factory=dict)


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
        checks=[
            *books.checks(),
            *unit.reconciliation.of(owner),
            *_tiers(unit, [owner], unit.programmes.current().version).values(),
        ],
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
    if command.key:
        unit.proofs.publish(command.key["kid"], canonical(command.key), unit.now)
    return signed


def keys(unit: Unit, current: Mapping[str, str]) -> list[Mapping[str, str]]:
    """The public keys of all statements, that of today first, then those that were replaced."""
    known: list[dict[str, str]] = [json.loads(jwk) for jwk in unit.proofs.published()]
    return [current, *(key for key in known if key["kid"] != current["kid"])]


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


def stored_holds(unit: Unit) -> list[Check]:
    """Compare the stored value that is set aside with the payments that are held."""
    unit.proofs.plan()
    return unit.reconciliation.stored_holds()


def earned(unit: Unit) -> list[Check]:
    """Compare what purchases earned with the entries that name them."""
    unit.proofs.plan()
    return unit.reconciliation.earned()


def mall(unit: Unit) -> list[Check]:
    """Compare the counters of rewards, and where the points of redemptions are, with the redemptions' states."""
    unit.proofs.plan()
    return [*unit.reconciliation.rewards(), *unit.reconciliation.redemptions()]


WHOLE: Mapping[str, Callable[[Unit], list[Check]]] = MappingProxyType(
    {
        "zero sums": zero_sums,
        "entries without a lot": no_lot,
        "holds": holds,
        "stored value set aside": stored_holds,
        "what purchases earned": earned,
        "rewards and redemptions": mall,
    }
)
"""The comparisons that are not divided into parts."""


def ledger(unit: Unit) -> list[Check]:
    """Compare the whole ledger in one transaction, part by part; answers the differences."""
    found = list[Check]()
    for part in range(_PARTS):
        found += balances(unit, part, _PARTS)
        found += lots(unit, part, _PARTS)
    for compare in WHOLE.values():
        found += compare(unit)
    return [*found, *trail(unit)]


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
