"""What must hold of stored value whatever was done, asked of the database."""

from __future__ import annotations

from uuid import UUID

from services.members.usecases import stored_value
from tests.contract.members.conftest import World
from tests.support.builders.stored_value import CURRENCY

_INVARIANTS = {
    "a balance is the sum of its entries": """
        select a.id from ledger_accounts a where a.unit like 'stored/%' and a.sign <> 0 and a.balance <>
            coalesce((select sum(amount) from ledger_entries where credit = a.id), 0)
            - coalesce((select sum(amount) from ledger_entries where debit = a.id), 0)
    """,
    "what is held is the sum of the held payments": """
        select a.owner from ledger_accounts a where a.kind in ('held_principal', 'held_bonus') and a.balance <>
            coalesce((select sum(case a.kind when 'held_bonus' then p.bonus else p.principal end)
                      from stored_payments p
                      where p.owner = a.owner and 'stored/' || p.currency = a.unit and p.state = 'HELD'), 0)
    """,
    "what was refunded of a document is the sum of its refunds": """
        select d.id from (select id, refunded_principal, refunded_bonus from stored_payments
                          union all select id, refunded_principal, refunded_bonus from top_ups) d
        where (d.refunded_principal, d.refunded_bonus) <> (
            select coalesce(sum(principal), 0), coalesce(sum(bonus), 0) from stored_refunds where document = d.id)
    """,
    "all accounts of a currency sum to zero": """
        select unit from (
            select a.unit, case when e.credit = a.id then e.amount else -e.amount end as amount
            from ledger_accounts a join ledger_entries e on a.id in (e.credit, e.debit)
            where a.unit like 'stored/%') moves
        group by unit having sum(amount) <> 0
    """,
}


def check_stored_value(world: World) -> None:
    """Fail if an invariant is hurt."""
    for name, query in _INVARIANTS.items():
        assert world.rows(query) == [], name


def free_and_held(world: World, owner: UUID, currency: str = CURRENCY) -> tuple[tuple[int, int], tuple[int, int]]:
    """What a member can spend and what is set aside, as principal and bonus each."""
    purse = world.do(stored_value.get, owner, currency)
    return tuple(purse.free), tuple(purse.held)
