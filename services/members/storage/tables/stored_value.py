"""Top-ups, payments and refunds of stored value, its rules, and gift cards. The balances are the ledger's."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.members.storage.tables.base import metadata

_NAMED = text("reference <> ''")

stored_value_rules = Table(
    "stored_value_rules",
    metadata,
    Column("currency", Text),
    Column("version", Integer),
    Column("rules", JSONB, nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("currency", "version", name="stored_value_rules_pkey"),
)

# An owner is a member or a gift card; there is no foreign key, for both are locked by whoever writes.
top_ups = Table(
    "top_ups",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner", Uuid, nullable=False),
    Column("of_card", Boolean, nullable=False),
    Column("currency", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("principal", BigInteger, nullable=False),
    Column("bonus", BigInteger, nullable=False),
    Column("rules", Integer, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("refunded_principal", BigInteger, nullable=False),
    Column("refunded_bonus", BigInteger, nullable=False),
    CheckConstraint("refunded_principal between 0 and principal", name="top_ups_principal"),
    CheckConstraint("refunded_bonus between 0 and bonus", name="top_ups_bonus"),
)
Index("top_ups_owner", top_ups.c.owner, top_ups.c.id)
Index("top_ups_reference", top_ups.c.reference, unique=True, postgresql_where=_NAMED)
Index("top_ups_time", top_ups.c.currency, top_ups.c.create_time)

stored_payments = Table(
    "stored_payments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner", Uuid, nullable=False),
    Column("of_card", Boolean, nullable=False),
    Column("currency", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("draw_order", Text, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("principal", BigInteger, nullable=False),
    Column("bonus", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("expire_time", DateTime(timezone=True)),
    Column("end_time", DateTime(timezone=True)),
    Column("refunded_principal", BigInteger, nullable=False),
    Column("refunded_bonus", BigInteger, nullable=False),
    CheckConstraint("principal + bonus between 1 and asked", name="stored_payments_parts"),
    CheckConstraint("refunded_principal between 0 and principal", name="stored_payments_principal"),
    CheckConstraint("refunded_bonus between 0 and bonus", name="stored_payments_bonus"),
    CheckConstraint("(state = 'HELD') = (end_time is null)", name="stored_payments_end"),
)
Index("stored_payments_owner", stored_payments.c.owner, stored_payments.c.id)
Index("stored_payments_reference", stored_payments.c.reference, unique=True, postgresql_where=_NAMED)
Index("stored_payments_due", stored_payments.c.expire_time, postgresql_where=text("state = 'HELD'"))
Index(
    "stored_payments_time",
    stored_payments.c.currency,
    stored_payments.c.end_time,
    postgresql_where=text("state = 'PAID'"),
)

stored_refunds = Table(
    "stored_refunds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("document", Uuid, nullable=False, index=True),
    Column("owner", Uuid, nullable=False),
    Column("of_top_up", Boolean, nullable=False),
    Column("currency", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("principal", BigInteger, nullable=False),
    Column("bonus", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    CheckConstraint("principal >= 0 and bonus >= 0", name="stored_refunds_parts"),
)
Index("stored_refunds_reference", stored_refunds.c.reference, unique=True, postgresql_where=_NAMED)
Index("stored_refunds_time", stored_refunds.c.currency, stored_refunds.c.create_time)

gift_cards = Table(
    "gift_cards",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("batch", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("promotional", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    # Only hashes are kept, of the code and of the claim code of an offer.
    Column("code", LargeBinary, nullable=False),
    Column("code_suffix", Text, nullable=False),
    Column("claim", LargeBinary),
    Column("offer_expire_time", DateTime(timezone=True)),
    Column("holder", Uuid),
    Column("top_up", Uuid),
    Column("store", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("activate_time", DateTime(timezone=True)),
    Column("expire_time", DateTime(timezone=True)),
    Column("void_reason", Text, nullable=False),
    CheckConstraint("(state = 'OFFERED') = (claim is not null)", name="gift_cards_offer"),
    CheckConstraint("(claim is null) = (offer_expire_time is null)", name="gift_cards_claim"),
)
Index("gift_cards_code", gift_cards.c.code, unique=True)
Index("gift_cards_claim_code", gift_cards.c.claim, unique=True, postgresql_where=text("claim is not null"))
Index("gift_cards_batch", gift_cards.c.batch, gift_cards.c.id)
Index("gift_cards_holder", gift_cards.c.holder, gift_cards.c.id, postgresql_where=text("holder is not null"))
Index(
    "gift_cards_due",
    gift_cards.c.expire_time,
    postgresql_where=text("state in ('ISSUED', 'ACTIVE', 'OFFERED') and expire_time is not null"),
)
