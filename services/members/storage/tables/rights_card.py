"""Kinds of rights cards, the members' cards, the periods that they were paid for, and the uses of their benefits."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.members.storage.tables.base import metadata

rights_card_products = Table(
    "rights_card_products",
    metadata,
    Column("id", Uuid),
    Column("version", Integer),
    Column("terms", JSONB, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("id", "version", name="rights_card_products_pkey"),
)

rights_cards = Table(
    "rights_cards",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member", Uuid, nullable=False),
    Column("product", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("end_time", DateTime(timezone=True), nullable=False),
    # When its time is up for good: the end, and the grace of cards that renew by themselves.
    Column("lapse_time", DateTime(timezone=True), nullable=False),
    Column("auto_renew", Boolean, nullable=False),
    Column("attempt_time", DateTime(timezone=True)),
    Column("freeze_time", DateTime(timezone=True)),
    Column("cancel_time", DateTime(timezone=True)),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("grace_days", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("(state = 'FROZEN') = (freeze_time is not null)", name="rights_cards_freeze"),
    CheckConstraint("end_time <= lapse_time", name="rights_cards_times"),
)
Index("rights_cards_member", rights_cards.c.member, rights_cards.c.id)
Index("rights_cards_due", rights_cards.c.lapse_time, postgresql_where=text("state = 'ACTIVE'"))
_RENEWING = text("state = 'ACTIVE' and auto_renew")
Index("rights_cards_renewals", rights_cards.c.end_time, rights_cards.c.id, postgresql_where=_RENEWING)
Index("rights_cards_attempts", rights_cards.c.attempt_time, postgresql_where=_RENEWING)

# What was paid for a card, each time; the key by which the same payment never counts twice.
rights_card_terms = Table(
    "rights_card_terms",
    metadata,
    Column("card", Uuid),
    Column("number", Integer),
    Column("start_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True), nullable=False),
    Column("product_version", Integer, nullable=False),
    Column("price", BigInteger),
    Column("currency", Text),
    Column("payment", Uuid),
    Column("reference", Text, nullable=False),
    CheckConstraint("start_time < end_time", name="rights_card_terms_times"),
    PrimaryKeyConstraint("card", "number", name="rights_card_terms_pkey"),
)
Index(
    "rights_card_terms_reference",
    rights_card_terms.c.reference,
    unique=True,
    postgresql_where=text("reference <> ''"),
)

benefit_counters = Table(
    "benefit_counters",
    metadata,
    Column("card", Uuid),
    Column("benefit", Text),
    Column("period", DateTime(timezone=True)),
    Column("used", Integer, nullable=False),
    PrimaryKeyConstraint("card", "benefit", "period", name="benefit_counters_pkey"),
    CheckConstraint("used >= 0", name="benefit_counters_used"),
)

benefit_uses = Table(
    "benefit_uses",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("card", Uuid, nullable=False, index=True),
    Column("benefit", Text, nullable=False),
    Column("period", DateTime(timezone=True), nullable=False),
    Column("count", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("use_time", DateTime(timezone=True), nullable=False),
    Column("reverse_time", DateTime(timezone=True)),
    CheckConstraint("count > 0", name="benefit_uses_count"),
)
Index("benefit_uses_reference", benefit_uses.c.reference, unique=True, postgresql_where=text("reference <> ''"))
