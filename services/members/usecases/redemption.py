"""Redemptions: ask for one, pay it, give it up, let it expire, take it back. The commands are sets, as those of points
are: concurrent calls share one transaction, and one that is refused leaves its neighbours alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from kit.errors import Fault
from kit.money import Money
from kit.page import Page
from services.members.domain import errors as members_errors
from services.members.domain.audit import NOBODY, Act, Author
from services.members.domain.errors import mall as errors
from services.members.domain.programme import DEFAULT
from services.members.domain.redemption import Redemption, State
from services.members.domain.reward import Share
from services.members.usecases.mall_ports import MallUnit
from services.members.usecases.points import attempt
from services.members.usecases.redemption_desk import Desk

_SWEEP = 1_000
"""Redemptions that expire in one transaction."""

_AT_ONCE = timedelta(minutes=1)
"""How long a hold lasts that is confirmed in the transaction that places it."""


@dataclass(frozen=True, slots=True)
class Redeem:
    """Redeem so many of a reward. `redemption` and `hold` are the ids that they get; a cash price must be paid within
    `ttl`."""

    redemption: UUID
    hold: UUID
    member: UUID
    reward: UUID
    quantity: int
    store: str
    ttl: timedelta


@dataclass(frozen=True, slots=True)
class Confirm:
    """The cash price of a redemption is paid. `hold` is the id of a new hold, if the first has run out."""

    member: UUID
    redemption: UUID
    payment: str
    paid: Money
    hold: UUID


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give up a redemption that waits for its payment."""

    member: UUID
    redemption: UUID


@dataclass(frozen=True, slots=True)
class Refund:
    """Take a confirmed redemption back; `payment` gave the cash back, if there was any. Restocked pieces can be had
    again."""

    member: UUID
    redemption: UUID
    payment: str
    restock: bool
    author: Author = NOBODY


@dataclass(frozen=True, slots=True)
class Filter:
    """Which redemptions to list; None is any."""

    member: UUID | None = None
    reward: UUID | None = None
    state: State | None = None


def redeem(unit: MallUnit, commands: Sequence[Redeem]) -> list[Redemption | Fault]:
    """Redeem points. What costs no cash is confirmed at once; what does waits for its payment.

    Refused for a reward that is not on sale, sold out or not for the member, beyond a limit, or without the points.
    """
    desk = Desk(unit, {command.member for command in commands})
    desk.open({command.reward for command in commands})
    known = [command for command in commands if desk.has(command.reward) and command.member in desk]
    offers = [desk.reward(command.reward).offer for command in known]
    desk.look_up({Share(each.reward, desk.member(each.member), _today(desk, each.reward)) for each in known})
    desk.spending(
        (offer.programme, command.member, offer.points * command.quantity)
        for command, offer in zip(known, offers, strict=True)
    )
    gates = _Gates.of(unit, desk, known)
    outcomes = [attempt(_ask, desk, command, gates) for command in commands]
    desk.close()
    return outcomes


def confirm(unit: MallUnit, commands: Sequence[Confirm]) -> list[Redemption | Fault]:
    """Take payments. A payment that comes late is honoured if points, stock and limits can be had once more; the Fault
    of one that can't be says that it must be given back."""
    desk = Desk(unit, {command.member for command in commands})
    known = desk.reopen({command.redemption for command in commands})
    late = [each for each in known if each.overdue(unit.now) and each.member in desk]
    desk.look_up({each.share for each in late})
    desk.spending((each.programme, each.member, each.points) for each in late)
    taken = dict(unit.redemptions.paid({command.payment for command in commands}))
    outcomes = [attempt(_pay, desk, command, taken) for command in commands]
    desk.close()
    return outcomes


def cancel(unit: MallUnit, commands: Sequence[Cancel]) -> list[Redemption | Fault]:
    """Give up redemptions that wait for their payment: points, stock and limits come back."""
    desk = Desk(unit, {command.member for command in commands})
    desk.reopen({command.redemption for command in commands})
    outcomes = [attempt(_cancel, desk, command) for command in commands]
    desk.close()
    return outcomes


def refund(unit: MallUnit, commands: Sequence[Refund]) -> list[Redemption | Fault]:
    """Take redemptions back that were confirmed: the points return to the lots that they came from."""
    desk = Desk(unit, {command.member for command in commands})
    desk.reopen({command.redemption for command in commands})
    taken = dict(unit.redemptions.given_back({command.payment for command in commands if command.payment}))
    outcomes = [attempt(_refund, unit, desk, command, taken) for command in commands]
    desk.close()
    return outcomes


def expire(unit: MallUnit) -> int:
    """End redemptions that were not paid in time, the oldest first; answers how many.

    Members that another transaction works on are left to the next round, so any number of replicas may sweep.
    """
    due = unit.redemptions.due(unit.now, _SWEEP)
    if not due:
        return 0
    desk = Desk(unit, set(due.values()), wait=False)
    known = desk.reopen({redemption for redemption, member in due.items() if member in desk})
    ended = [_lapse(desk, each) for each in known]
    desk.close()
    return sum(ended)


