"""Fair assignment: who gets the next lead, so that nobody is ever a whole lead away from the fair share.

The rule is that of apportionment with quotas, taken as a schedule. In a period of constant candidates with weights
w of sum W, a candidate's quota after k leads is k*w/W. Among those who stay less than one lead above their quota when
they get it, the next lead goes to the one whose next lead is due first, at (given + 1) * W/w. Then |given - quota| < 1
after every lead: each lead of each candidate has a window of time, the windows can be met together, and earliest
deadline first meets them wherever that is possible. Largest deficit first, the usual way, breaks the bound.

Ties go round: to the candidate who has waited longest. When the candidates or weights change, a new period begins from
nothing, so absence leaves neither a debt nor a flood; the queue for ties alone goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

from services.pipeline.domain.rep import Rep

RULE = "weighted-quota/1"


def rule_of(org: str) -> str:
    """The rule for the leads of a part of the organisation, which has shares of its own; of all for the empty path."""
    return f"{RULE} {org}" if org else RULE


class Standing(StrEnum):
    """What the rule said of a candidate."""

    CHOSEN = "CHOSEN"
    LATER = "LATER"
    QUOTA_FULL = "QUOTA_FULL"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sales person in the eyes of the rule, just before the choice."""

    rep: UUID
    weight: int
    given: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom the rule chose and what it saw: enough to choose again and compare.

    `candidates` stand in the order of the queue for ties.
    """

    owner: UUID
    period: int
    sequence: int
    reason: str
    candidates: tuple[Candidate, ...]
    rule: str = RULE


@dataclass(frozen=True, slots=True)
class Assignment:
    """A choice that was made for a lead."""

    lead: UUID
    choice: Choice
    assign_time: datetime


@dataclass(frozen=True, slots=True)
class Share:
    """What a candidate weighs, and has been given in this period."""

    weight: int
    given: int = 0


@dataclass(frozen=True, slots=True)
class Rotation:
    """Where the rule stands, for all or for a part of the organisation: `rule` says which. `queue` holds everybody
    ever seen, those who waited longest first."""

    period: int = 0
    shares: Mapping[UUID, Share] = field(default_factory=dict)
    queue: tuple[UUID, ...] = ()
    rule: str = RULE

    def assign(self, reps: Sequence[Rep]) -> tuple[Rotation, Choice | None]:
        """Choose the owner of the next lead among all sales people; nobody, when none is available."""
        before = _among(self, reps)
        if not before.shares:
            return before, None
        eligible = _with_room(before)
        owner, reason = _due(before, eligible)
        share = before.shares[owner]
        after = replace(
            before,
            shares={**before.shares, owner: replace(share, given=share.given + 1)},
            queue=(*(rep for rep in before.queue if rep != owner), owner),
        )
        known = {rep.id: rep for rep in reps}
        in_turn = [known[rep] for rep in before.queue if rep in known]
        candidates = tuple(_seen(rep, before.shares.get(rep.id), owner=owner, eligible=eligible) for rep in in_turn)
        return after, Choice(owner, before.period, before.total + 1, reason, candidates, self.rule)

    @property
    def total(self) -> int:
        """How many leads were given in this period."""
        return sum(share.given for share in self.shares.values())


def _among(rotation: Rotation, reps: Sequence[Rep]) -> Rotation:
    """The same period while its candidates and weights last, else a new one. Newcomers queue at the end."""
    weights = {rep.id: rep.weight for rep in reps if rep.available}
    newcomers = sorted({rep.id for rep in reps}.difference(rotation.queue))
    queue = (*rotation.queue, *newcomers)
    if weights == {rep: share.weight for rep, share in rotation.shares.items()}:
        return replace(rotation, queue=queue)
    return Rotation(rotation.period + 1, {rep: Share(weight) for rep, weight in weights.items()}, queue, rotation.rule)


def _with_room(rotation: Rotation) -> frozenset[UUID]:
    """Those whom one lead more leaves less than one lead above their quota."""
    weight, number = sum(share.weight for share in rotation.shares.values()), rotation.total + 1
    return frozenset(rep for rep, share in rotation.shares.items() if share.given * weight < number * share.weight)


def _due(rotation: Rotation, eligible: frozenset[UUID]) -> tuple[UUID, str]:
    """Whose next lead is due first, and why."""
    deadlines = {rep: Fraction(rotation.shares[rep].given + 1, rotation.shares[rep].weight) for rep in eligible}
    earliest = min(deadlines.values())
    tied = [rep for rep in rotation.queue if deadlines.get(rep) == earliest]
    if len(tied) == 1:
        return tied[0], f"due first among {len(eligible)} with room in their quota"
    return tied[0], f"waited longest among {len(tied)} who are due at the same time"


def _seen(rep: Rep, share: Share | None, *, owner: UUID, eligible: frozenset[UUID]) -> Candidate:
    if share is None:
        return Candidate(rep.id, rep.weight, 0, Standing.UNAVAILABLE)
    standing = Standing.LATER if rep.id in eligible else Standing.QUOTA_FULL
    return Candidate(rep.id, share.weight, share.given, Standing.CHOSEN if rep.id == owner else standing)
