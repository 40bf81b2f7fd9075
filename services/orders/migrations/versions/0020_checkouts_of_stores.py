"""A checkout knows the store where its order would be sold, also when none comes of it."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table checkouts add store text not null default ''")
    # Of those that are remembered from before; of what never became an order it is not known.
    op.execute("""
        update checkouts c set store = case when o.store like 'stores/%' then substr(o.store, 8) else o.store end
        from orders o where o.id = c.order_id and o.store <> ''
    """)
    op.execute("create index checkouts_store on checkouts (store, open_time, order_id) where store <> ''")
