"""The steps of a checkout in other services, and what drives a checkout to its end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkouts", sa.Column("member_id", sa.Uuid))
    op.add_column("checkouts", sa.Column("hold_until", sa.DateTime(timezone=True)))
    op.add_column("checkouts", sa.Column("reason", sa.Text, nullable=False, server_default=""))
    op.add_column("checkouts", sa.Column("rounds", sa.Integer, nullable=False, server_default="0"))
    # Attempts of old processes have no steps to drive on: their holds end by themselves, as they did.
    op.add_column("checkouts", sa.Column("drive_time", sa.DateTime(timezone=True)))
    op.add_column("checkouts", sa.Column("update_time", sa.DateTime(timezone=True)))
    op.add_column("checkouts", sa.Column("end_time", sa.DateTime(timezone=True)))
    op.create_index(
        "checkouts_due",
        "checkouts",
        ["drive_time"],
        postgresql_where=sa.text("state in ('OPEN', 'ABANDONED') and drive_time is not null"),
    )
    op.create_index("checkouts_by_state", "checkouts", ["state", "open_time", "order_id"])
    op.create_table(
        "checkout_steps",
        sa.Column(
            "order_id",
            sa.Uuid,
            sa.ForeignKey("checkouts.order_id", name="checkout_steps_checkout", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("coupons", JSONB, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger),
        sa.Column("currency", sa.Text),
        sa.Column("hold", sa.Text, nullable=False),
        sa.Column("answered", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("releases", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("ask_time", sa.DateTime(timezone=True)),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('PLANNED', 'TRYING', 'DONE', 'REFUSED', 'SKIPPED', 'COMPENSATING', 'COMPENSATED')",
            name="checkout_steps_state",
        ),
    )
