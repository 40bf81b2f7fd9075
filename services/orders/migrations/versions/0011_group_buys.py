"""Group buys with their groups and seats; bargains with their haggles and cuts."""

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
    _bargains()
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


def _bargains() -> None:
    op.create_table(
        "bargains",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("product_id", sa.Uuid, sa.ForeignKey("products.id", name="bargains_product"), nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("floor", sa.BigInteger, nullable=False),
        sa.Column("helpers", sa.Integer, nullable=False),
        sa.Column("start_time", INSTANT, nullable=False),
        sa.Column("end_time", INSTANT, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("hold_ms", sa.BigInteger, nullable=False),
        sa.Column("cancel_time", INSTANT),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.CheckConstraint("floor > 0 and floor < price", name="bargains_floor"),
        sa.CheckConstraint("start_time < end_time", name="bargains_window"),
    )
    op.create_index("bargains_latest", "bargains", ["start_time", "id"])
    op.create_index("bargains_product_latest", "bargains", ["product_id", "start_time", "id"])
    op.create_table(
        "haggles",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("bargain_id", sa.Uuid, sa.ForeignKey("bargains.id", name="haggles_bargain"), nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("cuts", JSONB, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("order_id", sa.Uuid),
        sa.Column("open_time", INSTANT, nullable=False),
        sa.Column("deadline", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.CheckConstraint("done between 0 and jsonb_array_length(cuts)", name="haggles_done"),
        sa.CheckConstraint("(state = 'CUTTING') = (order_id is null)", name="haggles_order"),
        sa.CheckConstraint("state in ('CUTTING', 'ORDERED', 'BOUGHT')", name="haggles_state"),
    )
    op.create_index("haggles_member", "haggles", ["bargain_id", "member_id"], unique=True)
    op.create_table(
        "haggle_cuts",
        sa.Column("haggle_id", sa.Uuid, sa.ForeignKey("haggles.id", name="haggle_cuts_haggle"), primary_key=True),
        sa.Column("helper_id", sa.Uuid, primary_key=True),
        sa.Column("amount", sa.BigInteger, sa.CheckConstraint("amount > 0", name="haggle_cuts_amount"), nullable=False),
        sa.Column("cut_time", INSTANT, nullable=False),
    )
