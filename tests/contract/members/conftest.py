"""The stores and use-cases of members on a real database, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.vault import Keyring, Vault
from services.members import metrics, publish
from services.members.domain.points import Wallet
from services.members.storage.unit import MembersUnit
from services.members.usecases import member, points, verification
from tests.support.builders.members import NOW, row
from tests.support.keyring import VAULT

# Whatever was done, these hold: each query finds what contradicts them.
INVARIANTS = {
    "a balance is the sum of its entries": """
        select a.id from ledger_accounts a where a.sign <> 0 and a.balance <>
            coalesce((select sum(amount) from ledger_entries where credit = a.id), 0)
            - coalesce((select sum(amount) from ledger_entries where debit = a.id), 0)
    """,
    "what is held is the sum of the active holds of the programme": """
        select a.owner from ledger_accounts a where a.kind = 'held' and a.unit like 'points%' and a.balance <>
            coalesce((select sum(points) from holds where member = a.owner and state = 'ACTIVE' and a.unit =
                case programme when 'default' then 'points' else 'points/' || programme end), 0)
    """,
    "nobody has points and a debt at once": """
        select a.owner from ledger_accounts a join ledger_accounts d on d.owner = a.owner and d.unit = a.unit
        where a.kind = 'available' and d.kind = 'receivable' and a.balance > 0 and d.balance < 0
    """,
    "what orders earned is what was posted for them": """
        select p."order" from purchases p where p.earned <> coalesce((
            select sum(case e.kind when 'ACCRUAL' then e.amount else -e.amount end) from ledger_entries e
            join ledger_accounts a on a.id = e.debit
            where e.source = coalesce(p.receipt, 'orders/' || p."order") and e.kind in ('ACCRUAL', 'CLAWBACK')
                  and a.unit = 'points'), 0)
    """,
    "what orders earned in other programmes is what was posted for them": """
        select n."order" from earnings n join purchases p on p."order" = n."order"
        where n.programme <> 'default' and n.points <> coalesce((
            select sum(case e.kind when 'ACCRUAL' then e.amount else -e.amount end) from ledger_entries e
            join ledger_accounts a on a.id = e.debit
            where e.source = coalesce(p.receipt, 'orders/' || n."order") and e.kind in ('ACCRUAL', 'CLAWBACK')
                  and a.unit = 'points/' || n.programme), 0)
    """,
    "what is kept of the rules of the default programme is what it earned": """
        select p."order" from purchases p join earnings n on n."order" = p."order" and n.programme = 'default'
        where p.earned <> n.points or p.rules <> n.version
    """,
    "what holds gave back was posted, to the members or, where the time of a lot was over, to nobody": """
        select 1 where (select coalesce(sum(returned), 0) from holds) <> (
            select coalesce(sum(e.amount), 0) from ledger_entries e join ledger_accounts d on d.id = e.debit
            where d.kind = 'clearing' and d.unit like 'points%' and e.kind in ('RETURN', 'LAPSE'))
    """,
    "a receipt that was claimed is a purchase": """
        select c.id from receipt_claims c full join (select * from purchases where receipt is not null) p
            on p."order" = c.id and p.member = c.member and p.receipt like '%/receiptClaims/' || c.id
        where p.net is distinct from c.amount
    """,
    "what is left of a lot is the sum of its entries": """
        select l.id from ledger_lots l cross join lateral (
            select coalesce(sum(case when c.kind = k.kind then e.amount end), 0)
                   - coalesce(sum(case when d.kind = k.kind then e.amount end), 0) as amount, k.kind
            from (values ('pending'), ('available'), ('held')) k (kind)
            left join ledger_entries e on e.lot = l.id
            left join ledger_accounts c on c.id = e.credit left join ledger_accounts d on d.id = e.debit
            group by k.kind
        ) e
        where e.amount <> case e.kind when 'pending' then l.pending when 'held' then l.held else l.available end
    """,
    "a balance is the sum of what is left of the lots": """
        select a.id from ledger_accounts a
        where a.kind in ('pending', 'available', 'held') and a.unit like 'points%' and a.sign <> 0
              and a.balance <> coalesce((
                  select sum(case a.kind when 'pending' then l.pending when 'held' then l.held else l.available end)
                  from ledger_lots l where l.owner = a.owner and l.unit = a.unit), 0)
    """,
    "what check-ins, referrals, birthdays and profiles gave is what was posted for them": """
        select given.kind from (
            select 'checkIns/%' as kind, coalesce(sum(points), 0) as points from check_ins
            union all select 'referral', coalesce(sum(referrer_given + member_given), 0) from referrals
            union all select 'birthdays/%', coalesce(sum(points), 0) from birthday_rewards
            union all select 'profile', coalesce(sum(points), 0) from profile_rewards
        ) as given where given.points <> coalesce((
            select sum(case e.kind when 'ACCRUAL' then e.amount else -e.amount end) from ledger_entries e
            where e.source like 'members/%/' || given.kind and e.kind in ('ACCRUAL', 'CLAWBACK')), 0)
    """,
}


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, step: timedelta) -> None:
        """Let time go by."""
        self.now += step


@dataclass
class World:
    """A database of members, and what tests ask of it."""

    url: str
    clock: Clock = field(default_factory=Clock)
    numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.counted = points_counted()
        self.database = Database(
            self.url,
            partial(MembersUnit, publish=publish.to_event, vault=VAULT),
            committed=metrics.count,
            clock=self.clock,
            pool_size=20,
        )

    def vault(self, keyring: Keyring) -> None:
        """Go on with another keyring."""
        self.database.close()
        unit = partial(MembersUnit, publish=publish.to_event, vault=Vault(keyring))
        self.database = Database(self.url, unit, committed=metrics.count, clock=self.clock, pool_size=20)

    def do(self, usecase: Callable[..., Any], *args: Any) -> Any:
        """Run a use-case in a transaction of its own."""
        return self.database.write(usecase, *args)

    def enrolled(self, number: int = 1, *, available: int = 0) -> list[UUID]:
        """New members, each with so many points."""
        rows = [row(str(next(self.numbers))) for _ in range(number)]
        ids = [outcome.member for outcome in self.do(member.batch_enroll, rows)]
        if available:
            self.do(points.accrue, [points.Accrue(id_, available, "tests/1") for id_ in ids])
        return ids

    def wallet(self, of: UUID) -> tuple[int, int, int]:
        """Available, held and receivable."""
        found: Wallet | Fault = self.do(points.balances, [of])[0]
        assert isinstance(found, Wallet)
        return found.available, found.held, found.receivable

    def rows(self, query: str, **parameters: Any) -> list[Any]:
        """What a query finds."""
        found: list[Any] = self.do(lambda unit: list(unit.connection.execute(text(query), parameters)))
        return found

    def published(self, kind: str) -> list[tuple[str, int, str]]:
        """Subject, version and payload of the events of a kind, in their order."""
        query = "select aggregateid, subject_version, payload from outbox where type = :kind order by sequence"
        return [tuple(each) for each in self.rows(query, kind=kind)]

    def check(self) -> None:
        """Fail if an invariant is hurt."""
        for name, query in INVARIANTS.items():
            assert self.rows(query) == [], name
        ((kept,),) = self.rows("""
            select coalesce(sum(balance), 0) from ledger_accounts where sign <> 0 and unit like 'points%'
        """)
        assert points_counted() - self.counted == kept, "what was counted of points is what members have"


_SIGNS = {"issued": 1, "revoked": -1, "burned": -1, "returned": 1, "expired": -1}


def points_counted() -> float:
    """What members of all worlds of this process have, by the metrics."""
    # Only these are asked: the whole registry takes longer than everything else that is checked.
    few = REGISTRY.restricted_registry([f"points_{name}_total" for name in _SIGNS])
    return sum(_SIGNS[metric.name.removeprefix("points_")] * metric.samples[0].value for metric in few.collect())


@pytest.fixture
def world(migrated: Callable[[str], str]) -> Iterator[World]:
    """An empty installation; its invariants are checked in the end."""
    world = World(migrated("members"))
    yield world
    world.check()
    assert world.do(verification.ledger) == []
    assert world.do(verification.tiers, verification.NOBODY)[0] == []
    world.database.close()


@pytest.fixture
def unchecked(migrated: Callable[[str], str]) -> Iterator[World]:
    """An installation in which things may be wrong."""
    world = World(migrated("members"))
    yield world
    world.database.close()
