"""Rights cards, their terms, and the uses of their benefits, as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from kit.idempotency import Raced
from kit.money import Money
from kit.page import Page
from services.members.domain.rights_card import RightsCard, State, Term, Use

_COLUMNS = """
    id, member, product, state, store, end_time, lapse_time, auto_renew, attempt_time, freeze_time, cancel_time,
    create_time, grace_days, version
"""
_READ = text(f"select {_COLUMNS} from rights_cards where id = any(cast(:ids as uuid[]))")  # noqa: S608 - constants only
_LOCK = text(f"{_READ.text} order by id for update")
_LOCK_FREE = text(f"{_READ.text} order by id for update skip locked")
_PAGE = text(f"""
    select {_COLUMNS} from rights_cards
    where member = cast(:member as uuid)
          and id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by id desc limit :limit
""")  # noqa: S608 - constants only
_RENEWALS = text(f"""
    select {_COLUMNS} from rights_cards
    where state = 'ACTIVE' and auto_renew and end_time < cast(:end_before as timestamptz)
          and (cast(:time as timestamptz) is null or (end_time, id) > (cast(:time as timestamptz), cast(:id as uuid)))
    order by end_time, id limit :limit
""")  # noqa: S608 - constants only
_DUE = text("""
    select id, member from rights_cards
    where state = 'ACTIVE' and auto_renew and end_time <= cast(:now as timestamptz)
          and coalesce(attempt_time, end_time) <= cast(:now as timestamptz)
    order by coalesce(attempt_time, end_time) limit :limit
""")
_LAPSED = text("""
    select id from rights_cards where state = 'ACTIVE' and lapse_time <= cast(:now as timestamptz)
    order by lapse_time limit :limit
""")
_TERMS = text("""
    select card, number, start_time, end_time, product_version, price, currency, payment, reference
    from rights_card_terms where card = any(cast(:ids as uuid[])) order by card, number
""")
_NAMED = text("select card from rights_card_terms where reference = :reference and reference <> ''")
_SAVE = text(f"""
    insert into rights_cards ({_COLUMNS})
    select * from unnest(
        cast(:ids as uuid[]), cast(:members as uuid[]), cast(:products as uuid[]), cast(:states as text[]),
        cast(:stores as text[]), cast(:end_times as timestamptz[]), cast(:lapse_times as timestamptz[]),
        cast(:auto_renews as boolean[]), cast(:attempt_times as timestamptz[]), cast(:freeze_times as timestamptz[]),
        cast(:cancel_times as timestamptz[]), cast(:create_times as timestamptz[]), cast(:grace_days as integer[]),
        cast(:versions as bigint[]))
    on conflict (id) do update
    set state = excluded.state, end_time = excluded.end_time, lapse_time = excluded.lapse_time,
        auto_renew = excluded.auto_renew, attempt_time = excluded.attempt_time, freeze_time = excluded.freeze_time,
        cancel_time = excluded.cancel_time, grace_days = excluded.grace_days, version = excluded.version
    where rights_cards.version < excluded.version
""")  # noqa: S608 - constants only
_MOVE_TERMS = text("""
    update rights_card_terms t set start_time = n.start_time, end_time = n.end_time
    from unnest(cast(:cards as uuid[]), cast(:numbers as integer[]), cast(:starts as timestamptz[]),
                cast(:ends as timestamptz[])) as n (card, number, start_time, end_time)
    where t.card = n.card and t.number = n.number
""")
_ADD_TERMS = text("""
    insert into rights_card_terms
        (card, number, start_time, end_time, product_version, price, currency, payment, reference)
    select * from unnest(
        cast(:cards as uuid[]), cast(:numbers as integer[]), cast(:starts as timestamptz[]),
        cast(:ends as timestamptz[]), cast(:versions as integer[]), cast(:prices as bigint[]),
        cast(:currencies as text[]), cast(:payments as uuid[]), cast(:references as text[]))
    on conflict do nothing
""")

# Counted and checked in one statement: of two who want the last use, the second finds it gone.
_COUNT = text("""
    insert into benefit_counters as c (card, benefit, period, used)
    select cast(:card as uuid), :benefit, cast(:period as timestamptz), cast(:count as integer)
    where cast(:count as integer) <= cast(:quota as integer)
    on conflict (card, benefit, period) do update set used = c.used + excluded.used
    where c.used + excluded.used <= cast(:quota as integer)
