"""Reconciliation of the ledger with what is kept beside it: stored value set aside, what purchases earned, rewards
and redemptions.

As in `storage/verification.py`, each comparison of everything is one statement, and so right while others post.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from services.members.domain.points import UNIT
from services.members.domain.programme import DEFAULT, unit_of
from services.members.domain.verification import (
    Check,
    Kind,
    account_name,
    check,
    purchase_name,
    redemption_name,
    reward_name,
)

_MOST = 1000
"""Differences of one kind that are listed."""

_SET_ASIDE = """
    select owner, 'stored/' || currency as unit, k.kind, sum(k.amount) as amount
    from stored_payments cross join lateral (
        values ('held_principal', principal), ('held_bonus', bonus)
    ) k (kind, amount)
    where state = 'HELD' and k.amount <> 0 {only} group by 1, 2, 3
"""
_ACCOUNTS = """
    select owner, unit, kind, balance as amount from ledger_accounts
    where unit like 'stored/%' and kind in ('held_principal', 'held_bonus') {only}
"""
_STORED_HOLDS = text(f"""
    with said as ({_SET_ASIDE.format(only="")}), kept as ({_ACCOUNTS.format(only="and balance <> 0")})
    select coalesce(k.owner, s.owner) as owner, coalesce(k.unit, s.unit) as unit, coalesce(k.kind, s.kind) as kind,
           coalesce(s.amount, 0) as expected, coalesce(k.amount, 0) as kept
    from said s full join kept k on k.owner = s.owner and k.unit = s.unit and k.kind = s.kind
    where s.amount is distinct from k.amount limit {_MOST}
""")  # noqa: S608 - constants only
_STORED_HOLDS_OF = text(f"""
    with said as ({_SET_ASIDE.format(only="and owner = cast(:owner as uuid)")}),
    kept as ({_ACCOUNTS.format(only="and owner = cast(:owner as uuid)")})
    select coalesce(k.unit, s.unit) as unit, coalesce(k.kind, s.kind) as kind,
           coalesce(s.amount, 0) as expected, coalesce(k.amount, 0) as kept
    from said s full join kept k on k.owner = s.owner and k.unit = s.unit and k.kind = s.kind order by 1, 2
""")  # noqa: S608 - constants only

# What purchases earned, in the default programme and in the others; those of which nothing ever was are left out.
_PURCHASES = f"""
    select member, "order", '{UNIT}' as unit, earned, coalesce(receipt, 'orders/' || "order") as source from purchases
    where true {{only}}
    union all
    select p.member, p."order", '{UNIT}/' || e.programme, e.points, coalesce(p.receipt, 'orders/' || p."order")
    from earnings e join purchases p on p."order" = e."order" where e.programme <> '{DEFAULT}' {{only}}
"""  # noqa: S608 - constants only
_POSTED = f"""
    select e.source, a.unit, sum(case e.kind when 'ACCRUAL' then e.amount else -e.amount end) as amount
    from ledger_entries e join ledger_accounts a on a.id = e.debit
    where e.kind in ('ACCRUAL', 'CLAWBACK') and (a.unit = '{UNIT}' or a.unit like '{UNIT}/%') group by 1, 2
"""  # noqa: S608 - constants only
_EARNED = text(f"""
    with kept as ({_PURCHASES.format(only="")}), said as ({_POSTED})
    select k.member, k."order", k.unit, coalesce(s.amount, 0) as expected, k.earned as kept
    from kept k left join said s on s.source = k.source and s.unit = k.unit
    where k.earned <> coalesce(s.amount, 0) limit {_MOST}
""")  # noqa: S608 - constants only
# A merge leaves entries where they are, and undoing it does, too: so what a purchase earned is the sum over all who
# ever had it. `offset 0` looks into the index once per account, whatever the statistics say.
_EARNED_OF = text(f"""
    with recursive kin as (
        select cast(:owner as uuid) as member
        union
        select case k.member when m.gone then m.kept else m.gone end
        from kin k join merges m on k.member in (m.gone, m.kept)
    ), mine as (
        select a.id, a.unit from kin cross join lateral (
            select id, unit from ledger_accounts where owner = kin.member offset 0
        ) a where a.unit = '{UNIT}' or a.unit like '{UNIT}/%'
    ), touched as (
        select mine.unit, e.source, e.amount from mine cross join lateral (
            select * from ledger_entries where credit = mine.id offset 0
        ) e where e.kind = 'ACCRUAL'
        union all
        select mine.unit, e.source, -e.amount from mine cross join lateral (
            select * from ledger_entries where debit = mine.id offset 0
        ) e where e.kind = 'CLAWBACK'
    ), said as (
        select source, unit, sum(amount) as amount from touched group by 1, 2
    ), kept as ({_PURCHASES.format(only="and member = cast(:owner as uuid)")})
    select k."order", k.unit, coalesce(s.amount, 0) as expected, k.earned as kept
    from kept k left join said s on s.source = k.source and s.unit = k.unit
    where k.earned <> 0 or s.amount <> 0 order by k."order", k.unit
