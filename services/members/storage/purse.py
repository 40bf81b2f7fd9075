"""Purses: what owners have in a currency, as accounts of the ledger with stores and the issuer on the other side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from kit.ledger import Ledger, Positions
from kit.posting import Sign, Transfer
from services.members.domain.stored_value import (
    BONUS,
    HELD_BONUS,
    HELD_PRINCIPAL,
    ISSUER,
    PRINCIPAL,
    PURSE_ACCOUNTS,
    Parts,
    Purse,
    account_owner,
    house_accounts,
    unit_of,
)

_KINDS = tuple(PURSE_ACCOUNTS)

# Only what is missing: two who open the same accounts at once wait for each other, and one of them opens them.
_OPEN = text("""
    insert into ledger_accounts (unit, owner, kind, sign, balance)
    select :unit, a.owner, a.kind, a.sign, case a.sign when 0 then null else 0 end
    from unnest(cast(:owners as uuid[]), cast(:kinds as text[]), cast(:signs as smallint[])) as a (owner, kind, sign)
    where not exists (select 1 from ledger_accounts l where l.unit = :unit and l.owner = a.owner and l.kind = a.kind)
    order by a.owner, a.kind
    on conflict (owner, unit, kind) do nothing
""")

_CURRENCIES = text("""
    select substr(unit, 8) as currency from ledger_accounts
    where owner = cast(:owner as uuid) and unit like 'stored/%' and kind = 'principal'
    order by unit
""")


class PurseStore:
    """Opens, locks, reads and posts to purses. Accounts are opened when they are first needed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ledgers: dict[tuple[str, str], Ledger] = {}

    def lock(self, currency: str, store: str, owners: Collection[UUID]) -> dict[UUID, Purse]:
        """The owners' purses, locked, and ready to be posted to with the store's accounts; new ones are empty."""
        signs = {account_owner(store): house_accounts(store), **dict.fromkeys(owners, PURSE_ACCOUNTS)}
        self._open(currency, signs)
        return _purses(currency, self._ledger(currency, store).lock(owners, _KINDS))

    def read(self, currency: str, owners: Collection[UUID]) -> dict[UUID, Purse]:
        """The purses, without a lock; owners that never had one are missing."""
        return _purses(currency, self._ledger(currency, ISSUER).read(owners, _KINDS))

    def currencies(self, owner: UUID) -> list[str]:
        """The currencies in which the owner has a purse, in alphabetical order."""
        return list(self._connection.execute(_CURRENCIES, {"owner": owner}).scalars())

    def post(self, currency: str, store: str, transfers: Sequence[Transfer], now: datetime) -> None:
        """Write transfers of purses that were locked together with the store."""
        self._ledger(currency, store).post(transfers, now=now)

    def _ledger(self, currency: str, store: str) -> Ledger:
        if (currency, store) not in self._ledgers:
            self._ledgers[currency, store] = Ledger(
                self._connection, unit=unit_of(currency), house=account_owner(store)
            )
        return self._ledgers[currency, store]

    def _open(self, currency: str, signs: Mapping[UUID, Mapping[str, Sign]]) -> None:
        accounts = [(owner, kind, int(sign)) for owner, kinds in signs.items() for kind, sign in kinds.items()]
        columns = {
            "unit": unit_of(currency),
            "owners": [owner for owner, _, _ in accounts],
            "kinds": [kind for _, kind, _ in accounts],
            "signs": [sign for _, _, sign in accounts],
        }
        self._connection.execute(_OPEN, columns)


def _purses(currency: str, positions: Positions) -> dict[UUID, Purse]:
    return {
        owner: Purse(
            owner,
            currency,
            Parts(held[PRINCIPAL].balance, held[BONUS].balance),
            Parts(held[HELD_PRINCIPAL].balance, held[HELD_BONUS].balance),
            sum(position.version for position in held.values()),
        )
        for owner, held in positions.items()
    }
