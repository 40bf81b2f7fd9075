"""Purchases can be read by the time of their payment."""

from alembic import op
from sqlalchemy import Connection

from kit.db import indexes

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


_COLUMNS = ["pay_time", "member", "order"]


def before(connection: Connection) -> None:
    indexes.build(connection, "purchases_time", "purchases", _COLUMNS)


def upgrade() -> None:
    op.create_index("purchases_time", "purchases", _COLUMNS, if_not_exists=True)
