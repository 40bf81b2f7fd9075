"""Shipments, notes, addresses and invoices of orders."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _acts()
    _tags_and_holds()
    _shipments()
    _invoices()
    _search()


def _acts() -> None:
    op.create_table(
        "order_acts",
        sa.Column("id", sa.Uuid, primary_key=True),
        _order("order_acts_order"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("act_time", _TIME, nullable=False),
    )
    op.create_index("order_acts_order_time", "order_acts", ["order_id", "act_time", "id"])


def _tags_and_holds() -> None:
    op.create_table(
        "order_tags",
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id", name="order_tags_order"), primary_key=True),
        sa.Column("tag", sa.Text, primary_key=True),
        sa.Column("place_time", _TIME, nullable=False),
    )
    op.create_index("order_tags_latest", "order_tags", ["tag", "place_time", "order_id"])
    op.create_table(
        "order_holds",
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id", name="order_holds_order"), primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("hold_time", _TIME, nullable=False),
        sa.Column("place_time", _TIME, nullable=False),
    )
    op.create_index("order_holds_latest", "order_holds", ["place_time", "order_id"])


def _shipments() -> None:
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid, primary_key=True),
        _order("shipments_order"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("ship_time", _TIME),
        sa.Column("end_time", _TIME),
        sa.Column("code_round", sa.Integer, nullable=False),
        sa.Column("code_failures", sa.Integer, nullable=False),
        sa.Column("code_time", _TIME),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint(
            "state in ('CREATED', 'SHIPPED', 'DELIVERED', 'RETURNED', 'CANCELLED')", name="shipments_state"
        ),
    )
    op.create_index("shipments_order_time", "shipments", ["order_id", "create_time", "id"])
    op.create_index("shipments_by_state", "shipments", ["state", "create_time", "id"])
    op.create_index("shipments_latest", "shipments", ["create_time", "id"])
    op.create_table(
        "shipment_lines",
        sa.Column(
            "shipment_id", sa.Uuid, sa.ForeignKey("shipments.id", name="shipment_lines_shipment"), primary_key=True
        ),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column(
            "quantity",
            sa.BigInteger,
            sa.CheckConstraint("quantity > 0", name="shipment_lines_quantity"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "position"], ["order_lines.order_id", "order_lines.position"], name="shipment_lines_line"
        ),
    )
    op.create_table(
        "parcels",
        sa.Column("shipment_id", sa.Uuid, sa.ForeignKey("shipments.id", name="parcels_shipment"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("carrier", sa.Text, nullable=False),
        sa.Column("waybill", sa.Text, nullable=False),
    )
    op.create_index("parcels_waybill", "parcels", ["carrier", "waybill"], unique=True)
    op.add_column("order_lines", sa.Column("shipped_quantity", sa.BigInteger, nullable=False, server_default="0"))
    op.create_check_constraint("order_lines_shipped", "order_lines", "shipped_quantity between 0 and quantity")


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("id", sa.Uuid, primary_key=True),
        _order("invoices_order"),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("amount", sa.BigInteger, sa.CheckConstraint("amount > 0", name="invoices_amount")),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("request_time", _TIME, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("decide_time", _TIME),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("state in ('REQUESTED', 'ISSUED', 'REJECTED', 'VOID')", name="invoices_state"),
        sa.CheckConstraint("state not in ('ISSUED', 'VOID') or amount is not null", name="invoices_issued"),
    )
    op.create_index(
        "invoices_one",
        "invoices",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state in ('REQUESTED', 'ISSUED')"),
    )
    op.create_index("invoices_order_time", "invoices", ["order_id", "request_time", "id"])
    op.create_index("invoices_by_state", "invoices", ["state", "request_time", "id"])
    op.create_index("invoices_latest", "invoices", ["request_time", "id"])


def _search() -> None:
    """What SearchOrders and ListOrderEvents look things up by. A line knows when its order was placed; what a process
    of before stores during the upgrade gets the time of its transaction, which is the same but for imports."""
    op.add_column("order_lines", sa.Column("place_time", _TIME, nullable=False, server_default=sa.text("now()")))
    op.execute("update order_lines l set place_time = o.place_time from orders o where o.id = l.order_id")
    op.create_index("order_lines_sku", "order_lines", ["sku", "place_time", "order_id"])
    op.create_index("orders_store", "orders", ["store", "place_time", "id"], postgresql_where=sa.text("store <> ''"))
    op.create_index("orders_total_range", "orders", ["currency", "total"])
    op.add_column("delivery_addresses", sa.Column("phone", sa.Text, nullable=False, server_default=""))
    op.create_index(
        "delivery_addresses_phone",
        "delivery_addresses",
        ["phone"],
        postgresql_where=sa.text("phone <> ''"),
    )
    op.create_index(
        "stock_movements_order",
        "stock_movements",
        ["order_id"],
        postgresql_where=sa.text("order_id is not null"),
    )


def _order(constraint: str) -> sa.Column[object]:
    return sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id", name=constraint), nullable=False)
