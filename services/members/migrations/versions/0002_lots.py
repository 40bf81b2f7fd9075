"""Points are divided into lots, may be pending, and expire. What members had before becomes one lot without an end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit import ledger

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ledger.add_lots(op)
    op.add_column("holds", sa.Column("lots", postgresql.ARRAY(sa.Uuid), nullable=False, server_default="{}"))
    op.add_column("holds", sa.Column("drawn", postgresql.ARRAY(sa.BigInteger), nullable=False, server_default="{}"))
    op.add_column("holds", sa.Column("returned", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "expiry_notices",
        sa.Column("programme", sa.Text, primary_key=True),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("member", sa.Uuid, nullable=False),
    )
    op.execute(PENDING)
    op.execute(HOUSE)
    op.execute(CARRY_OVER)


PENDING = """
insert into ledger_accounts (unit, owner, kind, sign, balance)
select unit, owner, 'pending', 1, 0 from ledger_accounts where unit = 'points' and kind = 'available'
"""

HOUSE = """
insert into ledger_accounts (unit, owner, kind, sign, balance)
values ('points', '6b656875-0000-7000-8000-000000000001', 'breakage', 0, null)
"""

# A balance of before goes out of its account and comes back under the name of a lot, so that the entries of a lot add
# up to what is left of it, and those of an account to its balance.
CARRY_OVER = """
with carried as (
    insert into ledger_lots (id, unit, owner, source, granted, grant_time, pending, available, held)
    select gen_random_uuid(), unit, owner, 'carried over', sum(balance), now(), 0,
           coalesce(sum(balance) filter (where kind = 'available'), 0),
           coalesce(sum(balance) filter (where kind = 'held'), 0)
    from ledger_accounts where unit = 'points' and kind in ('available', 'held') and balance > 0
    group by unit, owner
    returning *
), accounts as (
    select a.id, a.kind, c.id as lot, case a.kind when 'held' then c.held else c.available end as amount
    from carried c join ledger_accounts a on a.owner = c.owner and a.unit = c.unit and a.kind in ('available', 'held')
), house as (
    select id from ledger_accounts
    where unit = 'points' and owner = '6b656875-0000-7000-8000-000000000001' and kind = 'expense'
), shielded as (
    update holds h set lots = array[c.id], drawn = array[h.points]
    from carried c where c.owner = h.member and h.state = 'ACTIVE'
)
insert into ledger_entries (debit, credit, amount, kind, source, effective_time, lot, create_time)
select s.debit, s.credit, a.amount, 'CARRY', 'carried over', now(), s.lot, now()
from accounts a cross join house h
cross join lateral (values (a.id, h.id, null::uuid), (h.id, a.id, a.lot)) as s (debit, credit, lot)
where a.amount > 0
"""
