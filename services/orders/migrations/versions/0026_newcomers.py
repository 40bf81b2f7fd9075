"""A new customer has one seat in all group buys for new customers: the database says so."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table group_seats add newcomer boolean not null default false")
    # Who has several from before keeps them; one of them counts.
    op.execute("""
        update group_seats s set newcomer = true
        from (
            select distinct on (s.member_id) s.member_id, s.order_id from group_seats s
            join group_buys b on b.id = s.group_buy_id and b.kind = 'NEW_CUSTOMER'
            join buying_groups g on g.id = s.group_id and g.leader_id <> s.member_id
            where s.state in ('HELD', 'PAID')
            order by s.member_id, s.order_id
        ) as one
        where s.order_id = one.order_id
    """)
    op.execute("create unique index group_seats_newcomer on group_seats (member_id) where newcomer")
