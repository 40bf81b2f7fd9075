"""Payments by providers: intents, what providers told of them, money on its way back, and the comparison with bills."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.orders.storage.tables.base import metadata

payment_intents = Table(
    "payment_intents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey("orders.id", name="payment_intents_order"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("scene", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, CheckConstraint("amount > 0", name="payment_intents_amount"), nullable=False),
    Column("reference", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("prepared", JSONB),
    Column("transaction", Text),
    Column("captured", BigInteger),
    Column("captured_currency", Text),
    Column("pay_time", DateTime(timezone=True)),
    Column("cause", Text),
    Column("detail", Text, nullable=False),
    Column("next_time", DateTime(timezone=True)),
    Column("questions", Integer, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("expire_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint(
        "state in ('PENDING', 'SUCCEEDED', 'CLOSED', 'FAILED', 'PARKED', 'RETURNED', 'REVIVING')",
        name="payment_intents_state",
    ),
    CheckConstraint(
        "state not in ('SUCCEEDED', 'PARKED', 'RETURNED', 'REVIVING') or captured is not null",
        name="payment_intents_captured",
    ),
)
Index("payment_intents_reference", payment_intents.c.reference, unique=True)
# What was parked because another intent has its transaction already keeps none of its own.
Index(
    "payment_intents_transaction",
    payment_intents.c.provider,
    payment_intents.c.transaction,
    unique=True,
    postgresql_where=text("transaction is not null"),
)
Index("payment_intents_latest", payment_intents.c.create_time, payment_intents.c.id)
Index("payment_intents_order", payment_intents.c.order_id, payment_intents.c.create_time, payment_intents.c.id)
Index("payment_intents_next", payment_intents.c.next_time, postgresql_where=text("state = 'PENDING'"))
Index(
    "payment_intents_parked",
    payment_intents.c.create_time,
    payment_intents.c.id,
    postgresql_where=text("state = 'PARKED'"),
)
Index("payment_intents_paid", payment_intents.c.provider, payment_intents.c.pay_time)

# What a provider sent, as it came: sealed, for it may tell who paid.
payment_notices = Table(
    "payment_notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("notice_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("receive_time", DateTime(timezone=True), nullable=False),
    Column("apply_time", DateTime(timezone=True)),
    Column("next_time", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False),
)
Index("payment_notices_notice", payment_notices.c.provider, payment_notices.c.notice_id, unique=True)
Index("payment_notices_next", payment_notices.c.next_time, postgresql_where=text("apply_time is null"))
Index("payment_notices_age", payment_notices.c.receive_time)

provider_refunds = Table(
    "provider_refunds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("intent_id", Uuid, ForeignKey("payment_intents.id", name="provider_refunds_intent"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("charge", Text, nullable=False),
    Column("transaction_charged", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, CheckConstraint("amount > 0", name="provider_refunds_amount"), nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("refund_id", Uuid),
    Column("position", Integer),
    Column("round", Integer, nullable=False),
    Column("reference", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_time", DateTime(timezone=True)),
    Column("transaction", Text, nullable=False),
    Column("settle_time", DateTime(timezone=True)),
    Column("detail", Text, nullable=False),
    Column("given_up", Boolean, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("amount <= total", name="provider_refunds_total"),
    CheckConstraint("state in ('PENDING', 'SUCCEEDED', 'FAILED')", name="provider_refunds_state"),
)
Index("provider_refunds_reference", provider_refunds.c.reference, unique=True)
# A refund of an order gives each payment back once; a charge goes back whole once.
Index(
    "provider_refunds_refund",
    provider_refunds.c.refund_id,
    provider_refunds.c.position,
    unique=True,
    postgresql_where=text("refund_id is not null"),
)
Index(
    "provider_refunds_whole",
    provider_refunds.c.provider,
    provider_refunds.c.charge,
    provider_refunds.c.transaction_charged,
    unique=True,
    postgresql_where=text("refund_id is null"),
)
Index("provider_refunds_latest", provider_refunds.c.create_time, provider_refunds.c.id)
Index("provider_refunds_order", provider_refunds.c.order_id, provider_refunds.c.create_time, provider_refunds.c.id)
Index("provider_refunds_next", provider_refunds.c.next_time, postgresql_where=text("state = 'PENDING'"))
Index("provider_refunds_settled", provider_refunds.c.provider, provider_refunds.c.settle_time)

reconciliation_reports = Table(
    "reconciliation_reports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("differences", BigInteger, nullable=False),
    Column("compare_time", DateTime(timezone=True)),
    Column("lease_time", DateTime(timezone=True)),
)
Index("reconciliation_reports_day", reconciliation_reports.c.provider, reconciliation_reports.c.day, unique=True)

reconciliation_differences = Table(
    "reconciliation_differences",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column(
        "report_id",
        Uuid,
        ForeignKey("reconciliation_reports.id", name="reconciliation_differences_report"),
        nullable=False,
    ),
    Column("provider", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("kind", Text, nullable=False),
    Column("movement", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("transaction", Text, nullable=False),
    Column("order_id", Uuid),
    Column("ours", BigInteger),
    Column("theirs", BigInteger),
    Column("currency", Text, nullable=False),
    Column("find_time", DateTime(timezone=True), nullable=False),
    Column("resolve_time", DateTime(timezone=True)),
    Column("note", Text, nullable=False),
)
Index("reconciliation_differences_latest", reconciliation_differences.c.find_time, reconciliation_differences.c.id)
Index(
    "reconciliation_differences_open",
    reconciliation_differences.c.provider,
    reconciliation_differences.c.movement,
    reconciliation_differences.c.reference,
    postgresql_where=text("resolve_time is null"),
)