""")
_UNCOUNT = text("""
    update benefit_counters set used = used - :count
    where card = cast(:card as uuid) and benefit = :benefit and period = cast(:period as timestamptz)
""")
_USED = text("""
    select benefit, period, used from benefit_counters
    join unnest(cast(:benefits as text[]), cast(:periods as timestamptz[])) as k (benefit, period)
        using (benefit, period)
    where card = cast(:card as uuid)
""")
_USE_COLUMNS = "id, card, benefit, period, count, source, reference, use_time, reverse_time"
_READ_USE = text(f"select {_USE_COLUMNS} from benefit_uses where id = cast(:id as uuid)")  # noqa: S608 - constants only
_NAMED_USE = text(f"select {_USE_COLUMNS} from benefit_uses where reference = :reference and reference <> ''")  # noqa: S608 - constants only
_ADD_USE = text(f"""
    insert into benefit_uses ({_USE_COLUMNS})
    values (:id, :card, :benefit, cast(:period as timestamptz), :count, :source, :reference,
            cast(:use_time as timestamptz), null)
    on conflict do nothing
""")  # noqa: S608 - constants only
_REVERSE = text("""
    update benefit_uses set reverse_time = cast(:now as timestamptz)
    where id = cast(:id as uuid) and reverse_time is null
""")


class RightsCardStore:
    """Keeps rights cards and what was used of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, cards: Collection[UUID]) -> dict[UUID, RightsCard]:
        """The cards with these ids, without a lock; unknown ones are missing."""
        return {card.id: card for card in self._cards(_READ, ids=list(cards))}

    def lock(self, cards: Collection[UUID], *, wait: bool = True) -> dict[UUID, RightsCard]:
        """The cards, locked in the order of their ids; without `wait`, those that others have locked are missing."""
        return {card.id: card for card in self._cards(_LOCK if wait else _LOCK_FREE, ids=list(cards))}

    def page(self, member: UUID, page: Page) -> list[RightsCard]:
        """The member's cards before a position, the newest first."""
        before = UUID(page.after[0]) if page.after else None
        return self._cards(_PAGE, member=member, before=before, limit=page.fetch)

    def renewals(self, end_before: datetime, page: Page) -> list[RightsCard]:
        """Cards that renew by themselves and end before an instant, from a position on, the earliest first."""
        time, card = (datetime.fromisoformat(page.after[0]), UUID(page.after[1])) if page.after else (None, None)
        return self._cards(_RENEWALS, end_before=end_before, time=time, id=card, limit=page.fetch)

    def due(self, now: datetime, limit: int) -> dict[UUID, UUID]:
        """Cards that are to be renewed by themselves now, with their members."""
        return {row.id: row.member for row in self._connection.execute(_DUE, {"now": now, "limit": limit}).all()}

    def lapsed(self, now: datetime, limit: int) -> list[UUID]:
        """Active cards whose time is over, the oldest first."""
        return list(self._connection.execute(_LAPSED, {"now": now, "limit": limit}).scalars())

    def paid(self, reference: str) -> UUID | None:
        """The card of which a term was paid under this reference."""
        found: UUID | None = self._connection.execute(_NAMED, {"reference": reference}).scalar()
        return found

    def save(self, cards: Sequence[tuple[RightsCard | None, RightsCard]]) -> None:
        """Keep new and changed cards, each given as it was and as it is. Raises `Raced` when a reference is taken."""
        changed = [(before, after) for before, after in cards if after is not before]
        if not changed:
            return
        self._connection.execute(_SAVE, _columns([after for _, after in changed]))
        moved: list[tuple[UUID, Term]] = []
        new: list[tuple[UUID, Term]] = []
        for before, after in changed:
            known = before.terms if before is not None else ()
            moved += [(after.id, now) for was, now in zip(known, after.terms, strict=False) if now != was]
            new += [(after.id, term) for term in after.terms[len(known) :]]
        if moved:
            self._connection.execute(_MOVE_TERMS, _terms(moved))
        if new and self._connection.execute(_ADD_TERMS, _terms(new) | _prices(new)).rowcount != len(new):
            raise Raced

    def count(self, card: UUID, benefit: str, period: datetime, *, count: int, quota: int) -> bool:
        """Count uses in a period, unless that would be more than the quota; answers whether they count."""
        query = {"card": card, "benefit": benefit, "period": period, "count": count, "quota": quota}
        return self._connection.execute(_COUNT, query).rowcount == 1

    def used(self, card: UUID, periods: Mapping[str, datetime]) -> dict[str, int]:
        """How many times each benefit was used in a period; those that were not are missing."""
        query = {"card": card, "benefits": list(periods), "periods": list(periods.values())}
        return {row.benefit: row.used for row in self._connection.execute(_USED, query).all()}

    def use(self, use: UUID) -> Use | None:
        """A use, if there is one."""
        return self._use(_READ_USE, id=use)

    def use_named(self, reference: str) -> Use | None:
        """The use under a reference, if there is one."""
        return self._use(_NAMED_USE, reference=reference)

    def add_use(self, use: Use) -> None:
        """Keep a new use. Raises `Raced` when its reference was taken meanwhile."""
        columns = {
            "id": use.id,
            "card": use.card,
            "benefit": use.benefit,
            "period": use.period,
            "count": use.count,
            "source": use.source,
            "reference": use.reference,
            "use_time": use.use_time,
        }
        if self._connection.execute(_ADD_USE, columns).rowcount != 1:
            raise Raced

    def reverse(self, use: Use, now: datetime) -> None:
        """Take a use back, once; it must be locked by its card."""
        if self._connection.execute(_REVERSE, {"id": use.id, "now": now}).rowcount:
            query = {"card": use.card, "benefit": use.benefit, "period": use.period, "count": use.count}
            self._connection.execute(_UNCOUNT, query)

    def _cards(self, statement: Any, **query: object) -> list[RightsCard]:
        rows = self._connection.execute(statement, query).all()
        if not rows:
            return []
        terms: dict[UUID, list[Term]] = {row.id: [] for row in rows}
        for term in self._connection.execute(_TERMS, {"ids": list(terms)}).all():
            terms[term.card].append(_term(term))
        return [_card(row, tuple(terms[row.id])) for row in rows]

    def _use(self, statement: Any, **query: object) -> Use | None:
        row = self._connection.execute(statement, query).one_or_none()
        return None if row is None else Use(*row)


