"""Several programmes, earn rules, what orders earned by them, and recalculations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("programmes", sa.Column("programme", sa.Text, nullable=False, server_default="default"))
    op.drop_constraint("programmes_pkey", "programmes")
    op.create_primary_key("programmes_pkey", "programmes", ["programme", "version"])
    _purchases()
    op.create_table(
        "earnings",
        sa.Column("order", sa.Uuid),
        sa.Column("programme", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("grants", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("order", "programme", name="earnings_pkey"),
    )
    _recalculations()


def _purchases() -> None:
    """What rules may know of an order; of older orders only their net is known."""
    op.add_column("purchases", sa.Column("complete_time", INSTANT))
    op.add_column("purchases", sa.Column("paid", sa.BigInteger))
    op.add_column("purchases", sa.Column("freight", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("purchases", sa.Column("channel", sa.Text, nullable=False, server_default=""))
    op.add_column("purchases", sa.Column("store", sa.Text, nullable=False, server_default=""))
    op.add_column("purchases", sa.Column("lines", postgresql.JSONB))
    op.add_column("purchases", sa.Column("lines_left", postgresql.JSONB))
    op.add_column("purchases", sa.Column("freight_left", sa.BigInteger))
    op.add_column("purchases", sa.Column("person", postgresql.JSONB))


def _recalculations() -> None:
    op.create_table(
        "recalculations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("start_time", INSTANT, nullable=False),
        sa.Column("end_time", INSTANT, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("position", sa.Uuid),
        sa.Column("purchases", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("finish_time", INSTANT),
    )
    op.create_index(
        "recalculations_running",
        "recalculations",
        ["programme"],
        unique=True,
        postgresql_where=sa.text("state = 'RUNNING'"),
    )