def get(unit: MallUnit, member: UUID, redemption: UUID) -> Redemption:
    """A member's redemption. Raises a Fault when there is none."""
    found = unit.redemptions.read([redemption]).get(redemption)
    if found is None or (found.member != member and found.member != _present(unit, member)):
        raise errors.redemption_not_found(member, redemption)
    return found


def page(unit: MallUnit, page: Page, only: Filter) -> list[Redemption]:
    """A page of redemptions, the newest first. Raises a Fault when there is no such member."""
    member = None if only.member is None else _present(unit, only.member)
    return unit.redemptions.page(page, member=member, reward=only.reward, state=only.state)


def _present(unit: MallUnit, member: UUID) -> UUID:
    """The member, or who took over if they were merged. Raises a Fault when there is no such member."""
    if not unit.wallets.read([member]):
        raise members_errors.member_not_found(member)
    return unit.wallets.heir(member)


def _today(desk: Desk, reward: UUID) -> str:
    """The day for which a redemption of a reward counts, in the zone of the programme that it costs points of."""
    zone = desk.batches.programme(desk.reward(reward).offer.programme).zone
    return desk.now.astimezone(zone).date().isoformat()


def _ask(desk: Desk, command: Redeem, gates: _Gates) -> Redemption:
    reward = desk.reward(command.reward)
    asked = Redemption.asked(
        command.redemption,
        reward,
        command.quantity,
        member=desk.member(command.member),
        hold=command.hold,
        day=_today(desk, command.reward),
        store=command.store,
        now=desk.now,
        ttl=command.ttl,
    )
    reward.check_open(desk.now)
    reward.check_member(gates.reached.get(asked.member, ()), gates.tags.get(asked.member, ()))
    desk.check(asked)
    if asked.cash is not None:
        desk.place(asked, command.ttl)
        return desk.keep(asked)
    desk.place(asked, _AT_ONCE)
    desk.spend(asked)
    return desk.keep(*asked.confirmed(reward, "", desk.now))


def _pay(desk: Desk, command: Confirm, taken: dict[str, UUID]) -> Redemption:
    known = desk.redemption(command.member, command.redemption)
    if known.check_payment(command.payment, command.paid):
        return known
    if taken.get(command.payment, known.id) != known.id:
        raise errors.payment_taken("payment")
    if known.overdue(desk.now):
        known = _ask_again(desk, known, command.hold)
    desk.spend(known)
    taken[command.payment] = known.id
    return desk.keep(*known.confirmed(desk.reward(known.reward), command.payment, desk.now))


def _ask_again(desk: Desk, known: Redemption, hold: UUID) -> Redemption:
    """A redemption whose time is over, with another hold at the price of then. Raises a Fault if it can't be had."""
    _lapse(desk, known)
    again = desk.redemption(known.member, known.id).with_hold(hold)
    try:
        desk.check(again)
        desk.place(again, _AT_ONCE)
    except Fault as fault:
        raise errors.redemption_expired(known.id, fault.reason) from fault
    return again


def _cancel(desk: Desk, command: Cancel) -> Redemption:
    known = desk.redemption(command.member, command.redemption)
    cancelled, facts = known.cancelled(desk.now)
    if cancelled is not known:
        desk.release(known)
    return desk.keep(cancelled, facts)


def _refund(unit: MallUnit, desk: Desk, command: Refund, taken: dict[str, UUID]) -> Redemption:
    known = desk.redemption(command.member, command.redemption)
    refunded, facts = known.refunded(command.payment, desk.now, restock=command.restock)
    if refunded is known:
        return known
    if command.payment and taken.setdefault(command.payment, known.id) != known.id:
        raise errors.payment_taken("refund_payment")
    desk.give_back(known)
    was, is_ = ({"state": each.state.value} for each in (known, refunded))
    unit.audit.record(Act(command.author, refunded.source, command.payment or "refunded", was, is_))
    return desk.keep(refunded, facts)


def _lapse(desk: Desk, known: Redemption) -> bool:
    """End a redemption whose time is over; answers whether it had not ended yet."""
    expired, facts = known.expired(desk.now)
    if expired is not known:
        desk.lapse(known)
        desk.keep(expired, facts)
    return expired is not known


class _Gates(NamedTuple):
    """What decides for whom rewards are: the tiers that members have reached, the present one and those below it, and
    their tags. Of members is known what the rewards ask for that they redeem."""

    reached: Mapping[UUID, Collection[str]]
    tags: Mapping[UUID, Collection[str]]

    @classmethod
    def of(cls, unit: MallUnit, desk: Desk, commands: Sequence[Redeem]) -> _Gates:
        """What these commands need; nothing is read for rewards that are for all."""
        asked = [(desk.member(command.member), desk.reward(command.reward).offer) for command in commands]
        tiered, tagged = (
            {member for member, offer in asked if offer.tier},
            {member for member, offer in asked if offer.tag},
        )
        order = [tier.id for tier in desk.batches.programme(DEFAULT).tiers]
        tiers = unit.tiers.at(tiered, unit.now) if tiered else {}
        members = unit.members.read(tagged) if tagged else {}
        return cls(
            {member: order[: order.index(tier) + 1] for member, (tier, _) in tiers.items() if tier in order},
            {key: member.tags for key, member in members.items()},
        )
