"""Stored value, gift cards, rights cards."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statements in (STORED_VALUE, GIFT_CARDS, RIGHTS_CARDS):
        op.execute(statements)


STORED_VALUE = """
create table stored_value_rules (
    currency text not null,
    version integer not null,
    rules jsonb not null,
    update_time timestamptz not null,
    constraint stored_value_rules_pkey primary key (currency, version)
);
create table top_ups (
    id uuid not null,
    owner uuid not null,
    of_card boolean not null,
    currency text not null,
    store text not null,
    reference text not null,
    principal bigint not null,
    bonus bigint not null,
    rules integer not null,
    create_time timestamptz not null,
    refunded_principal bigint not null,
    refunded_bonus bigint not null,
    primary key (id),
    constraint top_ups_principal check (refunded_principal between 0 and principal),
    constraint top_ups_bonus check (refunded_bonus between 0 and bonus)
);
create index top_ups_owner on top_ups (owner, id);
create unique index top_ups_reference on top_ups (reference) where reference <> '';
create index top_ups_time on top_ups (currency, create_time);
create table stored_payments (
    id uuid not null,
    owner uuid not null,
    of_card boolean not null,
    currency text not null,
    store text not null,
    source text not null,
    reference text not null,
    draw_order text not null,
    asked bigint not null,
    principal bigint not null,
    bonus bigint not null,
    state text not null,
    create_time timestamptz not null,
    expire_time timestamptz,
    end_time timestamptz,
    refunded_principal bigint not null,
    refunded_bonus bigint not null,
    primary key (id),
    constraint stored_payments_parts check (principal + bonus between 1 and asked),
    constraint stored_payments_principal check (refunded_principal between 0 and principal),
    constraint stored_payments_bonus check (refunded_bonus between 0 and bonus),
    constraint stored_payments_end check ((state = 'HELD') = (end_time is null))
);
create index stored_payments_due on stored_payments (expire_time) where state = 'HELD';
create index stored_payments_owner on stored_payments (owner, id);
create unique index stored_payments_reference on stored_payments (reference) where reference <> '';
create index stored_payments_time on stored_payments (currency, end_time) where state = 'PAID';
create table stored_refunds (
    id uuid not null,
    document uuid not null,
    owner uuid not null,
    of_top_up boolean not null,
    currency text not null,
    store text not null,
    reference text not null,
    principal bigint not null,
    bonus bigint not null,
    create_time timestamptz not null,
    primary key (id),
    constraint stored_refunds_parts check (principal >= 0 and bonus >= 0)
);
create index ix_stored_refunds_document on stored_refunds (document);
create unique index stored_refunds_reference on stored_refunds (reference) where reference <> '';
create index stored_refunds_time on stored_refunds (currency, create_time);
"""

GIFT_CARDS = """
create table gift_cards (
    id uuid not null,
    batch text not null,
    currency text not null,
    value bigint not null,
    promotional boolean not null,
    state text not null,
    code bytea not null,
    code_suffix text not null,
    claim bytea,
    offer_expire_time timestamptz,
    holder uuid,
    top_up uuid,
    store text not null,
    create_time timestamptz not null,
    activate_time timestamptz,
    expire_time timestamptz,
    void_reason text not null,
    primary key (id),
    constraint gift_cards_offer check ((state = 'OFFERED') = (claim is not null)),
    constraint gift_cards_claim check ((claim is null) = (offer_expire_time is null))
);
create index gift_cards_batch on gift_cards (batch, id);
create unique index gift_cards_claim_code on gift_cards (claim) where claim is not null;
create unique index gift_cards_code on gift_cards (code);
create index gift_cards_due on gift_cards (expire_time)
    where state in ('ISSUED', 'ACTIVE', 'OFFERED') and expire_time is not null;
create index gift_cards_holder on gift_cards (holder, id) where holder is not null;
"""

RIGHTS_CARDS = """
create table rights_card_products (
    id uuid not null,
    version integer not null,
    terms jsonb not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    constraint rights_card_products_pkey primary key (id, version)
);
create table rights_cards (
    id uuid not null,
    member uuid not null,
    product uuid not null,
    state text not null,
    store text not null,
    end_time timestamptz not null,
    lapse_time timestamptz not null,
    auto_renew boolean not null,
    attempt_time timestamptz,
    freeze_time timestamptz,
    cancel_time timestamptz,
    create_time timestamptz not null,
    grace_days integer not null,
    version bigint not null,
    primary key (id),
    constraint rights_cards_freeze check ((state = 'FROZEN') = (freeze_time is not null)),
    constraint rights_cards_times check (end_time <= lapse_time)
);
create index rights_cards_attempts on rights_cards (attempt_time) where state = 'ACTIVE' and auto_renew;
create index rights_cards_due on rights_cards (lapse_time) where state = 'ACTIVE';
create index rights_cards_member on rights_cards (member, id);
create index rights_cards_renewals on rights_cards (end_time, id) where state = 'ACTIVE' and auto_renew;
create table rights_card_terms (
    card uuid not null,
    number integer not null,
    start_time timestamptz not null,
    end_time timestamptz not null,
    product_version integer not null,
    price bigint,
    currency text,
    payment uuid,
    reference text not null,
    constraint rights_card_terms_pkey primary key (card, number),
    constraint rights_card_terms_times check (start_time < end_time)
);
create unique index rights_card_terms_reference on rights_card_terms (reference) where reference <> '';
create table benefit_counters (
    card uuid not null,
    benefit text not null,
    period timestamptz not null,
    used integer not null,
    constraint benefit_counters_pkey primary key (card, benefit, period),
    constraint benefit_counters_used check (used >= 0)
);
create table benefit_uses (
    id uuid not null,
    card uuid not null,
    benefit text not null,
    period timestamptz not null,
    count integer not null,
    source text not null,
    reference text not null,
    use_time timestamptz not null,
    reverse_time timestamptz,
    primary key (id),
    constraint benefit_uses_count check (count > 0)
);
create unique index benefit_uses_reference on benefit_uses (reference) where reference <> '';
create index ix_benefit_uses_card on benefit_uses (card);
"""
