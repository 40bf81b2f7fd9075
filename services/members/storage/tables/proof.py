"""The audit trail, what was posted by hand, and what was proved."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, PrimaryKeyConstraint, Table, Text, Uuid

from services.members.storage.tables.base import metadata

# Append-only, as the ledger's entries: the role has no right to change it, and a trigger refuses whoever has. What was
# hashed is kept as text, for jsonb would write it in its own way.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
Index("audit_entries_subject", audit_entries.c.subject, audit_entries.c.sequence)
Index("audit_entries_actor", audit_entries.c.actor, audit_entries.c.sequence)

# Append-only as well. The key keeps a row from being posted twice, for ever.
adjustments = Table(
    "adjustments",
    metadata,
    Column("row_id", Text, primary_key=True),
    Column("member", Uuid, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("programme", Text, nullable=False, server_default="default"),
)

# Append-only: signed statements, a chain per member.
verifications = Table(
    "verifications",
    metadata,
    Column("member", Uuid),
    Column("sequence", BigInteger),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("jws", Text, nullable=False),
    PrimaryKeyConstraint("member", "sequence", name="verifications_pkey"),
)

# The public keys that statements were signed with, for ever.
verification_keys = Table(
    "verification_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("jwk", Text, nullable=False),
    Column("publish_time", DateTime(timezone=True), nullable=False),
)

# What the last sweep found, and where the one over the tiers stands; every replica shows the same.
sweeps = Table(
    "sweeps",
    metadata,
    Column("name", Text, primary_key=True),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("position", Uuid, nullable=False),
    Column("differences", Text, nullable=False),
)
