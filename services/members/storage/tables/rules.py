"""What orders earned by rules."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from services.members.storage.tables.base import metadata

# By order alone: when two members become one, their orders move and this stays.
earnings = Table(
    "earnings",
    metadata,
    Column("order", Uuid),
    Column("programme", Text),
    Column("version", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("grants", JSONB, nullable=False),
    PrimaryKeyConstraint("order", "programme", name="earnings_pkey"),
)

recalculations = Table(
    "recalculations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("programme", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("start_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    # The last member whose purchases were recalculated; members go by their ids.
    Column("position", Uuid),
    Column("purchases", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("finish_time", DateTime(timezone=True)),
)
Index(
    "recalculations_running",
    recalculations.c.programme,
    unique=True,
    postgresql_where=text("state = 'RUNNING'"),
)
