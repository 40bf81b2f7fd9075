"""Locations of stock, reservations and policies."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _stock()
    _locations()
    _reservations()
    _backorders()
    _transfers()
    _counts()


def _stock() -> None:
    op.add_column("stocks", sa.Column("backordered", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("stocks", sa.Column("buffer", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("stocks", sa.Column("threshold", sa.BigInteger))
    op.add_column("stocks", sa.Column("policy", sa.Text, nullable=False, server_default="DENY"))
    op.add_column("stocks", sa.Column("policy_limit", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("stocks", sa.Column("arrive_time", INSTANT))
    op.create_check_constraint("stocks_backordered", "stocks", "backordered >= 0")
    op.create_check_constraint("stocks_buffer", "stocks", "buffer >= 0")
    op.create_check_constraint("stocks_policy_kind", "stocks", "policy in ('DENY', 'BACKORDER', 'PREORDER')")
    # What is not there yet is awaited at one location, so that the limit is one for the product.
    op.create_index(
        "stocks_policy", "stocks", ["product_id"], unique=True, postgresql_where=sa.text("policy <> 'DENY'")
    )
    op.create_index("stocks_awaited", "stocks", ["product_id", "location"], postgresql_where=sa.text("backordered > 0"))
    op.create_index("stocks_location", "stocks", ["location", "product_id"])
    op.add_column("stock_movements", sa.Column("backordered", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("stock_movements", sa.Column("source", sa.Text, nullable=False, server_default=""))
    op.add_column("orders", sa.Column("location", sa.Text, nullable=False, server_default=""))
    op.add_column("order_lines", sa.Column("components", postgresql.JSONB, nullable=False, server_default="[]"))
    op.add_column("orders", sa.Column("awaiting", sa.Boolean, nullable=False, server_default="false"))


def _locations() -> None:
    op.create_table(
        "locations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column(
            "kind",
            sa.Text,
            sa.CheckConstraint("kind in ('WAREHOUSE', 'STORE')", name="locations_kind"),
            nullable=False,
        ),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("ships", sa.Boolean, nullable=False),
        sa.Column("pickup", sa.Boolean, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
    )
    op.execute(
        "insert into locations (id, title, kind, active, ships, pickup, priority, version, create_time, update_time) "
        "values ('main', 'Main warehouse', 'WAREHOUSE', true, true, false, 0, 1, now(), now())"
    )


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("expire_time", INSTANT, nullable=False),
        sa.Column("end_time", INSTANT),
        sa.Column("order_id", sa.Uuid),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("state in ('HELD', 'CONFIRMED', 'RELEASED', 'EXPIRED')", name="reservations_state"),
        sa.CheckConstraint("(state = 'HELD') = (end_time is null)", name="reservations_end"),
    )
    op.create_index("reservations_due", "reservations", ["expire_time"], postgresql_where=sa.text("state = 'HELD'"))
    of = sa.ForeignKey("reservations.id", name="reservation_items_of")
    op.create_table(
        "reservation_items",
        sa.Column("reservation_id", sa.Uuid, of, primary_key=True),
        sa.Column("product_id", sa.Uuid, primary_key=True),
        _units("units", "units > 0", "reservation_items_units"),
    )


def _backorders() -> None:
    op.create_table(
        "backorders",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("product_id", sa.Uuid, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        _units("units", "units > 0", "backorders_units"),
        sa.Column("paid", sa.Boolean, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
    )
    op.create_index("backorders_order", "backorders", ["order_id"])
    op.create_index("backorders_place", "backorders", ["product_id", "location", "id"])


def _transfers() -> None:
    op.create_table(
        "stock_transfers",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        *_document(),
        sa.CheckConstraint("origin <> destination", name="stock_transfers_ends"),
        sa.CheckConstraint("state in ('IN_TRANSIT', 'RECEIVED', 'CANCELLED')", name="stock_transfers_state"),
    )
    op.create_index("stock_transfers_latest", "stock_transfers", ["create_time", "id"])
    of = sa.ForeignKey("stock_transfers.id", name="stock_transfer_items_of")
    op.create_table(
        "stock_transfer_items",
        sa.Column("transfer_id", sa.Uuid, of, primary_key=True),
        sa.Column("product_id", sa.Uuid, primary_key=True),
        _units("shipped", "shipped > 0", "stock_transfer_items_shipped"),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.CheckConstraint("received between 0 and shipped", name="stock_transfer_items_received"),
    )


def _counts() -> None:
    op.create_table(
        "stock_counts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("location", sa.Text, nullable=False),
        *_document(),
        sa.CheckConstraint("state in ('OPEN', 'POSTED', 'CANCELLED')", name="stock_counts_state"),
    )
    op.create_index("stock_counts_latest", "stock_counts", ["create_time", "id"])
    of = sa.ForeignKey("stock_counts.id", name="stock_count_lines_of")
    op.create_table(
        "stock_count_lines",
        sa.Column("count_id", sa.Uuid, of, primary_key=True),
        sa.Column("product_id", sa.Uuid, primary_key=True),
        _units("counted", "counted >= 0", "stock_count_lines_counted"),
        sa.Column("expected", sa.BigInteger, nullable=False),
        sa.Column("count_time", INSTANT, nullable=False),
    )


def _document() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("end_time", INSTANT),
        sa.Column("version", sa.BigInteger, nullable=False),
    )


def _units(name: str, check: str, constraint: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, sa.CheckConstraint(check, name=constraint), nullable=False)
