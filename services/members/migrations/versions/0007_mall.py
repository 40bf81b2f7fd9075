"""The points mall: rewards, redemptions, and what members give to each other."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

STATES = (
    "case state when 'HELD' then confirm_time is null and end_time is null and cash is not null"
    " when 'CONFIRMED' then confirm_time is not null and fulfil_time is null and end_time is null"
    " when 'FULFILLED' then confirm_time is not null and fulfil_time is not null and end_time is null"
    " when 'CANCELLED' then confirm_time is null and end_time is not null and cash is not null"
    " when 'EXPIRED' then confirm_time is null and end_time is not null and cash is not null"
    " when 'REFUNDED' then confirm_time is not null and end_time is not null"
    " else false end"
)


def upgrade() -> None:
    _rewards()
    _redemptions()
    _point_transfers()
    op.execute(NO_TRANSFERS)


def _rewards() -> None:
    op.create_table(
        "rewards",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("cash", sa.BigInteger),
        sa.Column("currency", sa.Text),
        sa.Column("stock", sa.BigInteger, nullable=False),
        sa.Column("per_member", sa.Integer),
        sa.Column("per_day", sa.Integer),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("start_time", INSTANT),
        sa.Column("end_time", INSTANT),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("redeemed", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("points > 0 and cash > 0", name="rewards_price"),
        sa.CheckConstraint("(cash is null) = (currency is null)", name="rewards_currency"),
        sa.CheckConstraint("held >= 0 and redeemed >= 0 and held + redeemed <= stock", name="rewards_stock"),
        sa.CheckConstraint("state in ('DRAFT', 'ON_SALE', 'OFF_SALE')", name="rewards_state"),
        postgresql_with={"fillfactor": 50},
    )


def _redemptions() -> None:
    op.create_table(
        "redemptions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("member", sa.Uuid, nullable=False),
        sa.Column("reward", sa.Uuid, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("cash", sa.BigInteger),
        sa.Column("currency", sa.Text),
        sa.Column("hold", sa.Uuid, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("payment", sa.Text),
        sa.Column("voucher_code", sa.Text, nullable=False),
        sa.Column("tracking_number", sa.Text, nullable=False),
        sa.Column("pickup_store", sa.Text, nullable=False),
        sa.Column("digest", sa.Text),
        sa.Column("refund_payment", sa.Text),
        sa.Column("restocked", sa.Boolean, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("expire_time", INSTANT),
        sa.Column("confirm_time", INSTANT),
        sa.Column("fulfil_time", INSTANT),
        sa.Column("end_time", INSTANT),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("quantity > 0 and points > 0 and cash > 0", name="redemptions_price"),
        sa.CheckConstraint(
            "(cash is null) = (currency is null) and (cash is null) = (expire_time is null)", name="redemptions_cash"
        ),
        sa.CheckConstraint(STATES, name="redemptions_state"),
        sa.CheckConstraint(
            "(payment is not null) = (confirm_time is not null and cash is not null)", name="redemptions_paid"
        ),
        sa.CheckConstraint(
            "(refund_payment is not null) = (state = 'REFUNDED' and cash is not null)", name="redemptions_refunded"
        ),
        sa.CheckConstraint("not restocked or state = 'REFUNDED'", name="redemptions_restocked"),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("redemptions_member", "redemptions", ["member", "id"])
    op.create_index("redemptions_share", "redemptions", ["member", "reward"])
    op.create_index("redemptions_reward", "redemptions", ["reward", "id"])
    op.create_index("redemptions_due", "redemptions", ["expire_time"], postgresql_where=sa.text("state = 'HELD'"))
    for column in ("payment", "refund_payment", "digest"):
        op.create_index(
            f"redemptions_{column}",
            "redemptions",
            [column],
            unique=True,
            postgresql_where=sa.text(f"{column} is not null"),
        )


def _point_transfers() -> None:
    op.create_table(
        "point_transfers",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("member", sa.Uuid, nullable=False),
        sa.Column("recipient", sa.Uuid, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.CheckConstraint("points > 0", name="point_transfers_points"),
    )
    op.create_index("point_transfers_member", "point_transfers", ["member", "id"])
    op.create_index("point_transfers_day", "point_transfers", ["member", "day"])
    op.create_table(
        "point_transfer_policy",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("daily_limit", sa.BigInteger, nullable=False),
        sa.Column("minimum", sa.BigInteger, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name="point_transfer_policy_single"),
    )


NO_TRANSFERS = """
insert into point_transfer_policy (id, daily_limit, minimum, update_time, version) values (1, 0, 1, now(), 1)
"""
