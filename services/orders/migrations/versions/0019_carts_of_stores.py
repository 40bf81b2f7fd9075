"""A cart may be of a store, and then a member has one in each."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table carts add store text not null default '', add customer_id uuid")
    op.execute("""
        create unique index carts_customer on carts (customer_id, channel, store) where customer_id is not null
    """)
