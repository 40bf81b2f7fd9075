"""What exchanges pass on to the orders of what the customer gets instead."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table refunds add credit bigint not null default 0")
    op.execute("create index payments_exchange on payments (reference) where tender = 'EXCHANGE'")
