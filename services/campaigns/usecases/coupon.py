"""Issue, lock, use, unlock, void and expire coupons. The frequent commands take many at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from kit import names
from kit.errors import Fault, invalid
from kit.page import Page
from services.campaigns.domain import errors
from services.campaigns.domain.coupon import Coupon, State
from services.campaigns.domain.coupon_template import CouponTemplate
from services.campaigns.domain.events import CouponIssued, CouponReturned
from services.campaigns.usecases import etag
from services.campaigns.usecases.ports import Work

C = TypeVar("C")
R = TypeVar("R")

MAX_LOCK = timedelta(days=35)
_EXPIRED_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Issue:
    """A coupon for a member. `coupon` is the id that it gets; with a `cause` there is one per member and cause."""

    coupon: UUID
    template: UUID
    member: UUID
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """The coupons of an order, to be held until an instant; for a later `checkout` of it, if that is given."""

    coupons: Sequence[UUID]
    order: UUID
    member: UUID
    until: datetime
    checkout: UUID | None = None


@dataclass(frozen=True, slots=True)
class Settle:
    """The coupons of an order that was paid, given up, or refunded whole; or of a `checkout` that was given up."""

    coupons: Sequence[UUID]
    order: UUID
    checkout: UUID | None = None


@dataclass(frozen=True, slots=True)
class Void:
    """A coupon to be taken back, if it is still at the expected version."""

    coupon: UUID
    expected: int | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which coupons to list; None is any."""

    member: UUID | None = None
    template: UUID | None = None
    state: State | None = None
    org: str = ""


def issue(unit: Work, commands: Sequence[Issue]) -> list[Coupon | Fault]:
    """Issue coupons, one outcome per command. What was issued for a cause before is answered again."""
    batch = _Issuing(unit, commands)
    outcomes = [_attempt(batch.issue, command) for command in commands]
    batch.store()
    return outcomes


def issue_together(unit: Work, orders: Sequence[Sequence[Issue]]) -> list[list[Coupon] | Fault]:
    """As `issue`, but of each order all coupons or none."""
    batch = _Issuing(unit, [command for order in orders for command in order])
    outcomes = [_attempt(batch.issue_all, order) for order in orders]
    batch.store()
    return outcomes


def get(unit: Work, coupon: UUID) -> Coupon:
    """A coupon. Raises a Fault when there is none."""
    found = unit.coupons.find(coupon)
    if found is None:
        raise errors.coupon_not_found(coupon)
    return found


def page(unit: Work, wanted: Page, only: Filter) -> Sequence[Coupon]:
    """A page of coupons, newest first; those of a member who was merged are those of whoever stands for them."""
    member = None if only.member is None else unit.members.roots([only.member]).get(only.member, only.member)
    return unit.coupons.page(wanted, member=member, template=only.template, state=only.state, org=only.org)


def lock(unit: Work, commands: Sequence[Lock]) -> list[list[Coupon] | Fault]:
    """Lock the coupons of orders: per order all of them or none, one outcome per command."""
    known = unit.coupons.lock({coupon for command in commands for coupon in command.coupons})
    # Read after the coupons are locked: who stands for a member is as new as whose the coupons are.
    strangers = {command.member for command in commands} - {coupon.member for coupon in known.values()}
    roots = unit.members.roots(strangers)
    free = {coupon.id: coupon for coupon in _let_go(unit, known, [each.settled(unit.now) for each in known.values()])}
    changed: dict[UUID, Coupon] = {}

    def lock_one(command: Lock) -> list[Coupon]:
        _check_until(command.until, unit.now)
        member = roots.get(command.member, command.member)
        kept = [_known(known, coupon) for coupon in command.coupons]
        held = [
            (coupon if coupon.held_by(command.order) else free[coupon.id]).lock(
                command.order, member=member, until=command.until, now=unit.now, checkout=command.checkout
            )
            for coupon in kept
        ]
        for coupon in held:
            known[coupon.id] = free[coupon.id] = changed[coupon.id] = coupon
        return held

    outcomes = [_attempt(lock_one, command) for command in commands]
    unit.coupons.save(list(changed.values()))
    return outcomes


def use(unit: Work, command: Settle) -> list[Coupon]:
    """Use up the coupons of a paid order: all of them or none. Raises a Fault."""
    known = unit.coupons.lock(command.coupons)
    if unit.returned_orders.among([command.order]):
        raise errors.coupon_returned(command.coupons[0], command.order)
    outcomes = [_known(known, coupon).use(command.order, unit.now) for coupon in command.coupons]
    _save(unit, known, [coupon for coupon, _ in outcomes])
    unit.emit([fact for _, facts in outcomes for fact in facts])
    return [coupon for coupon, _ in outcomes]


