"""What came of rewards that other services deliver, which they tell once, early or late, and perhaps twice; and of the
cash of those that can't be delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.members.domain.redemption import Redemption, State
from services.members.usecases.mall_ports import MallUnit
from services.members.usecases.redemption_desk import Desk

_SWEEP = 1_000
"""Redemptions that are taken back in one transaction."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The reward of a redemption was delivered; with a `reason` it can't be."""

    member: UUID
    redemption: UUID
    reason: str = ""


def settle(unit: MallUnit, outcomes: Sequence[Outcome]) -> list[Redemption]:
    """Fulfil what was delivered, and take back what can't be: points, stock and limits come back. Answers the
    redemptions for which cash was paid, that somebody has to give back.

    What was fulfilled or taken back before stays as it is. Raises a Fault when there is no such redemption: the event
    can't be used.
    """
    desk = Desk(unit, {outcome.member for outcome in outcomes})
    desk.reopen({outcome.redemption for outcome in outcomes})
    settled = [_settled(desk, outcome) for outcome in outcomes]
    desk.close()
    return [each for each, outcome in zip(settled, outcomes, strict=True) if outcome.reason and each.waits_for_cash]


def settle_cash(unit: MallUnit) -> int:
    """Take back what was refused and paid by an order that was refunded in full, before or since; answers for how many
    others somebody has to give cash back.

    Members that another transaction works on are left to the next round, so any number of replicas may sweep.
    """
    due = unit.redemptions.repaid(_SWEEP)
    if due:
        desk = Desk(unit, set(due.values()), wait=False)
        for known in desk.reopen({redemption for redemption, member in due.items() if member in desk}):
            _taken_back(desk, known, *known.repaid(desk.now))
        desk.close()
    return unit.redemptions.waiting()


def _settled(desk: Desk, outcome: Outcome) -> Redemption:
    known = desk.redemption(outcome.member, outcome.redemption)
    if not outcome.reason:
        return desk.keep(known.delivered(desk.now))
    return _taken_back(desk, known, *known.refused(outcome.reason, desk.now))


def _taken_back(desk: Desk, known: Redemption, after: Redemption, facts: Sequence[object]) -> Redemption:
    if after is not known and after.state is State.REFUNDED:
        desk.give_back(known)
    return desk.keep(after, facts)