def _columns(cards: Sequence[RightsCard]) -> dict[str, object]:
    return {
        "ids": [card.id for card in cards],
        "members": [card.member for card in cards],
        "products": [card.product for card in cards],
        "states": [card.state.value for card in cards],
        "stores": [card.store for card in cards],
        "end_times": [card.end for card in cards],
        "lapse_times": [card.lapse_time for card in cards],
        "auto_renews": [card.auto_renew for card in cards],
        "attempt_times": [card.attempt_time for card in cards],
        "freeze_times": [card.freeze_time for card in cards],
        "cancel_times": [card.cancel_time for card in cards],
        "create_times": [card.create_time for card in cards],
        "grace_days": [card.grace.days for card in cards],
        "versions": [card.version for card in cards],
    }


def _terms(terms: Sequence[tuple[UUID, Term]]) -> dict[str, object]:
    return {
        "cards": [card for card, _ in terms],
        "numbers": [term.number for _, term in terms],
        "starts": [term.start for _, term in terms],
        "ends": [term.end for _, term in terms],
    }


def _prices(terms: Sequence[tuple[UUID, Term]]) -> dict[str, object]:
    return {
        "versions": [term.version for _, term in terms],
        "prices": [term.price.minor if term.price else None for _, term in terms],
        "currencies": [term.price.currency if term.price else None for _, term in terms],
        "payments": [term.payment for _, term in terms],
        "references": [term.reference for _, term in terms],
    }


def _card(row: Any, terms: tuple[Term, ...]) -> RightsCard:
    return RightsCard(
        id=row.id,
        member=row.member,
        product=row.product,
        store=row.store,
        terms=terms,
        create_time=row.create_time,
        grace=timedelta(days=row.grace_days),
        auto_renew=row.auto_renew,
        state=State(row.state),
        attempt_time=row.attempt_time,
        freeze_time=row.freeze_time,
        cancel_time=row.cancel_time,
        version=row.version,
    )


def _term(row: Any) -> Term:
    price = None if row.price is None else Money(row.price, row.currency)
    return Term(row.number, row.start_time, row.end_time, row.product_version, price, row.payment, row.reference)