def unlock(unit: Work, command: Settle) -> list[Coupon]:
    """Give back the coupons that the order holds; others stay as they are. Raises a Fault for an unknown coupon."""
    known = unit.coupons.lock(command.coupons)
    opened = [
        _known(known, coupon).unlock(command.order, unit.now, checkout=command.checkout) for coupon in command.coupons
    ]
    coupons = _let_go(unit, known, opened)
    _save(unit, known, coupons)
    return coupons


def settle(
    unit: Work, paid: Sequence[Settle], cancelled: Sequence[Settle], refunded: Sequence[Settle] = ()
) -> list[Fault]:
    """Take what became of orders as it is: use, unlock and give back each coupon that can be; answers why others could
    not be used.

    An order that was refunded whole had been paid, whether that was told or not, and is settled for good: whatever is
    told of it later, it uses none of its coupons again.
    """
    known = unit.coupons.lock({coupon for command in (*paid, *cancelled, *refunded) for coupon in command.coupons})
    ended = unit.returned_orders.among({command.order for command in paid})
    fresh = unit.returned_orders.add({command.order for command in refunded}, unit.now)
    returned = [command for command in refunded if command.order in fresh]
    used = [command for command in paid if command.order not in ended] + returned
    before, faults, facts = dict(known), list[Fault](), list[object]()
    for command in used:
        for coupon in command.coupons:
            try:
                known[coupon], told = _known(known, coupon).use(command.order, unit.now)
                facts += told
            except Fault as fault:
                faults.append(fault)
    for command in cancelled:
        for coupon in known.keys() & set(command.coupons):
            known[coupon] = known[coupon].unlock(command.order, unit.now)
    known |= {coupon.id: coupon for coupon in _let_go(unit, before, list(known.values()))}
    if returned:
        facts += _give_back(unit, known, returned)
    _save(unit, before, known.values())
    unit.emit(facts)
    return faults


def void(unit: Work, command: Void) -> Coupon:
    """Take a coupon back for good. Raises a Fault."""
    known = unit.coupons.lock([command.coupon])
    coupon = _known(known, command.coupon)
    etag.check(command.expected, coupon.version, names.join("coupons", coupon.id))
    voided = coupon.void(unit.now)
    _save(unit, known, [voided])
    return voided


def take_back(unit: Work, coupons: Sequence[Coupon]) -> list[Coupon]:
    """Make void what of locked coupons no order holds or has used, and nothing else has ended; answers all of them."""
    taken = [coupon.taken_back(unit.now) for coupon in coupons]
    _save(unit, {coupon.id: coupon for coupon in coupons}, taken)
    return taken


def expire(unit: Work) -> int:
    """Open the locks that ran out and expire what is over, a part of it at a time; answers how many."""
    overdue = {coupon.id: coupon for coupon in unit.coupons.overdue(unit.now, _EXPIRED_AT_ONCE)}
    _save(unit, overdue, _let_go(unit, overdue, [coupon.settled(unit.now) for coupon in overdue.values()]))
    return len(overdue)


@dataclass(slots=True)
class _Issuing:
    """A batch of coupons while they are being issued: templates with their counts, and what members have."""

    unit: Work
    commands: Sequence[Issue]
    issued: list[Coupon] = field(default_factory=list)
    facts: list[CouponIssued] = field(default_factory=list)
    _templates: dict[UUID, CouponTemplate] = field(init=False)
    _roots: dict[UUID, UUID] = field(init=False)
    _caused: dict[tuple[UUID, UUID, str], Coupon] = field(init=False)
    _held: Counter[tuple[UUID, UUID]] = field(init=False)
    _erased: set[UUID] = field(init=False)

    def __post_init__(self) -> None:
        self.unit.members.keep()
        members = {command.member for command in self.commands}
        self._roots = self.unit.members.roots(members)
        self._erased = self.unit.members.erased(members | set(self._roots.values()))
        self._templates = self.unit.templates.lock({command.template for command in self.commands})
        with_cause = {(*self._pair(command), command.cause) for command in self.commands if command.cause}
        known = self.unit.coupons.caused(with_cause) if with_cause else []
        self._caused = {(coupon.template, coupon.member, coupon.cause): coupon for coupon in known}
        limited = {key for key, template in self._templates.items() if template.limits.per_member is not None}
        pairs = {self._pair(command) for command in self.commands if command.template in limited}
        self._held = Counter(self.unit.coupons.held(pairs))

    def issue(self, command: Issue) -> Coupon:
        """Issue one coupon, or answer the one that was issued for the same cause. Raises a Fault."""
        pair = self._pair(command)
        key = (*pair, command.cause)
        if key in self._caused:
            return self._caused[key]
        if self._erased.intersection((command.member, pair[1])):
            raise errors.member_erased(command.member)
        if command.template not in self._templates:
            raise errors.coupon_template_not_found(command.template)
        template, coupon, fact = self._templates[command.template].issue(
            coupon=command.coupon,
            member=command.member,
            cause=command.cause,
            held=self._held[pair],
            now=self.unit.now,
        )
        coupon = coupon.of(self._roots.get(command.member))
        fact = replace(fact, member=coupon.member)
        self._templates[template.id] = template
        self._held[pair] += 1
        if command.cause:
            self._caused[key] = coupon
        self.issued.append(coupon)
        self.facts.append(fact)
        return coupon

    def issue_all(self, commands: Sequence[Issue]) -> list[Coupon]:
        """Issue all coupons or none. Raises a Fault."""
        before = dict(self._templates), dict(self._caused), Counter(self._held), len(self.issued)
        try:
            return [self.issue(command) for command in commands]
        except Fault:
            self._templates, self._caused, self._held, issued = before
            del self.issued[issued:], self.facts[issued:]
            raise

    def store(self) -> None:
        """Store and tell what was issued."""
        self.unit.templates.count(Counter(coupon.template for coupon in self.issued), {})
        self.unit.coupons.add(self.issued)
        self.unit.emit(self.facts)

    def _pair(self, command: Issue) -> tuple[UUID, UUID]:
        """The template, and who stands for the member."""
        return command.template, self._roots.get(command.member, command.member)


