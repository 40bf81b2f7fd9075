"""Carts, shipping methods and tax rates."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _tariff()
    _zones()
    _methods()
    _taxes()
    _addresses()
    _carts()


def _tariff() -> None:
    op.create_table(
        "tariffs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name="tariffs_one"),
    )
    op.execute("insert into tariffs (id, version) values (1, 1)")


def _zones() -> None:
    op.create_table(
        "shipping_zones",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("regions", JSONB, nullable=False),
        sa.Column("postal_codes", JSONB, nullable=False),
        *_times(),
    )
    op.create_index("shipping_zones_created", "shipping_zones", ["create_time", "id"])


def _methods() -> None:
    op.create_table(
        "shipping_methods",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("min_days", sa.Integer, nullable=False),
        sa.Column("max_days", sa.Integer, nullable=False),
        sa.Column("channels", JSONB, nullable=False),
        sa.Column("locations", JSONB, nullable=False),
        sa.Column("rates", JSONB, nullable=False),
        *_times(),
    )
    op.create_index("shipping_methods_created", "shipping_methods", ["create_time", "id"])


def _taxes() -> None:
    op.create_table(
        "tax_tables",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("included", sa.Boolean, nullable=False),
        sa.Column("rounding", sa.Text, nullable=False),
        sa.Column("freight_class", sa.Text, nullable=False),
        sa.Column("home", sa.Boolean, nullable=False),
        sa.Column("rates", JSONB, nullable=False),
        *_times(),
    )
    op.create_index("tax_tables_created", "tax_tables", ["create_time", "id"])
    op.create_index("tax_tables_area", "tax_tables", ["country", "region"], unique=True)
    op.create_index("tax_tables_home", "tax_tables", ["home"], unique=True, postgresql_where=sa.text("home"))


def _addresses() -> None:
    op.add_column("orders", sa.Column("delivery", JSONB))
    op.add_column("orders", sa.Column("taxation", JSONB))
    op.create_table(
        "delivery_addresses",
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id", name="delivery_addresses_order"), primary_key=True),
        sa.Column("owner", sa.Uuid, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def _carts() -> None:
    op.create_table(
        "carts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("member_id", sa.Uuid),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("lines", JSONB, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("coupons", JSONB, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("touch_time", _TIME, nullable=False),
        sa.Column("abandon_time", _TIME),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("merged_into", sa.Uuid),
        sa.Column("order_id", sa.Uuid),
        sa.Column("ordered_version", sa.BigInteger, nullable=False),
        sa.Column("ordered_terms", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("units >= 0", name="carts_units"),
    )
    op.create_index(
        "carts_member",
        "carts",
        ["member_id", "channel"],
        unique=True,
        postgresql_where=sa.text("member_id is not null"),
    )
    op.create_index(
        "carts_left", "carts", ["touch_time"], postgresql_where=sa.text("abandon_time is null and units > 0")
    )
    op.create_index("carts_guests", "carts", ["touch_time"], postgresql_where=sa.text("member_id is null"))


def _times() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
