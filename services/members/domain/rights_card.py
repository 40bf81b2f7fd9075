"""Rights cards: what a member may use, for the terms that were paid for. With a price, a paid membership."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.money import Money
from services.members.domain.benefit_period import Period, span
from services.members.domain.errors import rights_card as errors
from services.members.domain.rights_card_product import Benefit, RightsCardProduct

MOST_TERMS = 500
RETRY = timedelta(days=1)
"""How long after a renewal that could not be paid the next attempt is."""


class State(StrEnum):
    """Where a card stands. An expired card can be renewed."""

    ACTIVE = "ACTIVE"
    FROZEN = "FROZEN"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Term:
    """A time [start, end) that was paid for, by a `version` of the kind of card. `payment` is the one from stored
    value, `reference` the number of one made elsewhere."""

    number: int
    start: datetime
    end: datetime
    version: int
    price: Money | None
    payment: UUID | None
    reference: str

    def later(self, by: timedelta, since: datetime) -> Term:
        """The term, if it stood still for a while since then."""
        if self.end <= since:
            return self
        return replace(self, start=self.start if self.start <= since else self.start + by, end=self.end + by)


@dataclass(frozen=True, slots=True)
class RightsCard:
    """A member's card. Its terms follow each other, the last one with the grace of cards that renew by themselves."""

    id: UUID
    member: UUID
    product: UUID
    store: str
    terms: tuple[Term, ...]
    create_time: datetime
    grace: timedelta
    auto_renew: bool = False
    state: State = State.ACTIVE
    attempt_time: datetime | None = None
    freeze_time: datetime | None = None
    cancel_time: datetime | None = None
    version: int = 1

    @property
    def name(self) -> str:
        """`rightsCards/{id}`."""
        return names.join("rightsCards", self.id)

    @property
    def start(self) -> datetime:
        """From when it lasts."""
        return self.terms[0].start

    @property
    def end(self) -> datetime:
        """Until when it is paid for."""
        return self.terms[-1].end

    @property
    def lapse_time(self) -> datetime:
        """Until when it can be used."""
        return self.end + self.grace if self.auto_renew else self.end

    @classmethod
    def issue(
        cls, card: UUID, member: UUID, product: RightsCardProduct, *, store: str, now: datetime, auto_renew: bool
    ) -> RightsCard:
        """A card without a term, to be extended by the first one. Raises a Fault when the kind is retired."""
        product.need_offered()
        return cls(card, member, product.id, store, (), now, product.grace, auto_renew)

    def settled(self, now: datetime) -> RightsCard:
        """What time alone has made of it."""
        if self.state is State.ACTIVE and self.lapse_time <= now:
            return replace(self, state=State.EXPIRED, version=self.version + 1)
        return self

    def due(self, now: datetime) -> bool:
        """Whether it is to be renewed by itself now."""
        waiting = self.attempt_time is not None and self.attempt_time > now
        return self.state is State.ACTIVE and self.auto_renew and self.end <= now and not waiting

    def extended(
        self, product: RightsCardProduct, *, payment: UUID | None, reference: str, now: datetime
    ) -> RightsCard:
        """One more term, from its end, or from now when it is new or has lapsed.

        Raises a Fault when it is frozen or cancelled, or the kind of card is retired.
        """
        product.need_offered()
        if self.state is State.FROZEN or self.cancel_time is not None:
            raise errors.card_unusable(self.id, "CANCELLED" if self.cancel_time else self.state)
        if len(self.terms) >= MOST_TERMS:
            raise errors.card_unusable(self.id, "RENEWED_TOO_OFTEN")
        lapsed = not self.terms or self.settled(now).state is State.EXPIRED
        start = now if lapsed else self.end
        price = product.price
        term = Term(len(self.terms) + 1, start, product.end(start), product.version, price, payment, reference)
        return replace(
            self,
            state=State.ACTIVE,
            terms=(*self.terms, term),
            grace=product.grace,
            attempt_time=None,
            version=self.version + bool(self.terms),
        )

    def unpaid(self, now: datetime) -> RightsCard:
        """Its renewal could not be paid: there is another attempt later."""
        return replace(self, attempt_time=now + RETRY, version=self.version + 1)

    def freeze(self, now: datetime) -> RightsCard:
        """It stands still; nothing changes when it already does."""
        if self.state is State.FROZEN:
            return self
        self.need_usable(now)
        return replace(self, state=State.FROZEN, freeze_time=now, version=self.version + 1)

    def unfreeze(self, now: datetime) -> RightsCard:
        """It goes on, and lasts longer by the time that it stood still; nothing changes when it does not."""
        if self.freeze_time is None:
            return self
        by, since = now - self.freeze_time, self.freeze_time
        terms = tuple(term.later(by, since) for term in self.terms)
        # In its grace the paid time is over already, so what stood still is the grace.
        if self.end <= since:
            terms = (*terms[:-1], replace(terms[-1], end=terms[-1].end + by))
        return replace(self, state=State.ACTIVE, freeze_time=None, terms=terms, version=self.version + 1)

    def cancel(self, now: datetime) -> RightsCard:
        """It lasts to its end and is not renewed; nothing changes when it is cancelled already."""
        if self.cancel_time is not None:
            return self
        return replace(self, auto_renew=False, cancel_time=now, version=self.version + 1)

    def term(self, now: datetime) -> Term:
        """The term of a moment: of its grace, the last one; before it begins, the first one."""
        begun = [term for term in self.terms if term.start <= now]
        return begun[-1] if begun else self.terms[0]

    def need_usable(self, now: datetime) -> None:
        """Raise a Fault unless it can be used now."""
        state = self.settled(now).state
        if state is not State.ACTIVE:
            raise errors.card_unusable(self.id, state)

    def counted(self, benefit: Benefit, product: RightsCardProduct, now: datetime) -> tuple[datetime, datetime | None]:
        """The period in which a use now counts: its beginning, and when the count begins anew (None: never)."""
        if benefit.period is Period.TOTAL:
            term = self.term(now)
            following = [each.start for each in self.terms if each.number > term.number]
            return term.start, following[0] if following else None
        return span(benefit.period, now, product.zone)


@dataclass(frozen=True, slots=True)
class Use:
    """A benefit was used `count` times, in the period that began at `period`. `reference` is the use's own number."""

    id: UUID
    card: UUID
    benefit: str
    period: datetime
    count: int
    source: str
    reference: str
    use_time: datetime
    reverse_time: datetime | None = None

    @property
    def name(self) -> str:
        """`rightsCards/{card}/uses/{id}`."""
        return names.join("rightsCards", self.card, "uses", self.id)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a benefit: `used` of its quota in the period, `remaining` now."""

    benefit: Benefit
    used: int
    remaining: int
    reset_time: datetime | None
