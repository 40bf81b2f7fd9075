"""Growth value comes and goes, by hand and by orders, and tiers follow if they go by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit import names
from kit.errors import Fault
from kit.page import Page
from kit.posting import Cause, Transfer
from services.members.domain import errors
from services.members.domain.audit import NOBODY, Act, Author
from services.members.domain.errors import tiers as refusals
from services.members.domain.growth import Growth, GrowthPosted
from services.members.domain.programme import Programme
from services.members.domain.purchase import Purchase
from services.members.domain.tier_scheme import Metric
from services.members.usecases import tier
from services.members.usecases.points import attempt
from services.members.usecases.ports import ActingUnit, Unit


@dataclass(frozen=True, slots=True)
class ChangeGrowth:
    """Add growth value to a member's, or deduct it, as of `time` (by default now)."""

    member: UUID
    value: int
    source: str
    time: datetime | None = None
    author: Author = NOBODY


def add(unit: ActingUnit, commands: Sequence[ChangeGrowth]) -> list[Growth | Fault]:
    """Add growth value; answers it after each command."""
    return _change(unit, commands, lambda growth, command: growth.add(command.value, _cause(unit, "ADD", command)))


def deduct(unit: ActingUnit, commands: Sequence[ChangeGrowth]) -> list[Growth | Fault]:
    """Deduct growth value; answers it after each command. Refused when there is less."""
    return _change(
        unit, commands, lambda growth, command: growth.deduct(command.value, _cause(unit, "DEDUCT", command))
    )


def settle(unit: Unit, purchases: Sequence[Purchase], programmes: Mapping[int, Programme]) -> None:
    """Post the differences between what purchases of locked members should have earned and what they have.

    As with points, an order earns by the rules of the moment at which it was first heard of.
    """
    if not any(programme.growth for programme in programmes.values()):
        return
    earned = unit.growth.earned([(purchase.member, purchase.order) for purchase in purchases])
    wanted = {(each.member, each.order): programmes[each.rules].grown(each.net) for each in purchases}
    changed = {key: growth for key, growth in wanted.items() if growth != earned.get(key, 0)}
    if not changed:
        return
    of = {(purchase.member, purchase.order): purchase for purchase in purchases}
    accounts = unit.growth.lock({member for member, _ in changed})
    transfers: list[Transfer] = []
    for key, growth in changed.items():
        difference, member = growth - earned.get(key, 0), key[0]
        cause = Cause("ORDER" if difference > 0 else "ORDER_REFUND", of[key].source, of[key].pay_time)
        account = accounts[member]
        moved = account.add(difference, cause) if difference > 0 else account.claw_back(-difference, cause)
        accounts[member], posted = moved
        transfers += posted
    unit.growth.post(transfers, unit.now)
    unit.growth.save_earned(changed)


def read(unit: Unit, member: UUID) -> Growth:
    """A member's growth value. Raises a Fault when there is no such member."""
    owner = tier.owner_of(unit, member)
    return unit.growth.read([owner]).get(owner, Growth(owner))


def entries(unit: Unit, member: UUID, page: Page) -> list[GrowthPosted]:
    """A page of the entries of a member's growth value, the newest first. Raises a Fault when there is no such
    member."""
    return unit.growth.page(tier.owner_of(unit, member), page)


def _change(
    unit: ActingUnit,
    commands: Sequence[ChangeGrowth],
    step: Callable[[Growth, ChangeGrowth], tuple[Growth, list[Transfer]]],
) -> list[Growth | Fault]:
    known = unit.wallets.lock({command.member for command in commands})
    accounts = unit.growth.lock(known)
    transfers: list[Transfer] = []
    outcomes: list[Growth | Fault] = []
    for command in commands:
        owner = unit.wallets.heir(command.member)
        if owner not in accounts:
            outcomes.append(errors.member_not_found(command.member))
            continue
        outcome = attempt(step, accounts[owner], command)
        if isinstance(outcome, Fault):
            outcomes.append(outcome)
            continue
        unit.audit.record(_act(command, accounts[owner], outcome[0]))
        accounts[owner] = outcome[0]
        transfers += outcome[1]
        outcomes.append(outcome[0])
    unit.growth.post(transfers, unit.now)
    if transfers and unit.programmes.current().scheme.metric is Metric.GROWTH:
        tier.rejudge(unit, known)
    return outcomes


def _act(command: ChangeGrowth, before: Growth, after: Growth) -> Act:
    subject = names.join("members", after.member, "growth")
    was, is_ = ({"value": each.value, "receivable": each.receivable} for each in (before, after))
    return Act(command.author, subject, command.source, was, is_)


def _cause(unit: Unit, kind: str, command: ChangeGrowth) -> Cause:
    if command.time is not None and command.time > unit.now:
        raise refusals.growth_time_invalid()
    return Cause(kind, command.source, command.time or unit.now)