def _let_go(unit: Work, before: Mapping[UUID, Coupon], after: Sequence[Coupon]) -> list[Coupon]:
    """Locked coupons after orders let go of them: what would open, and must not, becomes void."""
    ended = _ended(unit, [coupon for coupon in after if coupon.state is State.ISSUED and coupon != before[coupon.id]])
    return [coupon.taken_back(unit.now) if coupon.id in ended else coupon for coupon in after]


def _ended(unit: Work, coupons: Collection[Coupon]) -> set[UUID]:
    """Which of locked coupons must not be open any more: what was bought with points that were given back, and what was
    of a member who is forgotten. To be asked only now: whoever gives points back, or forgets, waits for the locks."""
    if not coupons:
        return set()
    erased = unit.members.erased({coupon.came_under for coupon in coupons})
    forgotten = {coupon.id for coupon in coupons if coupon.came_under in erased}
    return forgotten | unit.redemptions.revoked({coupon.id for coupon in coupons})


def _give_back(unit: Work, known: dict[UUID, Coupon], returned: Sequence[Settle]) -> list[CouponReturned]:
    """Open what orders used, as the coupons' templates say. What must not be open any more becomes void instead."""
    # A coupon may be of several: of one that used it, and of others that let go of it before and were paid after all.
    used = {(coupon, command.order) for command in returned for coupon in known.keys() & set(command.coupons)}
    coupons = {coupon for coupon, _ in used}
    templates = unit.templates.find_all({known[coupon].template for coupon in coupons})
    ended = _ended(unit, [known[coupon] for coupon in coupons])
    told = list[CouponReturned]()
    for coupon, order in sorted(used):
        policy = templates[known[coupon].template].returns
        if not policy.on_full_refund:
            continue
        back, facts = known[coupon].give_back(order, unit.now, extension=policy.extension)
        if back is known[coupon]:
            continue
        known[coupon] = back.taken_back(unit.now) if coupon in ended else back
        told += [] if coupon in ended else facts
    return told


def _attempt(action: Callable[[C], R], command: C) -> R | Fault:
    try:
        return action(command)
    except Fault as fault:
        return fault


def _known(known: Mapping[UUID, Coupon], coupon: UUID) -> Coupon:
    if coupon not in known:
        raise errors.coupon_not_found(coupon)
    return known[coupon]


def _check_until(until: datetime, now: datetime) -> None:
    if not now < until <= now + MAX_LOCK:
        raise invalid("expire_time", f"must be in the future and at most {MAX_LOCK.days} days away")


def _save(unit: Work, before: Mapping[UUID, Coupon], after: Iterable[Coupon]) -> None:
    """Store what changed, and give back to the templates what expired or became void."""
    changed = [coupon for coupon in after if coupon != before[coupon.id]]
    unit.coupons.save(changed)
    expired = Counter(coupon.template for coupon in changed if coupon.state is State.EXPIRED)
    voided = Counter(coupon.template for coupon in changed if coupon.state is State.VOID)
    if expired or voided:
        unit.templates.lock({*expired, *voided})
        unit.templates.count({template: -count for template, count in voided.items()}, expired)
