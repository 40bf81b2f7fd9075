"""Group buys: their groups and seats."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _group_buys()
    _groups()
    _seats()
    op.create_table(
        "group_sponsorships",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "group_id", sa.Uuid, sa.ForeignKey("buying_groups.id", name="group_sponsorships_group"), nullable=False
        ),
        sa.Column(
            "seats", sa.Integer, sa.CheckConstraint("seats > 0", name="group_sponsorships_seats"), nullable=False
        ),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("posted_by", sa.Text, nullable=False),
        sa.Column("post_time", INSTANT, nullable=False),
    )
    op.create_index("group_sponsorships_group", "group_sponsorships", ["group_id"])


def _group_buys() -> None:
    op.create_table(
        "group_buys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("product_id", sa.Uuid, sa.ForeignKey("products.id", name="group_buys_product"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("price", sa.BigInteger, sa.CheckConstraint("price > 0", name="group_buys_price"), nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, sa.CheckConstraint("size > 1", name="group_buys_size"), nullable=False),
        sa.Column("steps", JSONB, nullable=False),
        sa.Column("start_time", INSTANT, nullable=False),
        sa.Column("end_time", INSTANT, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("hold_ms", sa.BigInteger, nullable=False),
        sa.Column("member_limit", sa.Integer, nullable=False),
        sa.Column("channels", JSONB, nullable=False),
        sa.Column("cancel_time", INSTANT),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.CheckConstraint("start_time < end_time", name="group_buys_window"),
        sa.CheckConstraint("kind in ('PLAIN', 'LADDER', 'NEW_CUSTOMER')", name="group_buys_kind"),
    )
    op.create_index("group_buys_latest", "group_buys", ["start_time", "id"])
    op.create_index("group_buys_product_latest", "group_buys", ["product_id", "start_time", "id"])


def _groups() -> None:
    op.create_table(
        "buying_groups",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "group_buy_id", sa.Uuid, sa.ForeignKey("group_buys.id", name="buying_groups_group_buy"), nullable=False
        ),
        sa.Column("leader_id", sa.Uuid, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("steps", JSONB, nullable=False),
        *(
            sa.Column(
                name, sa.Integer, sa.CheckConstraint(f"{name} >= 0", name=f"buying_groups_{name}"), nullable=False
            )
            for name in ("held", "paid", "sponsored")
        ),
        sa.Column("final_price", sa.BigInteger),
        sa.Column("open_time", INSTANT, nullable=False),
        sa.Column("deadline", INSTANT, nullable=False),
        sa.Column("recruit_time", INSTANT),
        sa.Column("end_time", INSTANT),
        sa.Column("unsettled", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.CheckConstraint("held + paid + sponsored <= size", name="buying_groups_seats"),
        sa.CheckConstraint("(state = 'SUCCEEDED') = (final_price is not null)", name="buying_groups_final"),
        sa.CheckConstraint("state <> 'CLOSED' or held + paid = 0", name="buying_groups_closed"),
        sa.CheckConstraint(
            "state in ('OPENING', 'RECRUITING', 'SUCCEEDED', 'EXPIRED', 'REFUNDING', 'CLOSED')",
            name="buying_groups_state",
        ),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "buying_groups_due",
        "buying_groups",
        ["deadline"],
        postgresql_where=sa.text("state in ('OPENING', 'RECRUITING')"),
    )
    op.create_index(
        "buying_groups_recruiting",
        "buying_groups",
        ["group_buy_id", "deadline", "id"],
        postgresql_where=sa.text("state = 'RECRUITING'"),
    )
    op.create_index("buying_groups_unsettled", "buying_groups", ["end_time"], postgresql_where=sa.text("unsettled"))


def _seats() -> None:
    op.create_table(
        "group_seats",
        sa.Column("order_id", sa.Uuid, primary_key=True),
        sa.Column("group_id", sa.Uuid, nullable=False),
        sa.Column("group_buy_id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.CheckConstraint("state in ('HELD', 'PAID', 'LATE', 'REFUNDED')", name="group_seats_state"),
    )
    live = sa.text("state <> 'REFUNDED'")
    op.create_index("group_seats_member", "group_seats", ["group_id", "member_id"], unique=True, postgresql_where=live)
    op.create_index(
        "group_seats_limit", "group_seats", ["group_buy_id", "member_id", "n"], unique=True, postgresql_where=live
    )
