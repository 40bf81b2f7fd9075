"""A product is in one open count at a location."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table stock_count_lines add open_at text")
    # Of what several open counts have, the last number stays: to post the others too would correct the shelf twice.
    op.execute("""
        delete from stock_count_lines l using stock_counts c, stock_count_lines m, stock_counts d
        where c.id = l.count_id and c.state = 'OPEN' and d.id = m.count_id and d.state = 'OPEN'
          and d.location = c.location and m.product_id = l.product_id
          and (m.count_time, m.count_id) > (l.count_time, l.count_id)
    """)
    op.execute("""
        update stock_count_lines l set open_at = c.location
        from stock_counts c where c.id = l.count_id and c.state = 'OPEN'
    """)
    op.execute("""
        create unique index stock_count_lines_open on stock_count_lines (product_id, open_at) where open_at is not null
    """)
