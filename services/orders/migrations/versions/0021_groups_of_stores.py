"""A group knows the store where it was opened."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table buying_groups add store text not null default ''")
    # Of those of before by the order that opened them; of a group whose leader gave that up it is not known.
    op.execute("""
        update buying_groups g
        set store = case when o.store like 'stores/%' then substr(o.store, 8) else o.store end
        from group_seats s join orders o on o.id = s.order_id
        where s.group_id = g.id and s.member_id = g.leader_id and o.store <> ''
    """)
    op.execute("""
        create index buying_groups_store on buying_groups (store, group_buy_id, deadline, id)
        where state = 'RECRUITING' and store <> ''
    """)
