"""The tables of pipeline. Money is minor units beside its currency; instants are UTC."""

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
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kit import schema

metadata = MetaData()
schema.define(metadata)


def _resource() -> list[Column[object]]:
    """What every resource has: when it was made and changed, and which version it is."""
    return [
        Column("create_time", DateTime(timezone=True), nullable=False),
        Column("update_time", DateTime(timezone=True), nullable=False),
        Column("version", BigInteger, nullable=False),
    ]


def _org(table: str) -> tuple[Column[object], Index]:
    """The part of the organisation that something belongs to, and the index by which lists find those of a part."""
    return (
        Column("org", Text, nullable=False, server_default=""),
        Index(
            f"{table}_by_org",
            "org",
            "id",
            postgresql_ops={"org": "text_pattern_ops"},
            postgresql_where=text("org <> ''"),
        ),
    )


reps = Table(
    "reps",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("available", Boolean, nullable=False),
    *_resource(),
    *_org("reps"),
    CheckConstraint("weight between 1 and 1000", name="reps_weight"),
)

rotations = Table(
    "rotations",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("period", BigInteger, nullable=False),
    Column("shares", JSONB, nullable=False),
    Column("queue", JSONB, nullable=False),
    comment="Where each rule of assignment stands; the lock on the row makes assignments one after the other.",
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("match_key", Text, nullable=False),
    Column("parent", Uuid, ForeignKey("accounts.id")),
    Column("industry", Text, nullable=False),
    Column("website", Text, nullable=False),
    Column("owner", Uuid, ForeignKey("reps.id")),
    *_resource(),
    *_org("accounts"),
    CheckConstraint("parent <> id", name="accounts_parent"),
    Index("accounts_by_match_key", "match_key", "id"),
    Index("accounts_by_parent", "parent", "id"),
    Index("accounts_by_owner", "owner", "id"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("job_title", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("email", Text, nullable=False),
    *_resource(),
    *_org("contacts"),
    Index("contacts_by_phone", "phone", "id", postgresql_where=text("phone <> ''")),
    Index("contacts_by_email", "email", "id", postgresql_where=text("email <> ''")),
)

account_roles = Table(
    "account_roles",
    metadata,
    Column("contact", Uuid, ForeignKey("contacts.id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("account", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("influence", SmallInteger, nullable=False),
    UniqueConstraint("contact", "account", "role", name="account_roles_once"),
    CheckConstraint("influence between 0 and 5", name="account_roles_influence"),
    Index("account_roles_by_account", "account", "contact"),
)

leads = Table(
    "leads",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("company_name", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("owner", Uuid, ForeignKey("reps.id")),
    Column("account", Uuid, ForeignKey("accounts.id")),
    Column("contact", Uuid, ForeignKey("contacts.id")),
    Column("opportunity", Uuid),
    Column("disqualify_reason", Text, nullable=False),
    *_resource(),
    *_org("leads"),
    CheckConstraint(
        "(state = 'CONVERTED') = (account is not null and contact is not null and opportunity is not null)",
        name="leads_converted_whole",
    ),
    Index("leads_by_owner", "owner", "id"),
    Index("leads_by_state", "state", "id"),
    Index("leads_waiting", "id", postgresql_where=text("owner is null and state = 'OPEN'")),
)

lead_keys = Table(
    "lead_keys",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("lead", Uuid, ForeignKey("leads.id"), nullable=False),
    Index("lead_keys_by_lead", "lead"),
    comment="By which open leads are known again; one key belongs to one of them.",
)

assignments = Table(
    "assignments",
    metadata,
    Column("lead", Uuid, ForeignKey("leads.id"), primary_key=True),
    Column("owner", Uuid, ForeignKey("reps.id"), nullable=False),
    Column("rule", Text, nullable=False),
    Column("period", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("candidates", JSONB, nullable=False),
    Column("assign_time", DateTime(timezone=True), nullable=False),
    UniqueConstraint("rule", "period", "sequence", name="assignments_in_sequence"),
    Index("assignments_by_owner", "owner"),
    comment="Append-only.",
)

opportunities = Table(
    "opportunities",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("account", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("contact", Uuid, ForeignKey("contacts.id")),
    Column("owner", Uuid, ForeignKey("reps.id")),
    Column("amount", BigInteger),
    Column("currency", Text),
    Column("close_date", Date),
    Column("stage", Text, nullable=False),
    Column("stage_time", DateTime(timezone=True), nullable=False),
    Column("lead", Uuid, ForeignKey("leads.id")),
    Column("quote", Uuid),
    Column("order", Uuid),
    Column("loss_reason", Text, nullable=False),
    Column("competitor", Text, nullable=False),
    Column("steps", Integer, nullable=False),
    *_resource(),
    *_org("opportunities"),
    CheckConstraint("(amount is null) = (currency is null)", name="opportunities_money"),
    UniqueConstraint("lead", name="opportunities_one_per_lead"),
    Index("opportunities_by_account", "account", "id"),
    Index("opportunities_by_owner", "owner", "id"),
    Index("opportunities_by_stage", "stage", "id"),
)

stage_changes = Table(
    "stage_changes",
    metadata,
    Column("opportunity", Uuid, ForeignKey("opportunities.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("from_stage", Text, nullable=False),
    Column("to_stage", Text, nullable=False),
    Column("change_time", DateTime(timezone=True), nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("amount", BigInteger),
    Column("currency", Text),
    Column("reason", Text, nullable=False),
    CheckConstraint("(amount is null) = (currency is null)", name="stage_changes_money"),
    Index("stage_changes_by_time", "change_time"),
    comment="Append-only; the only source of the funnel.",
)

quotes = Table(
    "quotes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("opportunity", Uuid, ForeignKey("opportunities.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("expire_time", DateTime(timezone=True)),
    Column("content_hash", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("accept_time", DateTime(timezone=True)),
    *_resource(),
    UniqueConstraint("opportunity", "revision", name="quotes_revisions"),
    Index(
        "quotes_one_live",
        "opportunity",
        unique=True,
        postgresql_where=text("state in ('OFFERED', 'ACCEPTED')"),
    ),
    comment="The content never changes; only state, accept_time, update_time and version do.",
)

quote_lines = Table(
    "quote_lines",
    metadata,
    Column("quote", Uuid, ForeignKey("quotes.id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("product", Uuid, nullable=False),
    Column("title", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    comment="Append-only.",
)