""")  # noqa: S608 - constants only

_REWARDS = text(f"""
    select r.id, r.held, r.redeemed, coalesce(s.held, 0) as said_held, coalesce(s.redeemed, 0) as said_redeemed
    from rewards r left join (
        select reward, sum(quantity) filter (where state = 'HELD') as held,
               sum(quantity) filter (where state in ('CONFIRMED', 'FULFILLED')
                                           or state = 'REFUNDED' and not restocked) as redeemed
        from redemptions group by reward
    ) s on s.reward = r.id
    where (r.held, r.redeemed) is distinct from (coalesce(s.held, 0), coalesce(s.redeemed, 0)) limit {_MOST}
""")  # noqa: S608 - constants only

# What is said of a redemption follows from its state; what its hold says is where its points are.
_OF_REDEMPTIONS = """
    select r.member, r.id, r.points, r.programme,
           case when r.state in ('CONFIRMED', 'FULFILLED', 'REFUNDED') then r.points else 0 end as spent,
           case when r.state = 'REFUNDED' then r.points else 0 end as back,
           h.points as held, h.programme as held_in, h.confirmed, h.returned
    from redemptions r left join holds h on h.id = r.hold and h.member = r.member
"""
_REDEMPTIONS = text(f"""
    select * from ({_OF_REDEMPTIONS}) x
    where (x.points, x.programme, x.spent, x.back) is distinct from (x.held, x.held_in, x.confirmed, x.returned)
    limit {_MOST}
""")  # noqa: S608 - constants only
_REDEMPTIONS_OF = text(f"{_OF_REDEMPTIONS} where r.member = cast(:owner as uuid) order by r.id")


class ReconciliationStore:
    """Compares what is kept beside the ledger with what it follows from."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, owner: UUID) -> list[Check]:
        """Every comparison about a member, whose accounts are locked."""
        query = {"owner": owner}
        stored = self._connection.execute(_STORED_HOLDS_OF, query).all()
        earned = self._connection.execute(_EARNED_OF, query).all()
        redemptions = self._connection.execute(_REDEMPTIONS_OF, query).mappings()
        return [
            *(check(Kind.STORED_HOLD, account_name(owner, *row[:2]), *row[2:]) for row in stored),
            *(check(Kind.EARNED, purchase_name(owner, *row[:2]), *row[2:]) for row in earned),
            *(_redemption(row) for row in redemptions),
        ]

    def stored_holds(self) -> list[Check]:
        """The stored value that is set aside, by owner, where it differs from the payments that are held."""
        rows = self._connection.execute(_STORED_HOLDS).all()
        return [check(Kind.STORED_HOLD, account_name(*row[:3]), *row[3:]) for row in rows]

    def earned(self) -> list[Check]:
        """What purchases earned, where it differs from the entries that name them."""
        rows = self._connection.execute(_EARNED).all()
        return [check(Kind.EARNED, purchase_name(*row[:3]), *row[3:]) for row in rows]

    def rewards(self) -> list[Check]:
        """The counters of rewards that differ from the redemptions."""
        found = []
        for id_, held, redeemed, said_held, said_redeemed in self._connection.execute(_REWARDS).all():
            each = check(Kind.REWARD, reward_name(id_, "held"), said_held, held)
            other = check(Kind.REWARD, reward_name(id_, "redeemed"), said_redeemed, redeemed)
            found += [one for one in (each, other) if not one.ok]
        return found

    def redemptions(self) -> list[Check]:
        """The redemptions whose points are not where their state says."""
        return [_redemption(row) for row in self._connection.execute(_REDEMPTIONS).mappings()]


def _redemption(row: RowMapping) -> Check:
    says = _points(row["programme"], row["points"], row["spent"], row["back"])
    holds = _points(row["held_in"], row["held"], row["confirmed"], row["returned"])
    return check(Kind.REDEMPTION, redemption_name(row["member"], row["id"]), says, holds)


def _points(programme: object, points: object, spent: object, back: object) -> str:
    """How many points of which programme, for example `100 points, 100 spent, 0 returned`."""
    if programme is None:
        return "no hold"
    return f"{points} {unit_of(str(programme))}, {spent} spent, {back} returned"
