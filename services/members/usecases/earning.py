"""What purchases earn: in every programme, by the version of its rules that they were first heard of under."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.members.domain.basket import Basket
from services.members.domain.condition import Person, context
from services.members.domain.earning import WHOLE, Earning, earn
from services.members.domain.history import Claimed, Claims, Kept
from services.members.domain.programme import BASE, DEFAULT, Programme
from services.members.domain.purchase import Purchase
from services.members.domain.rule import BASE_RULE, Verdict
from services.members.domain.tier import Standing
from services.members.usecases.ports import Unit

Key = tuple[UUID, UUID]
"""A member and an order."""

Known = dict[Key, Purchase]
"""Purchases by member and order."""

Position = tuple[datetime, UUID]
"""Where a purchase stands among those of its member: by date, then by its order's id."""

Programmes = Mapping[str, Mapping[int, Programme]]
"""Every version of every programme."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """A purchase with what it earns now in the default programme, what it earns by rules, and what it had earned."""

    purchase: Purchase
    before: Mapping[str, int]
    earnings: Mapping[str, Earning] = field(default_factory=dict)

    def points(self, programme: str) -> int:
        """What it earns now in a programme."""
        return self.purchase.earned if programme == DEFAULT else self.earnings[programme].points

    def programmes(self) -> Collection[str]:
        """The programmes that it earns in."""
        return {DEFAULT, *self.earnings}

    def version(self, programme: str) -> int:
        """The version of a programme that it earns by."""
        return self.purchase.rules if programme == DEFAULT else self.earnings[programme].version


def plain(programmes: Programmes, told: Iterable[Purchase]) -> bool:
    """Whether all that is told earns by a rate and nothing else, so that nothing more has to be read."""
    return (
        len(programmes) == 1
        and all(version.plain for version in programmes[DEFAULT].values())
        and not any(purchase.has_freight or purchase.most is not None for purchase in told)
    )


def by_rate(told: Iterable[Purchase], programmes: Programmes) -> list[Assessed]:
    """What purchases earn by the rates of plain programmes."""
    return [
        Assessed(purchase.earning(programmes[DEFAULT][purchase.rules])[0], {DEFAULT: purchase.earned})
        for purchase in told
    ]


class Assessor:
    """Finds what purchases of locked members earn by rules, one after the other."""

    def __init__(
        self,
        unit: Unit,
        told: Known,
        known: Known,
        standings: Mapping[UUID, Standing],
        programmes: Programmes,
        *,
        anew: str = "",
        overtaken: Collection[Key] = (),
    ) -> None:
        """With `anew`, what is told has not taken anything yet of the caps of that programme. Purchases that are
        `overtaken` are judged again as the first of their members or not."""
        self.persons: dict[Key, Person] = {}
        self._unit = unit
        self._known = {**known, **told}
        self._first = _first(self._known)
        self._overtaken = overtaken
        self._standings = standings
        self._programmes = programmes
        self._kept = unit.purchases.kept([key for key in told if key in known])
        members = {member for member, _ in told}
        shared = any(version.shares_caps for versions in programmes.values() for version in versions.values())
        claimed = _claimed(unit, members, known) if shared or anew else []
        self._claims = Claims(
            each for each in claimed if each.programme != anew or (each.member, each.order) not in told
        )
        self._profiles: dict[UUID, tuple[tuple[str, ...], int]] | None = None

    def assess(self, told: Known) -> list[Assessed]:
        """What each of these purchases earns, those of the earlier date first."""
        return [self.one(told[key]) for key in sorted(told, key=lambda key: (told[key].pay_time, key))]

    def one(self, purchase: Purchase, versions: Mapping[str, Programme] | None = None) -> Assessed:
        """What one purchase earns: by the versions it keeps to, or by others that it shall keep to from now on."""
        key = purchase.member, purchase.order
        kept = self._kept.get(key) or Kept(purchase.basket or Basket(purchase.net.minor), purchase.remaining)
        grown = purchase.basket is not None and key in self._kept
        if purchase.basket is not None:
            kept = kept._replace(basket=purchase.basket)
        if purchase.left or kept.left.net != purchase.net.minor:
            kept = kept._replace(left=purchase.remaining)
        again = kept.person is not None and key in self._overtaken
        if kept.person and again:
            self.persons[key] = replace(kept.person, first_purchase=_is_first(purchase, self._first))
            kept = kept._replace(person=self.persons[key])
        earnings = {
            id_: self._earning(purchase, kept, programme, fresh=grown or again or versions is not None)
            for id_, programme in (versions or self._versions(purchase, kept)).items()
        }
        before = {id_: earning.points for id_, earning in kept.earnings.items()} | {DEFAULT: purchase.earned}
        if DEFAULT in earnings:
            base = earnings[DEFAULT]
            purchase = purchase.by(base.version, base.points)
            if DEFAULT not in kept.earnings and _of_the_rate_alone(base):
                del earnings[DEFAULT]
        return Assessed(purchase, before, earnings)

    def _versions(self, purchase: Purchase, kept: Kept) -> dict[str, Programme]:
        """The versions that a purchase earns by."""
        if (purchase.member, purchase.order) in self._kept:
            found = {id_: self._programmes[id_][earning.version] for id_, earning in kept.earnings.items()}
        else:
            newest = (versions[max(versions)] for versions in self._programmes.values())
            found = {each.id: each for each in newest if each.earns_in(purchase.net.currency)}
        return {**found, DEFAULT: self._programmes[DEFAULT][purchase.rules]}

    def _earning(self, purchase: Purchase, kept: Kept, programme: Programme, *, fresh: bool) -> Earning:
        if not programme.earns_in(purchase.net.currency):
            return Earning(programme.version)
        programme = programme.capped(purchase.most)
        known = kept.earnings.get(programme.id)
        rooms = (
            known.rooms
            if known and not fresh
            else self._claims.rooms(purchase.member, purchase.order, programme, purchase.pay_time)
        )
        person = self._person(purchase, kept) if programme.asks_for_member else Person()
        facts = context(kept.basket, person, purchase.pay_time, programme.zone)
        earning = earn(programme, kept.basket, kept.left, facts, rooms)
        claims = dict(earning.claims())
        self._claims.put(Claimed(purchase.member, purchase.order, programme.id, purchase.pay_time, claims))
        return earning

    def _person(self, purchase: Purchase, kept: Kept) -> Person:
        """Who the member was when the purchase was first judged by a rule that asks."""
        key = purchase.member, purchase.order
        person = kept.person or self.persons.get(key)
        if person is None:
            tags, month = self._profile(purchase.member)
            standing = self._standings.get(purchase.member)
            past = [each for each in standing.history if each.time < purchase.pay_time] if standing else []
            person = self.persons[key] = Person(
                tier=past[-1].to_tier if past else BASE,
                tags=tags,
                first_purchase=_is_first(purchase, self._first),
                birthday_month=month,
            )
        return person

    def _profile(self, member: UUID) -> tuple[tuple[str, ...], int]:
        """The member's tags, and the month of birth or 0."""
        if self._profiles is None:
            found = self._unit.members.read({member for member, _ in self._known})
            self._profiles = {id_: (each.tags, int(each.profile.birthday[5:7] or 0)) for id_, each in found.items()}
        return self._profiles.get(member, ((), 0))


