"""Products, stock and its history, orders, payments, refunds, attempts to check out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    schema.create(op)
    _products()
    _stock()
    _orders()
    _contents_of_orders()
    _refunds()
    _checkouts()


def _products() -> None:
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("price", sa.BigInteger, sa.CheckConstraint("price >= 0", name="products_price"), nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
    )
    op.create_index("products_sku", "products", ["sku"], unique=True)
    op.create_index("products_latest", "products", ["create_time", "id"])


def _stock() -> None:
    op.create_table(
        "stocks",
        sa.Column("product_id", sa.Uuid, sa.ForeignKey("products.id", name="stocks_product"), primary_key=True),
        sa.Column("location", sa.Text, primary_key=True),
        sa.Column("on_hand", sa.BigInteger, sa.CheckConstraint("on_hand >= 0", name="stocks_on_hand"), nullable=False),
        sa.Column(
            "reserved", sa.BigInteger, sa.CheckConstraint("reserved >= 0", name="stocks_reserved"), nullable=False
        ),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.CheckConstraint("reserved <= on_hand", name="stocks_never_oversold"),
    )
    op.create_table(
        "stock_movements",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("product_id", sa.Uuid, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("on_hand", sa.BigInteger, nullable=False),
        sa.Column("reserved", sa.BigInteger, nullable=False),
        sa.Column("order_id", sa.Uuid),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("move_time", INSTANT, nullable=False),
    )
    op.create_index("stock_movements_place", "stock_movements", ["product_id", "location", "id"])
    op.execute(APPEND_ONLY)


# Who moves stock adds a row; nobody rewrites what happened.
APPEND_ONLY = """
create function stock_movements_stay() returns trigger language plpgsql as
$$ begin raise exception 'stock movements are never changed'; end $$;
create trigger stock_movements_stay before update or delete on stock_movements
for each statement execute function stock_movements_stay();
"""


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("counter", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("member_id", sa.Uuid),
        sa.Column("account_id", sa.Uuid),
        sa.Column("opportunity_id", sa.Uuid),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("total", sa.BigInteger, sa.CheckConstraint("total >= 0", name="orders_total"), nullable=False),
        sa.Column("coupons", postgresql.JSONB, nullable=False),
        sa.Column("hold", sa.Text, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("points_value", sa.BigInteger, nullable=False),
        sa.Column("refunded", sa.BigInteger, nullable=False),
        sa.Column("refunded_points", sa.BigInteger, nullable=False),
        sa.Column("backordered", sa.Boolean, nullable=False),
        sa.Column("imported", sa.Boolean, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("place_time", INSTANT, nullable=False),
        sa.Column("expire_time", INSTANT),
        sa.Column("pay_time", INSTANT),
        sa.Column("cancel_time", INSTANT),
        sa.Column("cancel_reason", sa.Text),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.CheckConstraint("points_value between 0 and total", name="orders_points_value"),
        sa.CheckConstraint("refunded between 0 and total - points_value", name="orders_refunded"),
        sa.CheckConstraint("refunded_points between 0 and points", name="orders_refunded_points"),
        sa.CheckConstraint(
            "state in ('PENDING_PAYMENT', 'PAID', 'CANCELLED', 'PARTIALLY_REFUNDED', 'REFUNDED')", name="orders_state"
        ),
    )
    op.create_index("orders_counter", "orders", ["counter"], unique=True)
    _orders_index("orders_external", ["channel", "external_id"], where="external_id is not null", unique=True)
    _orders_index("orders_opportunity", ["opportunity_id"], where="opportunity_id is not null", unique=True)
    _orders_index("orders_overdue", ["expire_time"], where="state = 'PENDING_PAYMENT'")
    _orders_index("orders_member", ["member_id", "place_time", "id"], where="member_id is not null")
    _orders_index("orders_account", ["account_id", "place_time", "id"], where="account_id is not null")
    op.create_index("orders_latest", "orders", ["place_time", "id"])
    op.create_index("orders_channel", "orders", ["channel", "place_time", "id"])
    op.create_index("orders_by_state", "orders", ["state", "place_time", "id"])


def _orders_index(name: str, columns: list[str], *, where: str, unique: bool = False) -> None:
    op.create_index(name, "orders", columns, unique=unique, postgresql_where=sa.text(where))


def _contents_of_orders() -> None:
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id", name="order_lines_order"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("product_id", sa.Uuid),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column(
            "quantity", sa.BigInteger, sa.CheckConstraint("quantity > 0", name="order_lines_quantity"), nullable=False
        ),
        sa.Column("unit_price", sa.BigInteger),
        sa.Column(
            "amount", sa.BigInteger, sa.CheckConstraint("amount >= 0", name="order_lines_amount"), nullable=False
        ),
        sa.Column("shares", postgresql.JSONB, nullable=False),
        sa.Column("refunded_quantity", sa.BigInteger, nullable=False),
        sa.CheckConstraint("refunded_quantity between 0 and quantity", name="order_lines_refunded"),
    )
    op.create_table(
        "payments",
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id", name="payments_order"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("tender", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, sa.CheckConstraint("amount > 0", name="payments_amount"), nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("pay_time", INSTANT, nullable=False),
    )


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id", name="refunds_order"), nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, sa.CheckConstraint("amount >= 0", name="refunds_amount"), nullable=False),
        sa.Column("points", sa.BigInteger, sa.CheckConstraint("points >= 0", name="refunds_points"), nullable=False),
        sa.Column(
            "points_value", sa.BigInteger, sa.CheckConstraint("points_value >= 0", name="refunds_value"), nullable=False
        ),
        sa.Column("lines", postgresql.JSONB, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("refund_time", INSTANT, nullable=False),
    )
    op.create_index("refunds_latest", "refunds", ["order_id", "refund_time", "id"])
    op.create_index(
        "refunds_request",
        "refunds",
        ["order_id", "request_id"],
        unique=True,
        postgresql_where=sa.text("request_id is not null"),
    )


def _checkouts() -> None:
    op.create_table(
        "checkouts",
        sa.Column("order_id", sa.Uuid, primary_key=True),
        sa.Column("request_key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("open_time", INSTANT, nullable=False),
    )
    op.create_index(
        "checkouts_open", "checkouts", ["request_key"], unique=True, postgresql_where=sa.text("state = 'OPEN'")
    )
    op.create_index("checkouts_age", "checkouts", ["open_time"])
