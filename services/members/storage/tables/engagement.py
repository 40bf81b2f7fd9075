"""The rules of engagement, and what members did by them. Whoever adds a row for a member has locked the wallet."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.members.storage.tables.base import metadata

engagement_policies = Table(
    "engagement_policies",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("rules", JSONB, nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)

# The day comes first, so that what is long past lies together and is swept at one end.
daily_uses = Table(
    "daily_uses",
    metadata,
    Column("day", Date),
    Column("activity", Text),
    Column("scope", Text),
    Column("measure", Text),
    Column("subject", Text),
    Column("used", BigInteger, nullable=False),
    Column("allowed", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "activity", "scope", "measure", "subject", name="daily_uses_pkey"),
    CheckConstraint("used <= allowed", name="daily_uses_bound"),
)

check_ins = Table(
    "check_ins",
    metadata,
    Column("member", Uuid),
    Column("day", Date),
    Column("streak", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("bonus", BigInteger, nullable=False),
    Column("made_up", Boolean, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("member", "day", name="check_ins_pkey"),
    CheckConstraint("bonus between 0 and points", name="check_ins_bonus"),
)