def overtaken(told: Known, known: Known, programmes: Programmes) -> set[Key]:
    """The known purchases that were the first of their members before this was told and are not any more, or the other
    way round, where a rule asks for that: they are to be judged again."""
    if not any(version.asks_for_first for versions in programmes.values() for version in versions.values()):
        return set()
    after = {**known, **told}
    was, is_ = _first(known), _first(after)
    return {key for key in known if _is_first(known[key], was) is not _is_first(after[key], is_)}


def rounds(told: Known, programmes: Programmes) -> list[Known]:
    """The purchases in the sets in which they may be settled at once.

    Where a rule asks for the member, the tier that one purchase reaches may matter to the next: then each member's
    purchases come one by one, by date. Or else the outcome would depend on which news come together.
    """
    if not any(version.asks_for_member for versions in programmes.values() for version in versions.values()):
        return [told]
    turns: dict[UUID, int] = {}
    found: list[Known] = []
    for key in sorted(told, key=lambda key: (told[key].pay_time, key)):
        turn = turns.get(key[0], 0)
        turns[key[0]] = turn + 1
        if turn == len(found):
            found.append({})
        found[turn][key] = told[key]
    return found


def completed_now(assessed: Sequence[Assessed], known: Known) -> list[Assessed]:
    """The purchases that were known, and are known to be completed only now."""
    found = []
    for each in assessed:
        before = known.get((each.purchase.member, each.purchase.order))
        if before and before.complete_time is None and each.purchase.complete_time is not None:
            found.append(each)
    return found


def _claimed(unit: Unit, members: Collection[UUID], known: Known) -> list[Claimed]:
    """What the members' purchases take of caps; what the rate alone gave counts too."""
    found = unit.purchases.claimed(members)
    kept = {(each.member, each.order) for each in found if each.programme == DEFAULT}
    return [
        *found,
        *(
            Claimed(each.member, each.order, DEFAULT, each.pay_time, {WHOLE: each.earned, BASE_RULE: each.earned})
            for key, each in known.items()
            if key not in kept and each.earned
        ),
    ]


def _first(known: Known) -> dict[UUID, Position]:
    """Where each member's first purchase stands of which something is left."""
    first: dict[UUID, Position] = {}
    for (member, order), purchase in known.items():
        if purchase.net.minor > 0:
            position = purchase.pay_time, order
            first[member] = min(first.get(member, position), position)
    return first


def _is_first(purchase: Purchase, first: Mapping[UUID, Position]) -> bool:
    """Whether nothing is left of any purchase of the member before this one."""
    position = purchase.pay_time, purchase.order
    return position <= first.get(purchase.member, position)


def _of_the_rate_alone(earning: Earning) -> bool:
    """Whether nothing is to be kept of it that the points don't say."""
    applied = all(grant.verdict is Verdict.APPLIED for grant in earning.grants)
    return len(earning.grants) <= 1 and earning.room is None and applied
