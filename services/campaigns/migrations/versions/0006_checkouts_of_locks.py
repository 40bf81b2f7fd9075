"""An order that was given up and is paid late locks its coupons anew, in a checkout of its own."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table coupons add checkout_id uuid")
