"""Gift cards as rows; only hashes of their codes are kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from kit.idempotency import Raced
from kit.money import Money
from kit.page import Page
from services.members.domain.gift_card import Code, GiftCard, State

_COLUMNS = """
    id, batch, currency, value, promotional, state, code, code_suffix, claim, offer_expire_time, holder, top_up, store,
    create_time, activate_time, expire_time, void_reason
"""
_READ = text(f"select {_COLUMNS} from gift_cards where id = any(cast(:ids as uuid[]))")  # noqa: S608 - constants only
_LOCK = text(f"{_READ.text} order by id for update")
_LOCK_FREE = text(f"{_READ.text} order by id for update skip locked")
_FIND = text("select id from gift_cards where code = :code")
_OFFERED = text("select id from gift_cards where claim = :claim")
_PAGE = text(f"""
    select {_COLUMNS} from gift_cards
    where (:batch = '' or batch = :batch)
          and (cast(:holder as uuid) is null or holder = cast(:holder as uuid))
          and id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by id desc limit :limit
""")  # noqa: S608 - constants only
_DUE = text("""
    select c.id from gift_cards c
    where c.state in ('ISSUED', 'ACTIVE', 'OFFERED') and c.expire_time <= cast(:now as timestamptz)
          and not exists (select 1 from stored_payments p where p.owner = c.id and p.state = 'HELD')
    order by c.expire_time limit :limit for update of c skip locked
""")
_ADD = text(f"""
    insert into gift_cards ({_COLUMNS})
    select c.id, c.batch, c.currency, c.value, c.promotional, 'ISSUED', c.code, c.code_suffix, null, null, null, null,
           '', c.create_time, null, c.expire_time, ''
    from unnest(cast(:ids as uuid[]), cast(:batches as text[]), cast(:currencies as text[]), cast(:values as bigint[]),
                cast(:promotional as boolean[]), cast(:codes as bytea[]), cast(:suffixes as text[]),
                cast(:create_times as timestamptz[]), cast(:expire_times as timestamptz[]))
        as c (id, batch, currency, value, promotional, code, code_suffix, create_time, expire_time)
""")  # noqa: S608 - constants only
# A card must still stand as it was read, with the same code: so of two who claim it one comes too late.
_SAVE = text("""
    update gift_cards c
    set state = n.state, code = n.code, code_suffix = n.suffix, claim = n.claim, store = n.store,
        void_reason = n.void_reason, offer_expire_time = n.offer_expire_time, holder = n.holder, top_up = n.top_up,
        activate_time = n.activate_time, expire_time = n.expire_time
    from unnest(cast(:ids as uuid[]), cast(:states_before as text[]), cast(:codes_before as bytea[]),
                cast(:states as text[]), cast(:codes as bytea[]), cast(:suffixes as text[]), cast(:claims as bytea[]),
                cast(:stores as text[]), cast(:void_reasons as text[]), cast(:offer_expire_times as timestamptz[]),
                cast(:holders as uuid[]), cast(:top_ups as uuid[]), cast(:activate_times as timestamptz[]),
                cast(:expire_times as timestamptz[]))
        as n (id, state_before, code_before, state, code, suffix, claim, store, void_reason, offer_expire_time, holder,
              top_up, activate_time, expire_time)
    where c.id = n.id and c.state = n.state_before and c.code = n.code_before
""")


class GiftCardStore:
    """Keeps gift cards."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, cards: Collection[UUID]) -> dict[UUID, GiftCard]:
        """The cards with these ids, without a lock; unknown ones are missing."""
        return {card.id: card for card in self._rows(_READ, ids=list(cards))}

    def lock(self, cards: Collection[UUID], *, wait: bool = True) -> dict[UUID, GiftCard]:
        """The cards, locked in the order of their ids; without `wait`, those that others have locked are missing."""
        return {card.id: card for card in self._rows(_LOCK if wait else _LOCK_FREE, ids=list(cards))}

    def find(self, code: bytes) -> UUID | None:
        """The card whose code has this hash."""
        found: UUID | None = self._connection.execute(_FIND, {"code": code}).scalar()
        return found

    def offered(self, claim: bytes) -> UUID | None:
        """The card that is offered under the claim code with this hash."""
        found: UUID | None = self._connection.execute(_OFFERED, {"claim": claim}).scalar()
        return found

    def page(self, page: Page, *, batch: str, holder: UUID | None) -> list[GiftCard]:
        """Cards before a position, the newest first; of a batch, of a holder, or all."""
        before = UUID(page.after[0]) if page.after else None
        return self._rows(_PAGE, batch=batch, holder=holder, before=before, limit=page.fetch)

    def due(self, now: datetime, limit: int) -> list[UUID]:
        """Cards whose time is over, the oldest first: not those of which something is set aside, nor busy ones."""
        return list(self._connection.execute(_DUE, {"now": now, "limit": limit}).scalars())

    def add(self, cards: Sequence[GiftCard]) -> None:
        """Keep new cards."""
        self._connection.execute(
            _ADD,
            {
                "ids": [card.id for card in cards],
                "batches": [card.batch for card in cards],
                "currencies": [card.value.currency for card in cards],
                "values": [card.value.minor for card in cards],
                "promotional": [card.promotional for card in cards],
                "codes": [card.code.hash for card in cards],
                "suffixes": [card.code.suffix for card in cards],
                "create_times": [card.create_time for card in cards],
                "expire_times": [card.expire_time for card in cards],
            },
        )

    def save(self, cards: Sequence[tuple[GiftCard, GiftCard]]) -> None:
        """Keep changed cards, each given as it was and as it is. Raises `Raced` when one stands otherwise by now."""
        changed = [(before, after) for before, after in cards if after is not before]
        if not changed:
            return
        columns = {
            "ids": [after.id for _, after in changed],
            "states_before": [before.state.value for before, _ in changed],
            "codes_before": [before.code.hash for before, _ in changed],
            "states": [after.state.value for _, after in changed],
            "codes": [after.code.hash for _, after in changed],
            "suffixes": [after.code.suffix for _, after in changed],
            "claims": [after.claim for _, after in changed],
            "stores": [after.store for _, after in changed],
            "void_reasons": [after.void_reason for _, after in changed],
            "offer_expire_times": [after.offer_expire_time for _, after in changed],
            "holders": [after.holder for _, after in changed],
            "top_ups": [after.top_up for _, after in changed],
            "activate_times": [after.activate_time for _, after in changed],
            "expire_times": [after.expire_time for _, after in changed],
        }
        if self._connection.execute(_SAVE, columns).rowcount != len(changed):
            raise Raced

    def _rows(self, statement: Any, **query: object) -> list[GiftCard]:
        return [_card(row) for row in self._connection.execute(statement, query).all()]


def _card(row: Any) -> GiftCard:
    return GiftCard(
        id=row.id,
        batch=row.batch,
        value=Money(row.value, row.currency),
        promotional=row.promotional,
        code=Code(bytes(row.code), row.code_suffix),
        create_time=row.create_time,
        expire_time=row.expire_time,
        state=State(row.state),
        holder=row.holder,
        store=row.store,
        top_up=row.top_up,
        activate_time=row.activate_time,
        claim=None if row.claim is None else bytes(row.claim),
        offer_expire_time=row.offer_expire_time,
        void_reason=row.void_reason,
    )
