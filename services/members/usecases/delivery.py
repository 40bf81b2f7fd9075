"""What came of rewards that other services deliver: they tell it once, early or late, and perhaps twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.members.domain.redemption import Redemption
from services.members.usecases.mall_ports import MallUnit
from services.members.usecases.redemption_desk import Desk


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


def _settled(desk: Desk, outcome: Outcome) -> Redemption:
    known = desk.redemption(outcome.member, outcome.redemption)
    if not outcome.reason:
        return desk.keep(known.delivered(desk.now))
    after, facts = known.refused(outcome.reason, desk.now)
    if facts:
        desk.give_back(known)
    return desk.keep(after, facts)
